//! One sequence's ending: tokens and text in, safe text and the reason out.

use super::{StopReason, StopRules, StopStrings};
use crate::TokenId;

/// Follows one sequence from its first generated token to its end.
///
/// When several rules hold at one token the order is: end token, stop token, stop string, token
/// limit, context. So an end token exactly at the limit is a `stop`, and so is a stop string that
/// is completed there.
#[derive(Debug, Clone)]
pub struct StopTracker {
    rules: StopRules,
    strings: StopStrings,
    prompt_tokens: usize,
    output_tokens: usize,
}

/// What a token changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenVerdict {
    /// Text that may be shown now; at the end everything that was held back and still counts.
    pub text: String,
    /// Why the sequence ends with this token, if it does.
    pub stop: Option<StopReason>,
}

impl StopTracker {
    /// Starts before the first generated token; a resumed sequence pushes its earlier tokens again.
    pub fn new(rules: StopRules, strings: StopStrings, prompt_tokens: usize) -> Self {
        Self { rules, strings, prompt_tokens, output_tokens: 0 }
    }

    /// Takes the next token.
    ///
    /// `text_of(token)` is asked for the whole characters that the token adds (the detokenizer's
    /// push); it is not asked for a token that ends the sequence, because such a token has no text.
    /// `rest()` is asked at an end that is not a stop string for what the detokenizer still holds
    /// (an unfinished character).
    pub fn push(
        &mut self,
        token: TokenId,
        text_of: impl FnOnce(TokenId) -> String,
        rest: impl FnOnce() -> String,
    ) -> TokenVerdict {
        self.output_tokens += 1;
        if let Some(stop) = self.rules.ends_on(token) {
            return self.finish(String::new(), rest, stop);
        }
        let added = text_of(token);
        let text = if self.rules.strings_count(self.output_tokens) {
            let (text, found) = self.strings.push(&added);
            if let Some(found) = found {
                return TokenVerdict { text, stop: Some(found.into()) };
            }
            text
        } else {
            added
        };
        let context_tokens = self.prompt_tokens + self.output_tokens;
        match self.rules.limit_reached(self.output_tokens, context_tokens) {
            Some(stop) => self.finish(text, rest, stop),
            None => TokenVerdict { text, stop: None },
        }
    }

    /// Ends the sequence from outside (cancelled, failed): the text that was held back.
    pub fn release(&mut self) -> String {
        self.strings.flush()
    }

    /// Replaces the limit of tokens to generate, from the next token on.
    pub fn set_max_tokens(&mut self, max_tokens: usize) {
        self.rules.max_tokens = Some(max_tokens);
    }

    /// How many tokens were generated, ending token included.
    pub fn output_tokens(&self) -> usize {
        self.output_tokens
    }

    fn finish(
        &mut self,
        mut text: String,
        rest: impl FnOnce() -> String,
        stop: StopReason,
    ) -> TokenVerdict {
        text.push_str(&self.strings.flush());
        text.push_str(&rest());
        TokenVerdict { text, stop: Some(stop) }
    }
}
