//! One answer: from a prompt and its parameters to what the engine said, with its times.

use crate::runs::{Run, limit_views, run_all};
use answers::RequestError;
use answers::answer::Answer;
use answers::computing::Computing;
use answers::effective::Effective;
use answers::open_model::OpenModel;
use answers::prompt::Prompt;
use answers::request::{Extras, request};
use answers::structured::GrammarCompiler;

use crate::draft_flags;
use clap::ArgMatches;
use engine::views;
use engine::{Engine, EngineConfig, Event, GenerateRequest, Speculation};
use grammar::{Grammar, GrammarSource};
use model::Forward;
use std::sync::Arc;

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
        Generator::computing_as(model, flags, crate::computing::from_flags(flags), sequences)
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
        let loaded = model.load(&computing, &crate::computing::effort(flags)?)?;
        let config =
            EngineConfig { eos_ids: Some(model.eos_ids.clone()), ..EngineConfig::default() };
        let wanted_tokens = loaded.context_tokens_max().saturating_mul(sequences.max(1));
        let wanted_bytes = wanted_tokens
            .next_multiple_of(config.kv_block_tokens)
            .saturating_mul(loaded.kv_shape().position_bytes());
        let config = config.with_kv_bytes(loaded.kv_shape(), wanted_bytes.min(KV_BYTES_MAX));
        let engine = Engine::new(Box::new(loaded), model.tokenizer.clone(), config)?;
        let engine = draft_flags::with_draft(engine, model, flags, &computing)?;
        let (speculation, grammars) = (draft_flags::source(flags), GrammarCompiler::default());
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
            let runs = views::runs(&request).map_err(RequestError::from)?;
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
            let views = limit_views(&request, &own, &self.engine);
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
