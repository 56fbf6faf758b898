//! How drafts enter a step and leave it: asked for before the plan, checked while it is settled.

use crate::draft::{DraftOutcome, Speculation, Wish};
use crate::engine::Engine;
use crate::generation::{Chosen, End};
use crate::limits::DRAFT_ROWS_MAX;
use crate::sequence::SequenceId;
use model::TokenId;

/// The guesses of a segment, to be compared with what is chosen.
#[derive(Default)]
pub(crate) struct Guesses {
    pub tokens: Vec<TokenId>,
    /// The row of logits that the first one is compared with; the others follow.
    pub first_row: usize,
}

impl Engine {
    /// Lets the sequences that decode have guesses at their next tokens.
    pub(crate) fn draft(&mut self) {
        let rows_max = self.scheduler.spare_rows().min(DRAFT_ROWS_MAX);
        let mut wishes: Vec<Wish<'_>> = Vec::new();
        for (&request, generation) in &self.generations {
            if rows_max == 0 || generation.speculation() == Speculation::Off {
                continue;
            }
            let sequence = self.scheduler.running(SequenceId::first(request));
            wishes.extend(sequence.and_then(|sequence| generation.wish(sequence)));
        }
        if wishes.is_empty() {
            return;
        }
        for (request, draft) in self.drafter.draft(&wishes, rows_max) {
            self.scheduler.set_draft(SequenceId::first(request), draft);
        }
    }

    /// Makes a chosen token known, and goes on in the rows of the guesses as long as they are what
    /// is chosen: each choice sees all tokens before it, as without guesses. How many tokens it
    /// made, and how the request ends if it does.
    pub(crate) fn settle_chosen(
        &mut self,
        owner: SequenceId,
        mut chosen: Chosen,
        guesses: &Guesses,
    ) -> (usize, Option<End>) {
        let (mut count, mut accepted_count) = (0, 0);
        let end = loop {
            let token = chosen.choice.token;
            let guess = guesses.tokens.get(count).copied();
            let accepted = guess == Some(token);
            chosen.draft = guess.map(|token| DraftOutcome { token, accepted });
            count += 1;
            accepted_count += usize::from(accepted);
            self.scheduler.append(owner, token);
            let generation = self.generations.get_mut(&owner.request).expect("it is not finished");
            let end = generation.settle_token(chosen);
            if end.is_some() || !accepted {
                break end;
            }
            let sequence = self.scheduler.running(owner).expect("a planned sequence runs");
            let logits = self.logits.row(guesses.first_row + count);
            match generation.choose(logits, sequence, &mut self.scratch) {
                Ok(next) => chosen = next,
                Err(interruption) => break Some(End::Interrupted(interruption)),
            }
        };
        if !guesses.tokens.is_empty() {
            // Guesses behind the end of the answer were neither right nor wrong.
            let offered_count = match end {
                Some(_) => guesses.tokens.len().min(count),
                None => guesses.tokens.len(),
            };
            self.scheduler.keep_drafted(owner, accepted_count);
            self.drafter.learn(owner.request, offered_count, accepted_count);
            let generation = self.generations.get_mut(&owner.request).expect("it is not finished");
            generation.count_draft(offered_count, accepted_count);
        }
        (count, end)
    }
}
