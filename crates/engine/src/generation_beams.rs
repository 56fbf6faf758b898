//! The end of a beam search, told as tokens.

use super::{End, Generation};
use crate::api::{Event, Interruption, TokenEvent};
use crate::beams::{BeamHypothesis, BeamTree};
use crate::sequence::Sequence;
use crate::thinking::PartTexts;
use model::TokenId;

impl Generation {
    /// Tells the best hypothesis of a beam search that is over, as the tokens of the request.
    pub fn tell_beams(&mut self) -> End {
        let beams = self.beams.as_ref().expect("it is a beam search");
        let best = beams.hypotheses().first().expect("a search ends with a hypothesis");
        self.output = beams.blank().clone();
        let mut untold = PartTexts::default();
        let mut is_full = false;
        for (index, (&id, &logprob)) in best.ids.iter().zip(&best.logprobs).enumerate() {
            let said = self.output.push(id, None);
            if is_full {
                untold.push(&said.texts);
                continue;
            }
            let texts = said.texts.clone();
            let delivered = self.client.send(Event::Token(TokenEvent {
                request: self.client.request(),
                index,
                id,
                text: said.texts.answer,
                thinking_text: said.texts.thinking,
                part: said.part,
                forced: None,
                probability: sampling::beam::probability(logprob),
                nucleus_size: beams.width(),
                logprobs: None,
                trace: None,
                draft: None,
            }));
            match delivered {
                Ok(()) => {}
                // Nobody can read so many tokens at once: the rest comes with the last event.
                Err(Interruption::SinkFull) => {
                    is_full = true;
                    untold.push(&texts);
                }
                Err(interruption) => return End::Interrupted(interruption),
            }
        }
        self.untold_texts = untold;
        End::Stopped(best.stop_reason.clone())
    }

    /// The generated tokens; for a beam search those of its best hypothesis, all that it returns,
    /// and how it went.
    pub(super) fn take_results(
        &mut self,
        sequence: &Sequence,
    ) -> (Vec<TokenId>, Vec<BeamHypothesis>, Option<Box<BeamTree>>) {
        let Some(beams) = self.beams.take() else {
            return (sequence.generated().to_vec(), Vec::new(), None);
        };
        let (hypotheses, tree) = beams.into_results();
        let ids = hypotheses.first().map_or(Vec::new(), |best| best.ids.clone());
        (ids, hypotheses, tree)
    }
}
