//! Speculative decoding: guesses at the next tokens, checked all at once.
//!
//! Leviathan, Kalman, Matias, "Fast inference from transformers via speculative decoding", ICML
//! 2023, computes the rows of several guessed tokens in one pass over the weights. Here a guess
//! counts when it is the very token that the request's own pipeline chooses at that row, with the
//! random number of that step. So the output is the same with and without, bit for bit, for greedy
//! and for sampling; only the number of forward passes changes.
//!
//! `lookup` guesses from the text itself, `runner` with a smaller model; `pace` says how much.

pub(crate) mod lookup;
pub(crate) mod pace;
pub(crate) mod runner;
pub(crate) mod vocabulary;

use crate::api::RequestId;
use lookup::LookupIndex;
use model::{Forward, TokenId};
use pace::Pace;
use runner::{DraftRunner, Task};
use sampling::pipeline::Pipeline;
use std::collections::BTreeMap;
use std::sync::Arc;
use text::Tokenizer;

/// Where the drafts of a request come from. It never changes the tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Speculation {
    /// There are none.
    #[default]
    Off,
    /// From prompt and output: what followed the last few tokens earlier.
    Lookup,
    /// From the draft model that the engine was given.
    Model,
}

/// A model that guesses what another will say.
pub struct DraftModel {
    /// What to call it in messages.
    pub name: String,
    /// The model. Its window may be shorter; beyond it nothing is drafted.
    pub model: Box<dyn Forward>,
    /// Its tokenizer, which must be that of the model it drafts for.
    pub tokenizer: Arc<Tokenizer>,
}

/// What became of the token that was drafted for a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DraftOutcome {
    /// The token that was offered.
    pub token: TokenId,
    /// Whether it was the one chosen.
    pub accepted: bool,
}

/// A sequence that could use a draft in this step.
pub(crate) struct Wish<'a> {
    pub request: RequestId,
    pub source: Speculation,
    /// Prompt and output; only the last token is not computed.
    pub tokens: &'a [TokenId],
    pub prompt_count: usize,
    pub pipeline: &'a Pipeline,
    pub choice_index: u32,
    /// Most tokens that are of use.
    pub length_max: usize,
}

/// Makes the drafts of all requests.
pub(crate) struct Drafter {
    /// Longest draft, in tokens.
    length_max: usize,
    streams: BTreeMap<RequestId, Stream>,
    pub runner: Option<DraftRunner>,
}

/// What is remembered for one request.
struct Stream {
    pace: Pace,
    lookup: LookupIndex,
}

impl Drafter {
    /// Without a draft model.
    pub fn new(length_max: usize) -> Self {
        Drafter { length_max, streams: BTreeMap::new(), runner: None }
    }

    /// Drafts, together at most `rows_max` tokens; first come, first served.
    pub fn draft(
        &mut self,
        wishes: &[Wish<'_>],
        mut rows_max: usize,
    ) -> Vec<(RequestId, Vec<TokenId>)> {
        let mut drafts = Vec::new();
        let mut tasks = Vec::new();
        for wish in wishes {
            let stream = self.streams.entry(wish.request).or_insert_with(|| Stream {
                pace: Pace::new(self.length_max),
                lookup: LookupIndex::default(),
            });
            let length = stream.pace.next_length().min(wish.length_max).min(rows_max);
            if length == 0 {
                continue;
            }
            if wish.source == Speculation::Lookup {
                let draft = stream.lookup.draft(wish.tokens, length);
                rows_max -= draft.len();
                drafts.push((wish.request, draft));
            } else {
                rows_max -= length;
                tasks.push(Task::new(wish, length));
            }
        }
        if let Some(runner) = self.runner.as_mut().filter(|_| !tasks.is_empty()) {
            for request in runner.draft(&mut tasks) {
                self.streams.get_mut(&request).expect("it just drafted").pace.pause();
            }
            drafts.extend(tasks.into_iter().map(|task| (task.request, task.draft)));
        }
        drafts
    }

    /// Learns how much of a draft was right.
    pub fn learn(&mut self, request: RequestId, offered: usize, accepted: usize) {
        if let Some(stream) = self.streams.get_mut(&request) {
            stream.pace.learn(offered, accepted);
        }
    }

    /// Gives the memory of a preempted request back.
    pub fn release(&mut self, request: RequestId) {
        if let Some(runner) = &mut self.runner {
            runner.forget(request);
        }
    }

    /// Checks the accounts of the draft model's memory.
    ///
    /// # Panics
    /// When they do not hold.
    pub fn check(&self) {
        if let Some(runner) = &self.runner {
            runner.check();
        }
    }

    /// The request is over.
    pub fn forget(&mut self, request: RequestId) {
        self.streams.remove(&request);
        self.release(request);
    }
}
