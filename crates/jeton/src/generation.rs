//! One answer: from a prompt and its parameters to what the engine said, with its times.

use crate::computing::Computing;
use crate::effective::{Effective, SetBy};
use crate::jsonl::RequestError;
use crate::limit_views::LimitView;
use crate::open_model::OpenModel;
use crate::prompt::Prompt;
use crate::runs::{Run, run_all};
use crate::structured::GrammarCompiler;
use crate::thinking::Prepared;
use crate::{model_profile, speculation, thinking};
use clap::ArgMatches;
use engine::views;
use engine::{
    Completion, Engine, EngineConfig, Event, GenerateRequest, LimitOverflow, Speculation,
    TextOptions,
};
use grammar::{Grammar, GrammarSource};
use model::Forward;
use sampling::params::ParamError;
use std::sync::Arc;
use std::time::Duration;

/// Key-value memory that one command may take, in bytes, unless the context needs less. Taken only
/// as sequences grow.
const KV_BYTES_MAX: usize = 8 << 30;

/// A model that generates.
pub struct Generator {
    engine: Engine,
    computing: Computing,
    grammars: GrammarCompiler,
    speculation: Speculation,
}

/// What a request asks for beyond its prompt and parameters.
#[derive(Clone, Debug, Default)]
pub struct Extras {
    /// Trace each choice, with that many candidates per list.
    pub trace: Option<usize>,
    /// Show special tokens in the text.
    pub show_special: bool,
    /// The shape of the output.
    pub grammar: Option<GrammarSource>,
}

/// An answer with its times.
#[derive(Debug)]
pub struct Answer {
    /// What was submitted.
    pub request: GenerateRequest,
    /// What the engine said.
    pub completion: Completion,
    /// What each limit of a list gives; empty without a list.
    pub views: Vec<LimitView>,
    /// What was asked for and by whom.
    pub effective: Effective,
    /// When what happened.
    pub times: Times,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum AnswerError {
    /// The prompt cannot be made or the request is refused.
    Request(RequestError),
    /// What came cannot be shown.
    Output(std::io::Error),
}

impl From<RequestError> for AnswerError {
    fn from(error: RequestError) -> Self {
        AnswerError::Request(error)
    }
}

/// A line of the protocol has no other words for an output that is gone: the next write ends it.
impl From<AnswerError> for RequestError {
    fn from(error: AnswerError) -> Self {
        match error {
            AnswerError::Request(error) => error,
            AnswerError::Output(error) => RequestError::new("output", error.to_string()),
        }
    }
}

/// Wall-clock times of one answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    /// From the request to the first token.
    pub first_token: Option<Duration>,
    /// From the first to the last token.
    pub later_tokens: Duration,
    /// From the request to its end.
    pub total: Duration,
}

impl Times {
    /// Time per output token after the first one, in milliseconds.
    pub fn tpot_ms(&self, tokens: usize) -> Option<f64> {
        (tokens > 1).then(|| self.later_tokens.as_secs_f64() * 1e3 / (tokens - 1) as f64)
    }
}

impl Generator {
    /// Loads the weights and builds an engine for `sequences` answers at a time.
    ///
    /// # Errors
    /// When the weights do not fit the model's description.
    pub fn new(
        model: &OpenModel,
        flags: &ArgMatches,
        sequences: usize,
    ) -> Result<Generator, crate::failure::Failure> {
        Generator::computing_as(model, flags, Computing::from_flags(flags), sequences)
    }

    /// As [`Generator::new`], computing in this way instead of the flags'.
    ///
    /// # Errors
    /// As [`Generator::new`].
    pub fn computing_as(
        model: &OpenModel,
        flags: &ArgMatches,
        computing: Computing,
        sequences: usize,
    ) -> Result<Generator, crate::failure::Failure> {
        let loaded = model.load_as(flags, &computing)?;
        let config =
            EngineConfig { eos_ids: Some(model.eos_ids.clone()), ..EngineConfig::default() };
        let wanted_tokens = loaded.context_tokens_max().saturating_mul(sequences.max(1));
        let wanted_bytes = wanted_tokens
            .next_multiple_of(config.kv_block_tokens)
            .saturating_mul(loaded.kv_shape().position_bytes());
        let config = config.with_kv_bytes(loaded.kv_shape(), wanted_bytes.min(KV_BYTES_MAX));
        let engine = Engine::new(Box::new(loaded), model.tokenizer.clone(), config)?;
        let engine = speculation::with_draft(engine, model, flags, &computing)?;
        let (speculation, grammars) = (speculation::source(flags), GrammarCompiler::default());
        Ok(Generator { engine, computing, grammars, speculation })
    }

    /// The request of a prompt.
    ///
    /// # Errors
    /// When the prompt cannot be made, or a parameter does not go with the model.
    pub fn request(
        &mut self,
        model: &OpenModel,
        prompt: &Prompt,
        effective: &Effective,
        extras: Extras,
    ) -> Result<GenerateRequest, RequestError> {
        let grammar = self.grammar(model, extras.grammar.as_ref())?;
        let speculation = self.speculation;
        Ok(GenerateRequest { grammar, speculation, ..request(model, prompt, effective, extras)? })
    }

