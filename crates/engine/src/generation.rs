//! One request on its way from logits to events: its pipeline, its text, its caller.
//!
//! The tokens themselves are the sequence's, in the scheduler. What is here follows them: the
//! pipeline is built when the sequence is first admitted and kept while it is preempted, for some
//! stages remember more than the tokens say.

use crate::admission::{Accepted, Client, EngineInfo, Limit};
use crate::api::{
    Event, Finished, GenerateRequest, Interruption, PromptLogprobs, RequestId, Started, TokenEvent,
    Usage,
};
use crate::beams::Beams;
use crate::constraint::{Constraint, MaskWorker};
use crate::draft::{DraftOutcome, Speculation, Wish};
use crate::output::{Output, Said};
use crate::sequence::{Sequence, SequenceId};
use crate::thinking::{AnswerGate, ForcedBy, ForcedToken, Part, PartTexts};
use model::TokenId;
use sampling::candidates::{Candidates, ChooseError};
use sampling::logprobs::{Logprobs, LogprobsMode, logprobs, of_forced};
use sampling::pipeline::{Choice, Pipeline, SequenceStart};
use sampling::stages::StepContext;
use sampling::stop::StopReason;
use sampling::trace::ChoiceTrace;
use std::sync::Arc;
use text::Tokenizer;

/// A request that was accepted and is not finished.
pub(crate) struct Generation {
    /// As it came, but for the prompt, which the sequence has.
    request: GenerateRequest,
    limit: Limit,
    client: Client,
    /// Present from the first admission on.
    pipeline: Option<Pipeline>,
    /// The grammar's part, if one was asked for; present from the first admission on.
    constraint: Option<Constraint>,
    output: Output,
    /// What no event has told yet: of tokens generated earlier until `Started`, and what a beam
    /// search says beyond what its reader takes at once.
    untold_texts: PartTexts,
    /// The tokens generated earlier that belong to the answer, until a grammar has taken them.
    resumed_answer_ids: Vec<TokenId>,
    /// Why there is nothing to do: the tokens generated earlier end the request.
    pub ended_earlier: Option<StopReason>,
    /// Prompt tokens whose scores were sent, counted from the first.
    scored_count: usize,
    /// Sum of the log-probabilities of the tokens generated here, where they are ranked.
    logprob_sum: f64,
    /// Drafted tokens that were checked, and how many of them were right.
    drafted_count: usize,
    accepted_count: usize,
    /// Present in a beam search, from the first admission on.
    pub beams: Option<Box<Beams>>,
}

/// What a thread reuses from choice to choice.
#[derive(Default)]
pub(crate) struct Scratch {
    pub candidates: Candidates,
    trace: ChoiceTrace,
}

/// A chosen token with what was asked about it.
pub(crate) struct Chosen {
    pub choice: Choice,
    forced: Option<ForcedToken>,
    logprobs: Option<Box<Logprobs>>,
    /// Log-probability under the model's own distribution, where choices are ranked.
    raw_logprob: f64,
    trace: Option<Box<ChoiceTrace>>,
    /// What was guessed for this step.
    pub draft: Option<DraftOutcome>,
}

/// How a request ends.
#[derive(Debug)]
pub(crate) enum End {
    /// By its own rules.
    Stopped(StopReason),
    /// From outside.
    Interrupted(Interruption),
}

impl Generation {
    /// Takes an accepted request; the sequence waits to be admitted.
    pub fn new(
        accepted: Accepted,
        tokenizer: &Arc<Tokenizer>,
        info: &EngineInfo,
    ) -> (Self, Sequence) {
        let Accepted { mut request, limit, client } = accepted;
        let prompt = std::mem::take(&mut request.prompt);
        let mut generated = std::mem::take(&mut request.generated);
        let mut output = Output::new(&request, prompt.len(), tokenizer, info);
        let Earlier { texts, answer_ids, stop } =
            read_again(&mut output, &mut generated, &request.stage_state);
        let ended_earlier = stop.or_else(|| Constraint::ended_earlier(&request, &answer_ids, info));
        let generation = Generation {
            output,
            untold_texts: texts,
            resumed_answer_ids: answer_ids,
            ended_earlier,
            limit,
            client,
            pipeline: None,
            constraint: None,
            scored_count: 0,
            logprob_sum: 0.0,
            drafted_count: 0,
            accepted_count: 0,
            beams: None,
            request,
        };
        let id = SequenceId::first(generation.client.request());
        let mut sequence = Sequence::resumed(id, prompt, &generated);
        sequence.owner = generation.request.owner;
        sequence.scores_prompt = generation.request.prompt_logprobs.is_some();
        sequence.branches_max = generation.request.params.beams().num_beams;
        (generation, sequence)
    }

