//! How long a request may think.

use super::ThinkingSetup;
use crate::api::GenerateRequest;
use crate::limits::SOFT_CLOSE_TOKENS_MAX;
use crate::rejection::Rejection;
use sampling::params::{ParamError, SamplingParams};
use text::thinking::ThinkingStart;

/// A budget as a share of the tokens that may be generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EffortBudget {
    /// The share, in percent.
    pub percent: usize,
    /// Its upper end, in tokens.
    pub tokens_max: usize,
    /// Tokens that are kept for the answer where the request names no reserve, in percent.
    pub reserve_percent: usize,
}

/// The numbers that end a thought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ThinkingPlan {
    /// Most tokens of thought.
    pub budget: Option<usize>,
    /// Tokens kept for the answer; 0 keeps none.
    pub answer_reserve: usize,
    /// Most tokens generated when the thought's end is written; none keeps no reserve.
    pub close_before: Option<usize>,
    /// Tokens before the bound in which a natural place ends the thought.
    pub soft_window: usize,
}

impl ThinkingPlan {
    /// The plan of a request that can generate `limit` tokens, by a model that knows `vocab_size`.
    ///
    /// # Errors
    /// Numbers that contradict each other or the model.
    pub fn of(
        request: &GenerateRequest,
        limit: usize,
        vocab_size: usize,
    ) -> Result<Self, Rejection> {
        let (setup, params) = (request.thinking.as_ref(), &request.params);
        // What a grammar asks for has to fit behind a thought.
        let thinks = setup.is_some_and(|setup| setup.start != ThinkingStart::Closed);
        let grammar = request.grammar.as_ref().filter(|_| thinks);
        let document = grammar.map_or(0, |grammar| grammar.document_tokens_min());
        Self::new(setup, params, document, limit, vocab_size)
    }

    /// The plan, with at least `document_tokens` kept for the answer.
    pub(super) fn new(
        setup: Option<&ThinkingSetup>,
        params: &SamplingParams,
        document_tokens: usize,
        limit: usize,
        vocab_size: usize,
    ) -> Result<Self, Rejection> {
        let (asked, reserve) = (params.thinking_budget(), params.answer_reserve());
        let Some(setup) = setup else {
            return match (asked, reserve) {
                (Some(budget), _) => Err(no_thinking("thinking_budget", budget)),
                (None, reserve) if reserve > 0 => Err(no_thinking("answer_reserve", reserve)),
                _ => Ok(Self::default()),
            };
        };
        if setup.start == ThinkingStart::Closed && asked.is_some_and(|budget| budget > 0) {
            let budget = asked.unwrap_or_default();
            let rule = "must be 0 or absent where thinking is turned off";
            return Err(refuse("thinking_budget", format!("{rule}; given {budget}")));
        }
        let close = match setup.start {
            ThinkingStart::Closed => 0,
            _ => setup.format.close_tokens_max(),
        };
        // Where a thought and the document do not both fit, no thought is begun.
        let reserve = reserve.max(document_tokens.min(limit.saturating_sub(close)));
        if reserve > 0 && reserve.saturating_add(close) > limit {
            let rule = format!(
                "and the {close} tokens that end a thought must fit into the {limit} tokens that \
                 can be generated"
            );
            return Err(refuse("answer_reserve", format!("{rule}; given {reserve}")));
        }
        let close_ids = setup.format.close.rest.iter().chain([&setup.format.close_line]).flatten();
        if let Some(id) = close_ids.copied().find(|&id| id as usize >= vocab_size) {
            let rule = format!("needs markers that the model has; token {id} ends its thoughts");
            let given = format!("and its vocabulary has {vocab_size}");
            return Err(refuse("thinking_budget", format!("{rule}, {given}")));
        }
        Ok(match (asked, setup.effort) {
            (None, Some(effort)) => Self::of_effort(effort, reserve, close, limit),
            (budget, _) => Self::of_numbers(budget, reserve, close, limit),
        })
    }

    fn of_numbers(budget: Option<usize>, reserve: usize, close: usize, limit: usize) -> Self {
        let close_before = (reserve > 0).then(|| limit - reserve - close);
        let bound = budget.into_iter().chain(close_before).min().unwrap_or(0);
        Self {
            budget,
            answer_reserve: reserve,
            close_before,
            soft_window: (bound / 4).min(SOFT_CLOSE_TOKENS_MAX),
        }
    }

    /// An effort never contradicts a limit: it is a share of it.
    fn of_effort(effort: EffortBudget, reserve: usize, close: usize, limit: usize) -> Self {
        let share = |percent: usize| limit.saturating_mul(percent) / 100;
        let room = limit.saturating_sub(close);
        let reserve = match reserve {
            0 => share(effort.reserve_percent).min(room),
            asked => asked,
        };
        let budget = share(effort.percent).min(effort.tokens_max).min(room - reserve);
        Self::of_numbers(Some(budget), reserve, close, limit)
    }

    /// Whether anything can end a thought but the model.
    pub fn is_bounded(&self) -> bool {
        self.budget.is_some() || self.close_before.is_some()
    }

    /// Tokens of thought that still fit after `thinking` of them and `output` tokens in all.
    pub fn room(&self, thinking: usize, output: usize) -> Option<usize> {
        let in_budget = self.budget.map(|budget| budget.saturating_sub(thinking));
        let before_answer = self.close_before.map(|last| last.saturating_sub(output));
        in_budget.into_iter().chain(before_answer).min()
    }

    /// Whether the reserve, and not the budget, is what bounds the thought there.
    pub fn reserve_binds(&self, thinking: usize, output: usize) -> bool {
        let in_budget = self.budget.map_or(usize::MAX, |budget| budget.saturating_sub(thinking));
        self.close_before.is_some_and(|last| last.saturating_sub(output) < in_budget)
    }
}

fn no_thinking(param: &str, given: usize) -> Rejection {
    let rule = "needs a model that marks its thoughts, and a conversation as its prompt";
    refuse(param, format!("{rule}; this request has no thinking to bound, given {given}"))
}

fn refuse(param: &str, rule: String) -> Rejection {
    let message = format!("`{param}` {rule}");
    Rejection::Param(ParamError { param: param.to_owned(), message })
}

/// The parameter that makes thoughts depend on the limit of tokens, where one does.
pub(crate) fn shaped_by_limit(request: &GenerateRequest) -> Option<&'static str> {
    let setup = request.thinking.as_ref()?;
    let by_effort = setup.effort.is_some() && request.params.thinking_budget().is_none();
    let by_reserve = request.params.answer_reserve() > 0;
    by_reserve.then_some("answer_reserve").or(by_effort.then_some("reasoning_effort"))
}
