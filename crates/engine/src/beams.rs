//! One request's beam search: its hypotheses between the model's logits and the caller's events.
//!
//! What is searched and kept is decided in [`sampling::beam`]. Here every living hypothesis has its
//! pipeline and its text, each in step with a branch in the scheduler. Nothing is told before the
//! end, since a token of today's best hypothesis may be in none tomorrow.

use crate::admission::{Admission, EngineInfo, Limit};
use crate::api::{GenerateRequest, LimitOverflow, LimitSetBy};
use crate::branches::Child;
use crate::limits::BEAM_TREE_ENTRIES_MAX;
use crate::output::Output;
use crate::rejection::Rejection;
use crate::sequence::Sequence;
use crate::thinking::PartTexts;
use model::{Logits, TokenId};
use sampling::beam::{
    Ask, BeamSearch, BeamSettings, BeamStep, Branches, Continuation, Expander, Hypothesis,
};
use sampling::candidates::{Candidates, ChooseError};
use sampling::params::ParamError;
use sampling::pipeline::Pipeline;
use sampling::stages::StepContext;
use sampling::stop::StopReason;

/// A finished hypothesis of a beam search.
#[derive(Clone, Debug, PartialEq)]
pub struct BeamHypothesis {
    /// The generated tokens, the ending one included.
    pub ids: Vec<TokenId>,
    /// Their text, without the thought.
    pub text: String,
    /// The text of the thought.
    pub thinking_text: String,
    /// What it is ranked by: the sum divided by length ^ `length_penalty`.
    pub score: f64,
    /// Sum of the tokens' log-probabilities, after the stages.
    pub sum_logprob: f64,
    /// What each token added to the sum.
    pub logprobs: Vec<f64>,
    /// What ended it.
    pub stop_reason: StopReason,
}

/// How a beam search went, step by step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BeamTree {
    /// For each step the hypotheses that lived on, whose number in the list is what `parent` means
    /// in the next step, and those that ended. Before the first step there is one, the prompt.
    pub steps: Vec<BeamStep>,
    /// Whether later steps were left out: only so many entries are kept.
    pub is_cut: bool,
    entry_count: usize,
}

/// The state of a search.
pub(crate) struct Beams {
    search: BeamSearch,
    /// One per living hypothesis, in the order of the scheduler's branches.
    branches: Vec<Branch>,
    /// The output before its first token.
    blank: Output,
    expander: Expander,
    tree: Option<BeamTree>,
    /// The best ones, once the search is over.
    hypotheses: Vec<BeamHypothesis>,
}

struct Branch {
    pipeline: Pipeline,
    output: Output,
}

impl Beams {
    /// A search that begins behind the prompt.
    pub fn new(
        request: &GenerateRequest,
        limit: Limit,
        info: &EngineInfo,
        pipeline: Pipeline,
        output: &Output,
    ) -> Self {
        let tokens_max = limit.completion_tokens_max;
        let reason = match limit.set_by {
            LimitSetBy::MaxTokens => StopReason::MaxTokens,
            LimitSetBy::Context => StopReason::ContextFull,
        };
        let settings = BeamSettings::new(&request.params, &info.eos_ids, tokens_max, reason);
        let mut blank = output.clone();
        blank.set_max_tokens(tokens_max);
        Beams {
            search: BeamSearch::new(settings),
            branches: vec![Branch { pipeline, output: blank.clone() }],
            blank,
            expander: Expander::default(),
            tree: request.beam_tree.then(BeamTree::default),
            hypotheses: Vec::new(),
        }
    }

    /// Computes a step of the search; row `first_row` and those behind it are the branches'.
    pub fn step(
        &mut self,
        sequences: &[Sequence],
        logits: &Logits,
        first_row: usize,
        candidates: &mut Candidates,
    ) -> Result<BeamStep, ChooseError> {
        let branches = &mut self.branches;
        let expander = &mut self.expander;
        self.search.step(&mut Step { branches, expander, sequences, logits, first_row, candidates })
    }

    /// Makes a step known: which branches live on. None do when the search is over.
    pub fn settle(&mut self, step: BeamStep) -> Vec<Child> {
        let live = step.live.iter().map(|next| {
            let parent = &self.branches[next.parent];
            let mut pipeline = parent.pipeline.fork(0);
            pipeline.accept(next.token);
            let mut output = parent.output.clone();
            output.push(next.token, None);
            Branch { pipeline, output }
        });
        self.branches = live.collect();
        let child = |next: &sampling::beam::LiveHypothesis| Child {
            parent: next.parent,
            token: next.token,
        };
        let children = step.live.iter().map(child).collect();
        if let Some(tree) = &mut self.tree {
            tree.add(step);
        }
        children
    }

    /// The search is over: reads the best hypotheses.
    pub fn finish(&mut self) {
        let found = self.search.clone().into_hypotheses();
        self.hypotheses = found.into_iter().map(|found| self.read(found)).collect();
    }

    /// The best hypotheses, best first; none before the end.
    pub fn hypotheses(&self) -> &[BeamHypothesis] {
        &self.hypotheses
    }

    /// The output before its first token.
    pub fn blank(&self) -> &Output {
        &self.blank
    }