    /// The sequence runs, for the first time or again.
    pub fn admit(&mut self, sequence: &Sequence, info: &EngineInfo) -> Result<(), Interruption> {
        if self.pipeline.is_some() {
            return Ok(());
        }
        let state = self.request.stage_state.iter();
        let stage_state: Vec<_> = state.map(|(name, value)| (name.as_str(), *value)).collect();
        let start = SequenceStart {
            prompt: sequence.prompt(),
            generated: sequence.generated(),
            eos_ids: &info.eos_ids,
            seed: self.request.seed,
            choice_index: self.request.choice_index,
            stage_state: &stage_state,
        };
        let resumed = std::mem::take(&mut self.untold_texts);
        let pipeline = self.pipeline.insert(Pipeline::new(&self.request.params, &start));
        if self.request.params.is_beam_search() {
            let (request, own) = (&self.request, pipeline.fork(0));
            let beams = Beams::new(request, self.limit, info, own, &self.output);
            self.beams = Some(Box::new(beams));
        }
        // The step that is under way chooses for this sequence even if it is lost.
        self.constraint = Constraint::of(&self.request, &self.resumed_answer_ids, info)?;
        self.resumed_answer_ids = Vec::new();
        self.client.send(Event::Started(Started {
            request: self.client.request(),
            prompt_tokens: sequence.prompt_count,
            resumed_tokens: sequence.resumed_count,
            resumed_text: resumed.answer,
            resumed_thinking_text: resumed.thinking,
            seed: self.request.seed,
            completion_tokens_max: self.limit.completion_tokens_max,
            limit_set_by: self.limit.set_by,
            stages: pipeline.stage_names().collect(),
        }))
    }

    /// Why the caller wants no more, if that is so.
    pub fn asked_end(&self) -> Option<&Interruption> {
        self.client.asked_end()
    }

    /// Where its drafts come from.
    pub fn speculation(&self) -> Speculation {
        match self.request.params.is_beam_search() {
            true => Speculation::Off,
            false => self.request.speculation,
        }
    }

    /// What a draft must know, when its sequence decodes and has tokens to come.
    pub fn wish<'a>(&'a self, sequence: &'a Sequence) -> Option<Wish<'a>> {
        // The token after a draft comes with it.
        let left = self.limit.completion_tokens_max - sequence.generated().len();
        let wish = Wish {
            request: sequence.id.request,
            source: self.speculation(),
            tokens: &sequence.tokens,
            prompt_count: sequence.prompt_count,
            pipeline: self.pipeline.as_ref()?,
            choice_index: self.request.choice_index,
            length_max: left - 1,
        };
        (sequence.gap() == 1 && !sequence.scores_next_rows()).then_some(wish)
    }

    /// Counts a draft that was checked.
    pub fn count_draft(&mut self, offered_count: usize, accepted_count: usize) {
        self.drafted_count += offered_count;
        self.accepted_count += accepted_count;
    }

    /// Scores the prompt token `next`, which follows the row `logits`.
    pub fn score(&self, logits: &[f32], next: TokenId) -> Result<Logprobs, ChooseError> {
        let top_count = self.request.prompt_logprobs.expect("this prompt is scored");
        logprobs(logits, next, top_count)
    }

    /// Has the mask of the next choice made, if there is one to make.
    pub fn prepare_mask(&mut self, worker: &mut MaskWorker) {
        if let Some(constraint) = &mut self.constraint
            && self.output.gate() != AnswerGate::Shut
        {
            constraint.prepare(worker);
        }
    }

    /// Chooses the token that follows the row `logits`; changes nothing yet.
    pub fn choose(
        &mut self,
        logits: &[f32],
        sequence: &Sequence,
        scratch: &mut Scratch,
    ) -> Result<Chosen, Interruption> {
        let tokens_left = self.limit.completion_tokens_max - sequence.generated().len();
        let gate = self.output.gate();
        let mask = match &mut self.constraint {
            Some(constraint) if gate != AnswerGate::Shut => {
                Some(constraint.mask(gate, tokens_left)?)
            }
            _ => None,
        };
        let step = StepContext::new(sequence.prompt(), sequence.generated()).with_mask(mask);
        let pipeline = self.pipeline.as_mut().expect("a running sequence has its pipeline");
        let candidates = &mut scratch.candidates;
        let forced = self.output.forced();
        let (mut choice, mut trace) = match self.request.trace {
            None if let Some(forced) = forced => (forced.choice(), None),
            None => (pipeline.choose(candidates, logits, &step, None)?, None),
            Some(list_max) => {
                scratch.trace.list_max = list_max;
                let trace = &mut scratch.trace;
                (pipeline.choose(candidates, logits, &step, Some(trace))?, Some(trace))
            }
        };
        let forced = match forced.or_else(|| self.output.instead_of(choice.token)) {
            None => self.closing_token(choice.token, tokens_left)?,
            forced => forced,
        };
        if let Some(forced) = forced {
            choice = forced.choice();
            trace.as_mut().into_iter().for_each(|trace| trace.force(forced.token));
        }
        let trace = trace.map(|trace| Box::new(trace_to_send(trace)));
        let logprobs = self.logprobs_of(logits, choice.token, forced.is_some())?;
        let raw_logprob = match self.request.ranked {
            true => raw_logprob(logits, choice.token)?,
            false => 0.0,
        };
        Ok(Chosen { choice, forced, logprobs, raw_logprob, trace, draft: None })
    }

