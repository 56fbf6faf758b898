//! What a request's tokens say: their text, held against the stop rules.
//!
//! A pure function of the request and the tokens, so that the same tokens can be read again: when a
//! generation is continued later, and for each smaller limit of a list (see [`crate::views`]).

use crate::admission::EngineInfo;
use crate::api::GenerateRequest;
use crate::thinking::{
    AnswerGate, ForcedBy, ForcedToken, Part, PartTexts, ThinkingReport, Writer, Written,
};
use model::TokenId;
use sampling::stop::{StopReason, StopRules, StopStrings, StopTracker};
use std::cell::RefCell;
use std::sync::Arc;
use text::Tokenizer;

/// Follows one request from its first generated token to its end.
#[derive(Clone)]
pub(crate) struct Output {
    tracker: StopTracker,
    writer: Writer,
}

/// What a token says.
#[derive(Debug)]
pub(crate) struct Said {
    /// What the token belongs to.
    pub part: Part,
    /// What may now be shown.
    pub texts: PartTexts,
    /// Why the request ends, if it does.
    pub stop: Option<StopReason>,
}

impl Output {
    /// Starts before the first token that follows `prompt_tokens` of the prompt.
    pub fn new(
        request: &GenerateRequest,
        prompt_tokens: usize,
        tokenizer: &Arc<Tokenizer>,
        info: &EngineInfo,
    ) -> Self {
        let rules = StopRules::new(&request.params, &info.eos_ids, info.context_tokens_max);
        let strings = StopStrings::from_params(&request.params);
        Output {
            tracker: StopTracker::new(rules, strings, prompt_tokens),
            writer: Writer::new(request, prompt_tokens, tokenizer, info),
        }
    }

    /// Takes the next token, and why it was forced if it was.
    pub fn push(&mut self, token: TokenId, forced: Option<ForcedBy>) -> Said {
        let writer = RefCell::new((&mut self.writer, Written::default()));
        let text_of = |token| {
            let (writer, written) = &mut *writer.borrow_mut();
            *written = writer.push(token, forced);
            std::mem::take(&mut written.texts.answer)
        };
        let rest = || {
            let (writer, written) = &mut *writer.borrow_mut();
            let texts = writer.finish();
            written.texts.thinking.push_str(&texts.thinking);
            texts.answer
        };
        let verdict = self.tracker.push(token, text_of, rest);
        let (_, Written { part, texts, stop }) = writer.into_inner();
        Said {
            part,
            texts: PartTexts { answer: verdict.text, ..texts },
            stop: stop.map(StopReason::from).or(verdict.stop),
        }
    }

    /// The token that must come next, whatever is chosen.
    pub fn forced(&self) -> Option<ForcedToken> {
        self.writer.forced()
    }

    /// The token that comes in place of the one that was chosen.
    pub fn instead_of(&self, chosen: TokenId) -> Option<ForcedToken> {
        self.writer.instead_of(chosen)
    }

    /// What may come next, for a grammar.
    pub fn gate(&self) -> AnswerGate<'_> {
        self.writer.gate()
    }

    /// How many tokens were taken.
    pub fn token_count(&self) -> usize {
        self.tracker.output_tokens()
    }

    /// Tokens of thought so far.
    pub fn thinking_tokens(&self) -> usize {
        self.writer.thinking_tokens()
    }

    /// Where the thought was made to end, and why.
    pub fn forced_end(&self) -> Option<(usize, ForcedBy)> {
        self.writer.forced_end()
    }

    /// What became of the thought; none where there was none.
    pub fn thinking(&self) -> Option<ThinkingReport> {
        self.writer.report()
    }

    /// Replaces the limit, from the next token on. Thoughts stay bounded as they were.
    pub fn set_max_tokens(&mut self, max_tokens: usize) {
        self.tracker.set_max_tokens(max_tokens);
    }

    /// What was held back, for a request that is cut off from outside.
    pub fn release(&mut self) -> PartTexts {
        let PartTexts { thinking, answer } = self.writer.finish();
        PartTexts { thinking, answer: self.tracker.release() + &answer }
    }
}
