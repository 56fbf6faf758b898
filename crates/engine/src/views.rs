//! One run, every limit: what each smaller limit would have given.
//!
//! With a fixed seed a step never looks at the limit, so the tokens under a limit are the first
//! ones of those under any larger limit. [`views`] reads the tokens of one run again and says, for
//! each limit of a list, what a run with that limit alone would have said: text, ending, usage.
//! Pure: whoever measured the tokens' times knows the latency at each limit from the token count.
//!
//! Where the limit itself shapes the tokens this cannot hold; [`limit_shapes_tokens`] names the
//! reason, and [`runs`] then asks for one run per limit.

use crate::admission::EngineInfo;
use crate::api::{GenerateRequest, Usage};
use crate::collect::Completion;
use crate::output::Output;
use crate::thinking::{PartTexts, ThinkingReport};
use model::TokenId;
use sampling::params::ParamError;
use sampling::stop::{FinishReason, StopReason};
use std::sync::Arc;
use text::Tokenizer;

/// What a request gives under one limit.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// The limit, in tokens.
    pub limit: usize,
    /// The tokens, the ending one included: `ids.len()` is the number to look up the time by.
    pub ids: Vec<TokenId>,
    /// The text, exactly as a run with this limit alone returns it.
    pub text: String,
    /// The text of the thought.
    pub thinking_text: String,
    /// What became of the thought; none where there was none.
    pub thinking: Option<ThinkingReport>,
    /// The API's word for the ending.
    pub finish_reason: FinishReason,
    /// Exactly what ended it.
    pub stop_reason: StopReason,
    /// What a run with this limit alone uses.
    pub usage: Usage,
    /// Index of the run among those given to [`views`].
    pub run_index: usize,
}

/// Why the tokens of this request depend on its limit: the parameter that makes them. None when a
/// smaller limit gives the first tokens of a larger one.
///
/// Whatever reads the limit to choose a token has to be named here.
pub fn limit_shapes_tokens(request: &GenerateRequest) -> Option<&'static str> {
    // At the limit all hypotheses end, also those that a longer search would have left behind.
    let beams = request.params.is_beam_search().then_some("num_beams");
    // A document is closed in time.
    let shaped_by_grammar = request.grammar.as_ref().map(|grammar| grammar.kind());
    beams
        .or_else(|| crate::thinking::shaped_by_limit(request))
        .or(shaped_by_grammar)
        .or(request.shaped_by_limit)
}

impl GenerateRequest {
    /// Whether a smaller limit gives the first tokens of a larger one.
    pub fn prefix_safe(&self) -> bool {
        limit_shapes_tokens(self).is_none()
    }
}

/// The runs that answer a request with a list of limits: itself, or one per limit where the limit
/// shapes the tokens. A request without a list is its own only run.
///
/// # Errors
/// When a limit of the list does not go with the other parameters by itself.
pub fn runs(request: &GenerateRequest) -> Result<Vec<GenerateRequest>, ParamError> {
    let limits = request.params.limits();
    if limits.is_empty() || request.prefix_safe() {
        return Ok(vec![request.clone()]);
    }
    let run = |params| GenerateRequest { params, params_by_limit: Vec::new(), ..request.clone() };
    if !request.params_by_limit.is_empty() {
        return Ok(request.params_by_limit.iter().cloned().map(run).collect());
    }
    limits.iter().map(|&limit| Ok(run(request.params.with_max_tokens(limit)?))).collect()
}

/// What each limit of the request's list gives, in the order of the list. `completions` are those
/// of [`runs`], in order; `tokenizer` and `info` are the engine's.
///
/// # Panics
/// When there are not as many completions as runs.
pub fn views(
    request: &GenerateRequest,
    completions: &[Completion],
    tokenizer: &Arc<Tokenizer>,
    info: &EngineInfo,
) -> Vec<View> {
    let limits = request.params.limits();
    if let [completion] = completions {
        return replay(request, completion, limits, tokenizer, info);
    }
    assert_eq!(limits.len(), completions.len(), "one run per limit");
    let whole = |(run_index, (&limit, completion)): (usize, (&usize, &Completion))| View {
        run_index,
        ..whole(limit, completion)
    };
    limits.iter().zip(completions).enumerate().map(whole).collect()
}

/// The views of one run under any limits, in their order. A limit beyond the run's own gives the
/// run as it ended.
pub fn replay(
    request: &GenerateRequest,
    completion: &Completion,
    limits: &[usize],
    tokenizer: &Arc<Tokenizer>,
    info: &EngineInfo,
) -> Vec<View> {
    let finished = &completion.finished;
    let mut cuts: Vec<(usize, Option<View>)> = limits.iter().map(|&limit| (limit, None)).collect();
    let mut output = Output::new(request, finished.usage.prompt_tokens, tokenizer, info);
    output.set_max_tokens(usize::MAX);
    let resumed_tokens = finished.usage.resumed_tokens;
    let mut texts = PartTexts::default();
    for (index, &id) in finished.ids.iter().enumerate() {
        let count = index + 1;
        let event =
            index.checked_sub(resumed_tokens).and_then(|index| completion.tokens.get(index));
        let forced = event.and_then(|event| event.forced);
        for (limit, view) in cuts.iter_mut().filter(|(limit, _)| *limit == count) {
            let mut cut = output.clone();
            cut.set_max_tokens(*limit);
            let said = cut.push(id, forced);
            let stop = said.stop.expect("a limit that is reached ends the request");
            *view = Some(View {
                ids: finished.ids[..count].to_vec(),
                text: format!("{}{}", texts.answer, said.texts.answer),
                thinking_text: format!("{}{}", texts.thinking, said.texts.thinking),
                finish_reason: stop.finish_reason(),
                stop_reason: stop,
                usage: Usage {
                    completion_tokens: count,
                    thinking_tokens: cut.thinking_tokens(),
                    resumed_tokens: finished.usage.resumed_tokens.min(count),
                    ..finished.usage
                },
                thinking: cut.thinking(),
                ..whole(*limit, completion)
            });
        }
        texts.push(&output.push(id, forced).texts);
    }
    // Under its own limit the run says itself how it ended: by more than tokens tell, as with the
    // end of a document.
    let own = request.params.max_tokens();
    let view = |(limit, view): (usize, Option<View>)| match view {
        Some(view) if own != Some(limit) => view,
        _ => whole(limit, completion),
    };
    cuts.into_iter().map(view).collect()
}

/// A run as it ended, seen as the answer under `limit`.
fn whole(limit: usize, completion: &Completion) -> View {
    let finished = &completion.finished;
    View {
        limit,
        ids: finished.ids.clone(),
        text: completion.text.clone(),
        thinking_text: completion.thinking_text.clone(),
        thinking: finished.thinking,
        finish_reason: finished.finish_reason,
        stop_reason: finished.stop_reason.clone(),
        usage: finished.usage,
        run_index: 0,
    }
}
