//! What one run of the engine said, gathered while it is told.

use super::feed::RunEvent;
use engine::{Completion, Event, Finished, GenerateRequest, Started, TokenEvent};
use sampling::logprobs::Logprobs;
use std::time::{Duration, Instant};

/// Candidates that the traces of an answer in one body hold at most, per stage, over all choices:
/// with the longest lists the first 256 tokens have a trace. A stream tells them all.
const TRACED_CANDIDATES_MAX: usize = 16_384;

/// One run: what was asked of the engine and what it said so far.
pub(super) struct Gathering {
    request: GenerateRequest,
    /// Whether whole token events are kept: their log-probabilities and traces. A stream has
    /// passed them on already, and a long one would keep megabytes for nothing.
    keeps_details: bool,
    /// Tokens whose traces are kept.
    traced_tokens_max: usize,
    arrived: Instant,
    started: Option<(Started, Duration)>,
    prompt_logprobs: Vec<Logprobs>,
    tokens: Vec<TokenEvent>,
    token_times: Vec<Duration>,
    text: String,
    thinking_text: String,
    finished: Option<(Finished, Duration)>,
}

/// A run that is over.
#[derive(Clone, Debug)]
pub(super) struct GatheredRun {
    /// As it was submitted.
    pub request: GenerateRequest,
    /// What the engine said.
    pub completion: Completion,
    /// When its computation began; none when it ended in the queue. All times here count from when
    /// the request came in.
    pub began: Option<Duration>,
    /// When each new token came.
    pub token_times: Vec<Duration>,
    /// When it ended.
    pub total: Duration,
}

impl Gathering {
    /// Of a request that came in at `arrived`.
    pub fn new(request: GenerateRequest, keeps_details: bool, arrived: Instant) -> Self {
        let per_token = request.trace.unwrap_or(0).max(1) * request.params.choices_made();
        Gathering {
            traced_tokens_max: TRACED_CANDIDATES_MAX / per_token,
            request,
            keeps_details,
            arrived,
            started: None,
            prompt_logprobs: Vec::new(),
            tokens: Vec::new(),
            token_times: Vec::new(),
            text: String::new(),
            thinking_text: String::new(),
            finished: None,
        }
    }

    /// Whether its last event came.
    pub fn is_finished(&self) -> bool {
        self.finished.is_some()
    }

    /// Takes down an event.
    pub fn take(&mut self, told: &RunEvent) {
        let after = told.at.saturating_duration_since(self.arrived);
        match &told.event {
            Event::Started(started) => {
                self.text.push_str(&started.resumed_text);
                self.thinking_text.push_str(&started.resumed_thinking_text);
                self.started = Some((started.clone(), after));
            }
            Event::PromptLogprobs(scores) => {
                self.prompt_logprobs.extend(scores.logprobs.iter().cloned());
            }
            Event::Token(token) => {
                self.text.push_str(&token.text);
                self.thinking_text.push_str(&token.thinking_text);
                self.token_times.push(after);
                self.tokens.push(self.kept(token));
            }
            Event::Finished(finished) => {
                self.text.push_str(&finished.text);
                self.thinking_text.push_str(&finished.thinking_text);
                self.finished = Some(((**finished).clone(), after));
            }
        }
    }

    /// What is kept of a token: for a stream the bare token without its texts, which are joined
    /// here already.
    fn kept(&self, token: &TokenEvent) -> TokenEvent {
        let bare = TokenEvent {
            text: String::new(),
            thinking_text: String::new(),
            logprobs: None,
            trace: None,
            ..*token
        };
        if !self.keeps_details {
            return bare;
        }
        let is_traced = self.tokens.len() < self.traced_tokens_max;
        TokenEvent {
            text: token.text.clone(),
            thinking_text: token.thinking_text.clone(),
            logprobs: token.logprobs.clone(),
            trace: token.trace.clone().filter(|_| is_traced),
            ..bare
        }
    }

    /// The whole run; none while it is not finished.
    pub fn done(self) -> Option<GatheredRun> {
        let (finished, total) = self.finished?;
        let (started, began) = self.started.unzip();
        Some(GatheredRun {
            request: self.request,
            completion: Completion {
                started,
                prompt_logprobs: self.prompt_logprobs,
                tokens: self.tokens,
                text: self.text,
                thinking_text: self.thinking_text,
                finished,
            },
            began,
            token_times: self.token_times,
            total,
        })
    }
}
