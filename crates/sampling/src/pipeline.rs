//! The pipeline of one sequence: logits -> stages in order -> softmax -> selector -> token.
//!
//! The order of the stages is the table in [`stages`](crate::stages). A pipeline is
//! built once per sequence from validated parameters and then sees every step of it:
//! [`choose`](Pipeline::choose) proposes a token, [`accept`](Pipeline::accept) makes it part of the
//! history. They are apart because a proposed token need not be kept (a draft that is rejected, a
//! forced token in its place), and because stages then never have to take anything back.

use crate::TokenId;
use crate::candidates::{Candidates, ChooseError, Logit};
use crate::head::Head;
use crate::logprobs::{self, Logprobs, LogprobsMode};
use crate::params::SamplingParams;
use crate::random::{Purpose, uniform};
use crate::selector::Selector;
use crate::stages::{Stage, StepContext, build_stages};
use crate::trace::ChoiceTrace;

/// Where a sequence stands when its pipeline is built.
#[derive(Debug, Clone, Copy, Default)]
pub struct SequenceStart<'a> {
    /// The prompt's tokens.
    pub prompt: &'a [TokenId],
    /// Tokens generated earlier, in order: empty, or the output so far of a resumed sequence.
    pub generated: &'a [TokenId],
    /// The model's end-of-sequence ids (the request may replace them).
    pub eos_ids: &'a [TokenId],
    /// The seed: the request's, or one that the caller drew and reports.
    pub seed: u64,
    /// Number of this choice among those of its request, from 0.
    pub choice_index: u32,
    /// What [`Pipeline::state`] gave when the sequence was left; empty at its beginning.
    pub stage_state: &'a [(&'a str, f64)],
}

impl SequenceStart<'_> {
    /// The number that was saved under a name, if it can be one that a stage gave.
    pub fn saved(&self, name: &str) -> Option<f64> {
        let saved = self.stage_state.iter().find(|(saved, _)| *saved == name);
        saved.map(|&(_, value)| value).filter(|value| value.is_finite())
    }
}

/// The stages and the selector of one sequence.
pub struct Pipeline {
    stages: Vec<Box<dyn Stage>>,
    /// Present when the stages come down to a few of the largest logits.
    head: Option<Head>,
    selector: Selector,
    seed: u64,
    choice_index: u32,
    /// How many alternatives to name with processed log-probabilities, if these are wanted.
    processed_count: Option<usize>,
    /// Those of the last choice.
    processed: Option<Logprobs>,
}

/// The token of a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Choice {
    /// The token.
    pub token: TokenId,
    /// The probability it was taken with, after all stages; 1 for greedy.
    pub probability: f64,
    /// How many candidates were left to choose from (the nucleus); 1 for greedy.
    pub nucleus_size: usize,
}

impl Pipeline {
    /// Builds the pipeline of a sequence, at its beginning or where it was left.
    pub fn new(params: &SamplingParams, start: &SequenceStart<'_>) -> Self {
        let selector = if params.is_greedy() { Selector::Greedy } else { Selector::Categorical };
        let stages = build_stages(params, start);
        let processed = params.logprobs() && params.logprobs_mode() == LogprobsMode::Processed;
        let processed_count = processed.then(|| params.top_logprobs());
        // Log-probabilities need every candidate that the stages leave, greedy or not.
        let head = if processed { None } else { Head::of(&stages, selector) };
        let (seed, choice_index) = (start.seed, start.choice_index);
        Self { stages, head, selector, seed, choice_index, processed_count, processed: None }
    }

