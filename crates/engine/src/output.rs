//! What a request's tokens say: their text, held against the stop rules.
//!
//! A pure function of the request and the tokens, so that the same tokens can be read again: when a
//! generation is continued later, and for each smaller limit of a list (see [`crate::views`]).

use crate::admission::EngineInfo;
use crate::api::GenerateRequest;
use model::TokenId;
use sampling::stop::{StopRules, StopStrings, StopTracker, TokenVerdict};
use std::cell::RefCell;
use text::{Detokenizer, Tokenizer};

/// Follows one request from its first generated token to its end.
#[derive(Clone)]
pub(crate) struct Output {
    tracker: StopTracker,
    detokenizer: Detokenizer,
}

impl Output {
    /// Starts before the first token that follows `prompt_tokens` of the prompt.
    pub fn new(
        request: &GenerateRequest,
        prompt_tokens: usize,
        tokenizer: &Tokenizer,
        info: &EngineInfo,
    ) -> Self {
        let rules = StopRules::new(&request.params, &info.eos_ids, info.context_tokens_max);
        let strings = StopStrings::from_params(&request.params);
        let detokenizer = tokenizer.detokenizer(!request.text.keep_special);
        Output {
            tracker: StopTracker::new(rules, strings, prompt_tokens),
            detokenizer: match request.text.continues_prompt {
                true => detokenizer.continuing(),
                false => detokenizer,
            },
        }
    }

    /// Takes the next token: what may now be shown, and why the request ends if it does.
    pub fn push(&mut self, token: TokenId) -> TokenVerdict {
        let detokenizer = RefCell::new(&mut self.detokenizer);
        // A model may know more ids than its tokenizer; such a token has no text.
        let text_of = |token| detokenizer.borrow_mut().push(token).unwrap_or_default();
        let rest = || detokenizer.borrow_mut().flush();
        self.tracker.push(token, text_of, rest)
    }

    /// How many tokens were taken.
    pub fn token_count(&self) -> usize {
        self.tracker.output_tokens()
    }

    /// Replaces the limit, from the next token on.
    pub fn set_max_tokens(&mut self, max_tokens: usize) {
        self.tracker.set_max_tokens(max_tokens);
    }

    /// What was held back, for a request that is cut off from outside.
    pub fn release(&mut self) -> String {
        self.tracker.release() + &self.detokenizer.flush()
    }
}
