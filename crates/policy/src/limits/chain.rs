//! One number's way through everybody's bounds.

use super::bounds::{Bound, Bounds};
use super::start::Start;
use crate::config::Over;
use crate::decision::{Decision, SetBy};
use crate::refusal::Refusal;
use crate::wish::{Facts, Who};

/// What a number is held against.
pub(crate) struct Chain<'a> {
    pub bounds: &'a Bounds,
    pub facts: &'a Facts,
    pub who: &'a Who,
    /// Tokens of the window that the prompt leaves.
    pub room: u64,
    /// Answers that share what is left of the budgets.
    pub choices: u64,
}

impl Chain<'_> {
    /// The decision and the number that counts.
    pub fn follow(&self, start: Start) -> Result<(Decision, u64), Refusal> {
        let Start { mut decision, mut tokens, is_number } = start;
        let is_asked = !decision.asked.is_null();
        if let Some(bound) = self.broken(tokens) {
            if is_asked && bound.over == Over::Reject {
                return Err(self.outside(tokens, &decision));
            }
            tokens = bound.tokens;
            decision.change(bound.by, tokens, bound.rule.clone());
        }
        if let Some(left) = self.facts.budget_left_tokens.map(|left| left / self.choices) {
            if left == 0 {
                return Err(self.used_up());
            }
            if tokens > left {
                tokens = left;
                decision.change(SetBy::Budget, tokens, "what the key's budgets leave");
            }
        }
        if tokens > self.room {
            if is_number && self.bounds.over_window == Over::Reject {
                return Err(self.beyond_window(tokens));
            }
            tokens = self.room;
            decision.change(SetBy::Context, tokens, self.window_rule());
        }
        Ok((decision, tokens))
    }

    /// The bound that a number breaks.
    fn broken(&self, tokens: u64) -> Option<&Bound> {
        let Bounds { min, max, .. } = self.bounds;
        let above = max.as_ref().filter(|max| tokens > max.tokens);
        above.or_else(|| min.as_ref().filter(|min| tokens < min.tokens))
    }

    fn window_rule(&self) -> String {
        let Facts { prompt_tokens, context_tokens_max, .. } = self.facts;
        format!("a window of {context_tokens_max} with a prompt of {prompt_tokens}")
    }

    fn outside(&self, tokens: u64, decision: &Decision) -> Refusal {
        let Bounds { min, max, .. } = self.bounds;
        let least = min.as_ref().map_or(1, |min| min.tokens);
        let allowed = match max {
            Some(max) => format!("from {least} to {}", max.tokens),
            None => format!("at least {least}"),
        };
        let rule = self.broken(tokens).map(|bound| bound.rule.as_str()).unwrap_or_default();
        let given = match decision.asked.as_str() {
            Some(preset) => format!("length {preset:?}, {tokens} tokens"),
            None => tokens.to_string(),
        };
        let param = if decision.asked.is_string() { "length" } else { "max_tokens" };
        let message = format!("`max_tokens` must be {allowed} here ({rule}); given {given}");
        Refusal::parameter(param, message)
    }

    fn beyond_window(&self, tokens: u64) -> Refusal {
        let Facts { prompt_tokens, context_tokens_max, .. } = self.facts;
        let message = format!(
            "this model's maximum context length is {context_tokens_max} tokens; the prompt's \
             {prompt_tokens} and `max_tokens` {tokens} are {}: ask for {} at most, or for none to \
             get what fits into `{}`",
            prompt_tokens.saturating_add(tokens),
            self.room,
            self.who.model,
        );
        Refusal::parameter("max_tokens", message).with_code("context_length_exceeded")
    }

    fn used_up(&self) -> Refusal {
        let message = format!(
            "the budgets of this key leave {} tokens for the {} answers of this request",
            self.facts.budget_left_tokens.unwrap_or(0),
            self.choices,
        );
        Refusal {
            status: 429,
            kind: "rate_limit_error",
            param: None,
            ..Refusal::parameter("", message).with_code("insufficient_quota")
        }
    }
}