    /// The log-probabilities that go with a token, if wanted: of the model's row, or of what the
    /// stages made of it, where a forced token is the only one.
    fn logprobs_of(
        &mut self,
        logits: &[f32],
        token: TokenId,
        is_forced: bool,
    ) -> Result<Option<Box<Logprobs>>, ChooseError> {
        let params = &self.request.params;
        if !params.logprobs() {
            return Ok(None);
        }
        let processed = self.pipeline.as_mut().and_then(Pipeline::take_processed_logprobs);
        let found = match params.logprobs_mode() {
            LogprobsMode::Raw => logprobs(logits, token, params.top_logprobs())?,
            LogprobsMode::Processed if is_forced => of_forced(token),
            LogprobsMode::Processed => processed.unwrap_or_else(|| of_forced(token)),
        };
        Ok(Some(Box::new(found)))
    }

    /// Sends the scores of prompt tokens from index `first_index` on that were not sent before.
    pub fn settle_scores(
        &mut self,
        first_index: usize,
        mut scores: Vec<Logprobs>,
    ) -> Result<(), Interruption> {
        let known = self.scored_count.saturating_sub(first_index).min(scores.len());
        scores.drain(..known);
        if scores.is_empty() {
            return Ok(());
        }
        let first_index = first_index + known;
        self.scored_count = first_index + scores.len();
        let request = self.client.request();
        self.client.send(Event::PromptLogprobs(PromptLogprobs {
            request,
            first_index,
            logprobs: scores,
        }))
    }

    /// Makes the token part of the output; tells how the request ends if it does.
    pub fn settle_token(&mut self, chosen: Chosen) -> Option<End> {
        let Chosen { choice, forced, logprobs, raw_logprob, trace, draft } = chosen;
        self.logprob_sum += raw_logprob;
        let index = self.output.token_count();
        self.pipeline.as_mut().expect("a running sequence has its pipeline").accept(choice.token);
        let mut said = self.output.push(choice.token, forced.map(|forced| forced.by));
        let failed = self.follow_grammar(choice.token, &mut said).err();
        let delivered = self.client.send(Event::Token(TokenEvent {
            request: self.client.request(),
            index,
            id: choice.token,
            text: said.texts.answer,
            thinking_text: said.texts.thinking,
            part: said.part,
            forced: forced.map(|forced| forced.by),
            probability: choice.probability,
            nucleus_size: choice.nucleus_size,
            logprobs,
            trace,
            draft,
        }));
        match (delivered.and(failed.map_or(Ok(()), Err)), said.stop) {
            // A last token that nobody took was no ending: its text did not arrive.
            (Err(interruption), _) => Some(End::Interrupted(interruption)),
            (Ok(()), stop) => stop.map(End::Stopped),
        }
    }

    /// The token that closes the document in time, in place of a chosen one that would not.
    fn closing_token(
        &mut self,
        chosen: TokenId,
        tokens_left: usize,
    ) -> Result<Option<ForcedToken>, Interruption> {
        let Some(constraint) = &mut self.constraint else { return Ok(None) };
        let instead = constraint.instead_of(chosen, tokens_left, self.output.gate())?;
        Ok(instead.map(|token| ForcedToken { token, by: ForcedBy::Grammar }))
    }

    /// Makes a token of the answer part of the document. A complete document ends the request,
    /// whatever else would have ended it at this token.
    fn follow_grammar(&mut self, token: TokenId, said: &mut Said) -> Result<(), Interruption> {
        let Some(constraint) = &mut self.constraint else { return Ok(()) };
        let at_limit = matches!(said.stop, Some(StopReason::MaxTokens | StopReason::ContextFull));
        if said.part != Part::Answer || (said.stop.is_some() && !at_limit) {
            return Ok(());
        }
        let tokens_left =
            self.limit.completion_tokens_max.saturating_sub(self.output.token_count());
        if constraint.accept(token, tokens_left)? {
            if !at_limit {
                said.texts.push(&self.output.release());
            }
            said.stop = Some(StopReason::GrammarComplete);
        }
        Ok(())
    }

