//! From tokens to the text of thought and answer.

use super::{
    AnswerGate, ForcedBy, ForcedToken, Part, PartTexts, ThinkingPlan, ThinkingReport,
    ThinkingTracker,
};
use crate::admission::EngineInfo;
use crate::api::GenerateRequest;
use model::TokenId;
use sampling::stop::{StopStringMatch, StopStrings};
use std::sync::Arc;
use text::{Detokenizer, Tokenizer};

/// Writes one answer. Stop strings within the answer are looked for elsewhere; those within the
/// thought here, for only here the two are apart.
#[derive(Clone)]
pub(crate) struct Writer {
    detokenizer: Detokenizer,
    /// None where nothing is known of thoughts: all is answer.
    tracker: Option<ThinkingTracker>,
    /// Looked for in thoughts; empty unless that was asked for.
    thought_stops: StopStrings,
    min_tokens: usize,
    token_count: usize,
}

/// What a token adds.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Written {
    pub part: Part,
    pub texts: PartTexts,
    /// The stop string that the thought has just come to.
    pub stop: Option<StopStringMatch>,
}

impl Writer {
    /// For an answer to `request`, which was let in: its numbers fit together.
    pub fn new(
        request: &GenerateRequest,
        prompt_tokens: usize,
        tokenizer: &Arc<Tokenizer>,
        info: &EngineInfo,
    ) -> Self {
        let (params, keep_special) = (&request.params, request.text.keep_special);
        let detokenizer = tokenizer.detokenizer(!keep_special);
        // A grammar counts every byte, a blank at the beginning too.
        let detokenizer = match request.text.continues_prompt || request.grammar.is_some() {
            true => detokenizer.continuing(),
            false => detokenizer,
        };
        let eos_ids = match params.ignore_eos() {
            true => &[],
            false => params.eos_ids(&info.eos_ids),
        };
        let tracker = request.thinking.as_ref().map(|setup| {
            let room = info.context_tokens_max.saturating_sub(prompt_tokens);
            let limit = params.max_tokens().map_or(room, |max_tokens| max_tokens.min(room));
            let plan = ThinkingPlan::of(request, limit, info.vocab_size);
            let plan = plan.unwrap_or_default();
            let tracker = ThinkingTracker::new(setup, plan, tokenizer, eos_ids, keep_special);
            match request.grammar.is_some() {
                true => tracker.with_shaped_answer(),
                false => tracker,
            }
        });
        let thought_stops = match params.stop_in_thinking() {
            true => StopStrings::from_params(params),
            false => StopStrings::default(),
        };
        let min_tokens = params.min_tokens();
        Self { detokenizer, tracker, thought_stops, min_tokens, token_count: 0 }
    }

    /// The token that must come next.
    pub fn forced(&self) -> Option<ForcedToken> {
        self.tracker.as_ref()?.forced()
    }

    /// The token that comes in place of the one that was chosen.
    pub fn instead_of(&self, chosen: TokenId) -> Option<ForcedToken> {
        self.tracker.as_ref()?.instead_of(chosen)
    }

    /// What may come next, for a grammar.
    pub fn gate(&self) -> AnswerGate<'_> {
        self.tracker.as_ref().map_or(AnswerGate::Open, ThinkingTracker::gate)
    }

    /// Takes the next token that does not end the text.
    pub fn push(&mut self, token: TokenId, forced: Option<ForcedBy>) -> Written {
        self.token_count += 1;
        let Some(tracker) = &mut self.tracker else {
            // A model may know more ids than its tokenizer; such a token has no text.
            let answer = self.detokenizer.push(token).unwrap_or_default();
            let texts = PartTexts { answer, ..PartTexts::default() };
            return Written { texts, ..Written::default() };
        };
        let (part, mut texts) = tracker.push(token, forced, &mut self.detokenizer);
        if self.token_count < self.min_tokens {
            return Written { part, texts, stop: None };
        }
        let (mut shown, stop) = self.thought_stops.push(&texts.thinking);
        if part != Part::Thinking && stop.is_none() {
            shown.push_str(&self.thought_stops.flush());
        }
        texts.thinking = shown;
        if stop.is_some() {
            texts.answer.clear();
        }
        Written { part, texts, stop }
    }

    /// What is still held back when no more tokens come.
    pub fn finish(&mut self) -> PartTexts {
        let rest = self.detokenizer.flush();
        let Some(tracker) = &mut self.tracker else {
            return PartTexts { answer: rest, ..PartTexts::default() };
        };
        let mut texts = tracker.finish(&rest);
        let (mut shown, _) = self.thought_stops.push(&texts.thinking);
        shown.push_str(&self.thought_stops.flush());
        texts.thinking = shown;
        texts
    }

    /// Tokens of thought so far.
    pub fn thinking_tokens(&self) -> usize {
        self.tracker.as_ref().map_or(0, ThinkingTracker::thinking_tokens)
    }

    /// Where the thought was made to end, and why.
    pub fn forced_end(&self) -> Option<(usize, ForcedBy)> {
        self.tracker.as_ref()?.forced_end()
    }

    /// What became of the thought; none where there was none.
    pub fn report(&self) -> Option<ThinkingReport> {
        self.tracker.as_ref()?.report()
    }
}