    /// Chooses the token of a step.
    ///
    /// `logits` is the model's row (f32; f64 where numbers come from a file): one value per
    /// vocabulary entry, finite or -inf. `candidates` is
    /// the thread's buffer; afterwards it holds the candidates that were left to choose from.
    /// The mask of `step`, if it has one, comes before all stages: nothing else can be chosen.
    /// Nothing is remembered until [`accept`](Self::accept), so the same step may be asked again.
    pub fn choose<L: Logit>(
        &mut self,
        candidates: &mut Candidates,
        logits: &[L],
        step: &StepContext<'_>,
        trace: Option<&mut ChoiceTrace>,
    ) -> Result<Choice, ChooseError> {
        match trace {
            None => {
                let done = match (step.mask, &mut self.head) {
                    (None, Some(head)) => head.load(candidates, logits, &self.stages, step)?,
                    (mask, _) => {
                        candidates.load(logits)?;
                        mask.map_or(Ok(()), |mask| mask.restrict(candidates))?;
                        0
                    }
                };
                for stage in &mut self.stages[done..] {
                    stage.apply(candidates, step);
                }
                Ok(self.select(candidates, step, None))
            }
            Some(trace) => {
                candidates.load(logits)?;
                trace.start(candidates);
                if let Some(mask) = step.mask {
                    let mut outcome = Ok(());
                    trace.stage(crate::mask::STAGE_NAME, candidates, |left| {
                        outcome = mask.restrict(left);
                        None
                    });
                    outcome?;
                }
                for stage in &mut self.stages {
                    trace.stage(stage.name(), candidates, |left| stage.apply(left, step));
                }
                Ok(self.select(candidates, step, Some(trace)))
            }
        }
    }

    /// Applies the mask and the stages, and chooses nothing: what is left in `candidates` is ranked
    /// elsewhere, as a beam search does.
    pub(crate) fn shape(
        &mut self,
        candidates: &mut Candidates,
        values: &[f64],
        step: &StepContext<'_>,
    ) -> Result<(), ChooseError> {
        candidates.load(values)?;
        if let Some(mask) = step.mask {
            mask.restrict(candidates)?;
        }
        for stage in &mut self.stages {
            stage.apply(candidates, step);
        }
        Ok(())
    }

    /// Makes a token part of the sequence: once per token, in order, forced tokens included.
    pub fn accept(&mut self, token: TokenId) {
        for stage in &mut self.stages {
            stage.accept(token);
        }
    }

    /// What stages remember beyond the tokens, by name: empty for most requests. A pipeline built
    /// from the same parameters and tokens with this as its `stage_state` goes on as this one does.
    pub fn state(&self) -> Vec<(&'static str, f64)> {
        let mut state = Vec::new();
        for stage in &self.stages {
            stage.save(&mut state);
        }
        state
    }

    /// A pipeline with the same history for another continuation, which draws its own numbers.
    pub fn fork(&self, choice_index: u32) -> Self {
        let mut stages: Vec<_> = self.stages.iter().map(|stage| stage.fork()).collect();
        stages.iter_mut().for_each(|stage| stage.set_choice_index(choice_index));
        Self {
            stages,
            head: self.head.clone(),
            selector: self.selector,
            seed: self.seed,
            choice_index,
            processed_count: self.processed_count,
            processed: None,
        }
    }

    /// The log-probabilities of the last choice in the distribution that all stages left, if the
    /// parameters ask for these.
    pub fn take_processed_logprobs(&mut self) -> Option<Logprobs> {
        self.processed.take()
    }

    /// Names of the stages that are really applied, in order.
    pub fn stage_names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.stages.iter().map(|stage| stage.name())
    }

    /// How the token is taken in the end.
    pub fn selector(&self) -> Selector {
        self.selector
    }

    fn select(
        &mut self,
        candidates: &mut Candidates,
        step: &StepContext<'_>,
        trace: Option<&mut ChoiceTrace>,
    ) -> Choice {
        let (seed, choice_index) = (self.seed, self.choice_index);
        let draw = || uniform(seed, choice_index, step.step, Purpose::Draw);
        // Greedy leaves one candidate: what it was chosen from must be seen before.
        if let (Some(count), Selector::Greedy) = (self.processed_count, self.selector) {
            let best = candidates.ids()[candidates.best()];
            self.processed = Some(logprobs::processed(candidates, best, count));
        }
        let selection = self.selector.select(candidates, draw);
        if let (Some(count), Selector::Categorical) = (self.processed_count, self.selector) {
            let chosen = candidates.ids()[selection.index];
            self.processed = Some(logprobs::processed(candidates, chosen, count));
        }
        let choice = Choice {
            token: candidates.ids()[selection.index],
            probability: selection.probability,
            nucleus_size: candidates.len(),
        };
        if let Some(trace) = trace {
            trace.finish(candidates, &choice, selection.draw);
        }
        choice
    }
}