    /// Answers one prompt; `show` gets each event as it comes. Ctrl-C cancels the answer, and so
    /// does a `show` that fails: its error is the answer's.
    ///
    /// # Errors
    /// When the prompt cannot be made, the request is refused, or `show` fails.
    pub fn answer(
        &mut self,
        model: &OpenModel,
        prompt: &Prompt,
        effective: Effective,
        extras: Extras,
        show: impl FnMut(&Event) -> std::io::Result<()>,
    ) -> Result<Answer, AnswerError> {
        let request = self.request(model, prompt, &effective, extras)?;
        one_answer(&request)?;
        self.answer_request(request, effective, show)
    }

    /// Answers a request that is made already.
    ///
    /// # Errors
    /// As [`Generator::answer`].
    pub fn answer_request(
        &mut self,
        request: GenerateRequest,
        effective: Effective,
        mut show: impl FnMut(&Event) -> std::io::Result<()>,
    ) -> Result<Answer, AnswerError> {
        let answers = self.answer_all(vec![request], &effective, |_, event| show(event))?;
        Ok(answers.into_iter().next().expect("one request has one answer"))
    }

    /// Answers requests in one batch, each once or, where it lists limits that shape its tokens,
    /// once per limit. `show` gets the number of a request with its events, under its largest
    /// limit.
    ///
    /// # Errors
    /// As [`Generator::answer`].
    pub fn answer_all(
        &mut self,
        requests: Vec<GenerateRequest>,
        effective: &Effective,
        mut show: impl FnMut(usize, &Event) -> std::io::Result<()>,
    ) -> Result<Vec<Answer>, AnswerError> {
        let mut parts = Vec::with_capacity(requests.len());
        let mut all = Vec::new();
        for mut request in requests {
            request.speculation = self.speculation;
            let runs = views::runs(&request).map_err(param_error)?;
            let limit_of = |request: &GenerateRequest| request.params.max_tokens();
            let shown = runs.iter().position(|run| limit_of(run) == limit_of(&request));
            let shown = shown.expect("the largest limit is one of the list");
            parts.push((request, runs.len(), all.len() + shown));
            all.extend(runs);
        }
        let shown: Vec<usize> = parts.iter().map(|(_, _, shown)| *shown).collect();
        let show = |index: usize, event: &Event| match shown.binary_search(&index) {
            Ok(part) => show(part, event),
            Err(_) => Ok(()),
        };
        let mut runs = run_all(&mut self.engine, all, show)?.into_iter();
        let (mut answers, mut first) = (Vec::with_capacity(parts.len()), 0);
        for (request, run_count, shown) in parts {
            let mut own: Vec<Run> = runs.by_ref().take(run_count).collect();
            let views = LimitView::of(&request, &own, &self.engine);
            let run = own.swap_remove(shown - first);
            first += run_count;
            let (times, completion) = (run.times(), run.completion);
            let effective = effective.clone();
            answers.push(Answer { request, completion, effective, times, views });
        }
        Ok(answers)
    }

    /// The shape that a source asks for, made for the model's tokens; none for none.
    ///
    /// # Errors
    /// When the source is refused.
    pub fn grammar(
        &mut self,
        model: &OpenModel,
        source: Option<&GrammarSource>,
    ) -> Result<Option<Arc<Grammar>>, RequestError> {
        source.map(|source| self.grammars.compile(model, source)).transpose()
    }

    /// The engine, for requests that are not one answer.
    pub fn engine(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// How the model is computed.
    pub fn computing(&self) -> &Computing {
        &self.computing
    }
}

/// The request of a prompt.
///
/// # Errors
/// When the prompt cannot be made, or a parameter does not go with the model.
pub fn request(
    model: &OpenModel,
    prompt: &Prompt,
    effective: &Effective,
    extras: Extras,
) -> Result<GenerateRequest, RequestError> {
    let is_set = |name: &str| effective.set_by(name) == SetBy::Request;
    model_profile::of(model).check_locked(&model.name(), is_set)?;
    let Prepared { ids, thinking } = thinking::prepare(model, prompt, &effective.params)?;
    let vocab_size = model.file.config().vocab_size;
    effective.params.check_vocabulary(vocab_size).map_err(param_error)?;
    let seed = effective.params.seed().unwrap_or_else(fresh_seed);
    let asked = is_set("max_tokens");
    Ok(GenerateRequest {
        on_overflow: if asked { LimitOverflow::Refuse } else { LimitOverflow::Shrink },
        text: TextOptions {
            keep_special: extras.show_special,
            continues_prompt: prompt.is_continued(),
        },
        trace: extras.trace,
        thinking,
        ..GenerateRequest::new(ids, effective.params.clone(), seed)
    })
}

/// Refuses several choices where there is one answer.
///
/// # Errors
/// When there would be more than one.
pub fn one_answer(request: &GenerateRequest) -> Result<(), RequestError> {
    if request.params.choices_made() > 1 {
        let message = "`n` and `best_of` must be 1 here: only `generate` without `--batch` gives \
                       several answers";
        return Err(RequestError::parameter("n", message));
    }
    Ok(())
}

fn param_error(error: ParamError) -> RequestError {
    RequestError::parameter(&error.param, error.message)
}

/// A seed for a request without one; short enough to be typed again.
fn fresh_seed() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    // The standard library seeds its hash maps from the system's randomness.
    RandomState::new().build_hasher().finish() % 1_000_000_000
}
