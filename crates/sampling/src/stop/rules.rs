//! The token and length rules of one request.

use super::StopReason;
use crate::TokenId;
use crate::params::SamplingParams;

/// Which tokens end a sequence, and how long it may get.
#[derive(Debug, Clone)]
pub struct StopRules {
    eos_ids: Vec<TokenId>,
    stop_token_ids: Vec<TokenId>,
    ignore_eos: bool,
    min_tokens: usize,
    pub(super) max_tokens: Option<usize>,
    context_tokens_max: usize,
}

impl StopRules {
    /// The rules of a request on a model with these end tokens and this context window.
    ///
    /// Without `max_tokens` in the request only the window limits the output.
    pub fn new(
        params: &SamplingParams,
        model_eos_ids: &[TokenId],
        context_tokens_max: usize,
    ) -> Self {
        Self {
            eos_ids: params.eos_ids(model_eos_ids).to_vec(),
            stop_token_ids: params.stop_token_ids().to_vec(),
            ignore_eos: params.ignore_eos(),
            min_tokens: params.min_tokens(),
            max_tokens: params.max_tokens(),
            context_tokens_max,
        }
    }

    /// Whether this token ends the sequence by itself.
    ///
    /// `min_tokens` plays no part: the pipeline removes end tokens before it, and leaves one only
    /// where nothing else is possible.
    pub fn ends_on(&self, token: TokenId) -> Option<StopReason> {
        if !self.ignore_eos && self.eos_ids.contains(&token) {
            return Some(StopReason::Eos(token));
        }
        self.stop_token_ids.contains(&token).then_some(StopReason::StopToken(token))
    }

    /// Whether a limit is reached.
    ///
    /// `output_tokens` counts the generated tokens, `context_tokens` those and the prompt's.
    pub fn limit_reached(&self, output_tokens: usize, context_tokens: usize) -> Option<StopReason> {
        if self.max_tokens.is_some_and(|max_tokens| output_tokens >= max_tokens) {
            return Some(StopReason::MaxTokens);
        }
        (context_tokens >= self.context_tokens_max).then_some(StopReason::ContextFull)
    }

    /// Whether stop strings are looked for in the text of the token with this number (from 1).
    pub fn strings_count(&self, output_tokens: usize) -> bool {
        output_tokens >= self.min_tokens
    }
}
