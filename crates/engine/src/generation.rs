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
use crate::output::Output;
use crate::sequence::{Sequence, SequenceId};
use model::TokenId;
use sampling::candidates::{Candidates, ChooseError};
use sampling::logprobs::{Logprobs, logprobs};
use sampling::pipeline::{Choice, Pipeline, SequenceStart};
use sampling::stages::StepContext;
use sampling::stop::StopReason;
use sampling::trace::ChoiceTrace;
use text::Tokenizer;

/// A request that was accepted and is not finished.
pub(crate) struct Generation {
    /// As it came, but for the prompt, which the sequence has.
    request: GenerateRequest,
    limit: Limit,
    client: Client,
    /// Present from the first admission on.
    pipeline: Option<Pipeline>,
    output: Output,
    /// The text of the tokens generated earlier, until it is told.
    resumed_text: String,
    /// Why there is nothing to do: the tokens generated earlier end the request.
    pub ended_earlier: Option<StopReason>,
    /// Prompt tokens whose scores were sent, counted from the first.
    scored_count: usize,
}

/// What a thread reuses from choice to choice.
#[derive(Default)]
pub(crate) struct Scratch {
    candidates: Candidates,
    trace: ChoiceTrace,
}

/// A chosen token with what was asked about it.
pub(crate) struct Chosen {
    pub choice: Choice,
    logprobs: Option<Box<Logprobs>>,
    trace: Option<Box<ChoiceTrace>>,
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
    pub fn new(accepted: Accepted, tokenizer: &Tokenizer, info: &EngineInfo) -> (Self, Sequence) {
        let Accepted { mut request, limit, client } = accepted;
        let prompt = std::mem::take(&mut request.prompt);
        let mut generated = std::mem::take(&mut request.generated);
        let mut output = Output::new(&request, prompt.len(), tokenizer, info);
        let (resumed_text, ended_earlier) = read_again(&mut output, &mut generated);
        let generation = Generation {
            output,
            resumed_text,
            ended_earlier,
            limit,
            client,
            pipeline: None,
            scored_count: 0,
            request,
        };
        let id = SequenceId::first(generation.client.request());
        let mut sequence = Sequence::resumed(id, prompt, &generated);
        sequence.scores_prompt = generation.request.prompt_logprobs.is_some();
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
        let pipeline = self.pipeline.insert(Pipeline::new(&self.request.params, &start));
        self.client.send(Event::Started(Started {
            request: self.client.request(),
            prompt_tokens: sequence.prompt_count,
            resumed_tokens: sequence.resumed_count,
            resumed_text: std::mem::take(&mut self.resumed_text),
            seed: self.request.seed,
            completion_tokens_max: self.limit.completion_tokens_max,
            limit_set_by: self.limit.set_by,
            stages: pipeline.stage_names().collect(),
        }))
    }

    /// Whether the caller wants no more.
    pub fn is_cancelled(&self) -> bool {
        self.client.is_cancelled()
    }

    /// Scores the prompt token `next`, which follows the row `logits`.
    pub fn score(&self, logits: &[f32], next: TokenId) -> Result<Logprobs, ChooseError> {
        let top_count = self.request.prompt_logprobs.expect("this prompt is scored");
        logprobs(logits, next, top_count)
    }

    /// Chooses the token that follows the row `logits`; changes nothing yet.
    pub fn choose(
        &mut self,
        logits: &[f32],
        sequence: &Sequence,
        scratch: &mut Scratch,
    ) -> Result<Chosen, ChooseError> {
        let step = StepContext::new(sequence.prompt(), sequence.generated());
        let pipeline = self.pipeline.as_mut().expect("a running sequence has its pipeline");
        let candidates = &mut scratch.candidates;
        let (choice, trace) = match self.request.trace {
            None => (pipeline.choose(candidates, logits, &step, None)?, None),
            Some(list_max) => {
                scratch.trace.list_max = list_max;
                let trace = &mut scratch.trace;
                let choice = pipeline.choose(candidates, logits, &step, Some(trace))?;
                (choice, Some(Box::new(trace_to_send(trace))))
            }
        };
        let params = &self.request.params;
        let logprobs = match params.logprobs() {
            true => Some(Box::new(logprobs(logits, choice.token, params.top_logprobs())?)),
            false => None,
        };
        Ok(Chosen { choice, logprobs, trace })
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
        let Chosen { choice, logprobs, trace } = chosen;
        let index = self.output.token_count();
        self.pipeline.as_mut().expect("a running sequence has its pipeline").accept(choice.token);
        let verdict = self.output.push(choice.token);
        let delivered = self.client.send(Event::Token(TokenEvent {
            request: self.client.request(),
            index,
            id: choice.token,
            text: verdict.text,
            probability: choice.probability,
            nucleus_size: choice.nucleus_size,
            logprobs,
            trace,
        }));
        match (delivered, verdict.stop) {
            // A last token that nobody took was no ending: its text did not arrive.
            (Err(interruption), _) => Some(End::Interrupted(interruption)),
            (Ok(()), stop) => stop.map(End::Stopped),
        }
    }

    /// Sends the one last event.
    pub fn finish(mut self, sequence: &Sequence, end: End) {
        // Empty once it was told with `Started`.
        let resumed_text = std::mem::take(&mut self.resumed_text);
        let (stop, interruption, text) = match end {
            End::Stopped(stop) => (stop, None, String::new()),
            End::Interrupted(interruption) => {
                let held = self.output.release();
                (interruption.stop_reason(), Some(interruption), held)
            }
        };
        self.client.finish(Finished {
            request: sequence.id.request,
            finish_reason: stop.finish_reason(),
            stop_reason: stop,
            interruption,
            text: resumed_text + &text,
            ids: sequence.generated().to_vec(),
            stage_state: self.stage_state(),
            usage: Usage {
                prompt_tokens: sequence.prompt_count,
                completion_tokens: sequence.generated().len(),
                resumed_tokens: sequence.resumed_count,
                // Earlier output may have been found too; only the prompt is counted.
                prefix_hit_tokens: sequence.prefix_hit_count.min(sequence.prompt_count),
                preempted_count: sequence.preempted_count,
            },
        });
    }

    fn stage_state(&self) -> Vec<(String, f64)> {
        let Some(pipeline) = &self.pipeline else { return self.request.stage_state.clone() };
        pipeline.state().into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Whose it is.
    pub fn id(&self) -> RequestId {
        self.client.request()
    }
}

/// Takes the tokens generated earlier. Those behind an ending among them are dropped.
fn read_again(output: &mut Output, generated: &mut Vec<TokenId>) -> (String, Option<StopReason>) {
    let mut text = String::new();
    for index in 0..generated.len() {
        let verdict = output.push(generated[index]);
        text.push_str(&verdict.text);
        if verdict.stop.is_some() {
            generated.truncate(index + 1);
            return (text, verdict.stop);
        }
    }
    (text, None)
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
    sent
}