    /// Sends the one last event.
    pub fn finish(mut self, sequence: &Sequence, end: End) {
        // Empty once it was told with `Started`.
        let mut texts = std::mem::take(&mut self.untold_texts);
        let (stop, interruption) = match end {
            End::Stopped(stop) => (stop, None),
            End::Interrupted(interruption) => {
                texts.push(&self.output.release());
                (interruption.stop_reason(), Some(interruption))
            }
        };
        let new_count = sequence.generated().len() - sequence.resumed_count;
        let stage_state = self.stage_state();
        let (ids, beams, beam_tree) = self.take_results(sequence);
        self.client.finish(Finished {
            request: sequence.id.request,
            finish_reason: stop.finish_reason(),
            stop_reason: stop,
            interruption,
            text: texts.answer,
            thinking_text: texts.thinking,
            thinking: self.output.thinking(),
            stage_state,
            grammar: self.constraint.as_mut().map(Constraint::report),
            mean_logprob: (self.request.ranked && new_count > 0)
                .then(|| self.logprob_sum / new_count as f64),
            usage: Usage {
                prompt_tokens: sequence.prompt_count,
                completion_tokens: ids.len(),
                thinking_tokens: self.output.thinking_tokens(),
                resumed_tokens: sequence.resumed_count,
                // Earlier output may have been found too; only the prompt is counted.
                prefix_hit_tokens: sequence.prefix_hit_count.min(sequence.prompt_count),
                preempted_count: sequence.preempted_count,
                drafted_tokens: self.drafted_count,
                accepted_draft_tokens: self.accepted_count,
            },
            ids,
            beams,
            beam_tree,
        });
    }

    fn stage_state(&self) -> Vec<(String, f64)> {
        let Some(pipeline) = &self.pipeline else { return self.request.stage_state.clone() };
        let stages = pipeline.state().into_iter().map(|(name, value)| (name.to_owned(), value));
        let end = self.output.forced_end();
        stages.chain(end.map(|(index, by)| (by.as_str().to_owned(), index as f64))).collect()
    }

    /// Whose it is.
    pub fn id(&self) -> RequestId {
        self.client.request()
    }
}

/// What the tokens generated earlier said.
#[derive(Default)]
struct Earlier {
    texts: PartTexts,
    /// Those of them that belong to the answer.
    answer_ids: Vec<TokenId>,
    stop: Option<StopReason>,
}

/// Natural-log probability of `token` under the model's own distribution.
fn raw_logprob(logits: &[f32], token: TokenId) -> Result<f64, ChooseError> {
    Ok(logprobs(logits, token, 0)?.chosen.logprob)
}

/// Takes the tokens generated earlier. Those behind an ending among them are dropped.
fn read_again(
    output: &mut Output,
    generated: &mut Vec<TokenId>,
    stage_state: &[(String, f64)],
) -> Earlier {
    let forced_end = stage_state
        .iter()
        .find_map(|(name, index)| Some((*index as usize, ForcedBy::end_of_thought(name)?)));
    let mut earlier = Earlier::default();
    for index in 0..generated.len() {
        let forced = forced_end.filter(|(end, _)| *end == index).map(|(_, by)| by);
        let said = output.push(generated[index], forced);
        earlier.texts.push(&said.texts);
        if said.stop.is_some() {
            generated.truncate(index + 1);
            earlier.stop = said.stop;
            return earlier;
        }
        if said.part == Part::Answer {
            earlier.answer_ids.push(generated[index]);
        }
    }
    earlier
}

/// What a trace says, without its working space, which is as long as the vocabulary.
fn trace_to_send(trace: &mut ChoiceTrace) -> ChoiceTrace {
    let mut sent = ChoiceTrace::new(trace.list_max);
    sent.possible_count = trace.possible_count;
    sent.raw_entropy = trace.raw_entropy;
    sent.raw_top = std::mem::take(&mut trace.raw_top);
    sent.stages = std::mem::take(&mut trace.stages);
    sent.chosen = trace.chosen;
    sent.raw_rank = trace.raw_rank;
    sent.final_probability = trace.final_probability;
    sent.nucleus_size = trace.nucleus_size;
    sent.final_top = std::mem::take(&mut trace.final_top);
    sent.draw = trace.draw;
    sent.forced = trace.forced;
    sent
}

#[path = "generation_beams.rs"]
mod beams;