    /// Hypotheses that live at once, at most.
    pub fn width(&self) -> usize {
        self.search.settings().num_beams
    }

    /// The results.
    pub fn into_results(self) -> (Vec<BeamHypothesis>, Option<Box<BeamTree>>) {
        (self.hypotheses, self.tree.map(Box::new))
    }

    fn read(&self, found: Hypothesis) -> BeamHypothesis {
        let Hypothesis { ids, logprobs, sum_logprob, score, stop } = found;
        let mut output = self.blank.clone();
        let mut texts = PartTexts::default();
        for &token in &ids {
            texts.push(&output.push(token, None).texts);
        }
        BeamHypothesis {
            ids,
            text: texts.answer,
            thinking_text: texts.thinking,
            score,
            sum_logprob,
            logprobs,
            stop_reason: stop,
        }
    }
}

impl BeamTree {
    fn add(&mut self, step: BeamStep) {
        self.entry_count += step.live.len() + step.ended.len();
        self.is_cut = self.is_cut || self.entry_count > BEAM_TREE_ENTRIES_MAX;
        if !self.is_cut {
            self.steps.push(step);
        }
    }
}

/// What the search asks about, during a step.
struct Step<'a> {
    branches: &'a mut [Branch],
    expander: &'a mut Expander,
    sequences: &'a [Sequence],
    logits: &'a Logits,
    first_row: usize,
    candidates: &'a mut Candidates,
}

impl Branches for Step<'_> {
    type Error = ChooseError;

    fn expand(&mut self, branch: usize, ask: Ask<'_>) -> Result<Vec<Continuation>, ChooseError> {
        let sequence = &self.sequences[branch];
        let context = StepContext::new(sequence.prompt(), sequence.generated());
        let row = self.logits.row(self.first_row + branch);
        let pipeline = &mut self.branches[branch].pipeline;
        self.expander.expand(pipeline, self.candidates, row, &context, ask)
    }

    fn ending(&mut self, branch: usize, token: TokenId) -> Option<StopReason> {
        let stop = self.branches[branch].output.clone().push(token, None).stop;
        // Limits end all hypotheses at once, which the search does itself.
        stop.filter(|stop| !matches!(stop, StopReason::MaxTokens | StopReason::ContextFull))
    }

    fn generated(&self, branch: usize) -> &[TokenId] {
        self.sequences[branch].generated()
    }
}

impl Admission {
    /// Checks what only matters for a beam search, and fits its limit into the memory.
    pub(crate) fn check_beams(
        &self,
        request: &GenerateRequest,
        limit: Limit,
    ) -> Result<Limit, Rejection> {
        let num_beams = request.params.beams().num_beams;
        if num_beams == 1 {
            return Ok(limit);
        }
        let refuse = |param: &str, message: String| {
            Err(Rejection::Param(ParamError { param: param.to_owned(), message }))
        };
        let params = &request.params;
        let clashes = [
            ("trace", request.trace.is_some()),
            ("prompt_logprobs", request.prompt_logprobs.is_some()),
            ("generated", !request.generated.is_empty()),
            ("thinking_budget", params.thinking_budget().is_some()),
            ("answer_reserve", params.answer_reserve() > 0),
            ("reasoning_effort", request.thinking.as_ref().is_some_and(|t| t.effort.is_some())),
            (
                request.grammar.as_ref().map_or("grammar", |grammar| grammar.kind()),
                request.grammar.is_some(),
            ),
        ];
        if let Some((param, _)) = clashes.iter().find(|(_, given)| *given) {
            let message = format!("`{param}` cannot be given with `num_beams` above 1");
            return refuse(param, message);
        }
        let places = self.info.sequences_max;
        if num_beams > places {
            let message = format!(
                "`num_beams` must be at most {places}, the sequences that this engine runs at \
                 once; given {num_beams}"
            );
            return refuse("num_beams", message);
        }
        let (prompt_tokens, tokens_max) = (request.prompt.len(), limit.completion_tokens_max);
        let fitting = self.info.beam_tokens_max(prompt_tokens, num_beams);
        let may_shrink =
            limit.set_by == LimitSetBy::Context || request.on_overflow == LimitOverflow::Shrink;
        match fitting {
            _ if fitting >= tokens_max => Ok(limit),
            1.. if may_shrink => {
                Ok(Limit { completion_tokens_max: fitting, set_by: LimitSetBy::Context })
            }
            _ => refuse(
                "num_beams",
                format!(
                    "`num_beams` {num_beams} with {prompt_tokens} prompt tokens leaves room for \
                     {fitting} new tokens in the key-value memory of this engine; given \
                     {tokens_max}"
                ),
            ),
        }
    }
}

impl EngineInfo {
    /// Tokens that hypotheses can generate when they hold all memory and share no more than the
    /// whole blocks of the prompt.
    fn beam_tokens_max(&self, prompt_tokens: usize, num_beams: usize) -> usize {
        let shared_blocks = prompt_tokens / self.kv_block_tokens;
        let own_blocks = self.kv_blocks_max.saturating_sub(shared_blocks) / num_beams;
        ((shared_blocks + own_blocks) * self.kv_block_tokens).saturating_sub(prompt_tokens)
    }
}
