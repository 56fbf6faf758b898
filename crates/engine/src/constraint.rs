//! The grammar of one request: the mask of its next step, made while the model computes, and the
//! watch over its limit.
//!
//! The invariant: before each choice a closing of the document is known that fits the tokens that
//! are left. A proposed token is kept if the document can still be closed behind it; otherwise the
//! next token of the closing takes its place. So the document is complete within any limit that is
//! at least the shortest document, which admission has checked.

use crate::admission::EngineInfo;
use crate::api::GenerateRequest;
use crate::rejection::Rejection;
use crate::thinking::AnswerGate;
use grammar::{Grammar, MatchError, Matcher};
use model::TokenId;
use sampling::mask::TokenMask;
use sampling::params::ParamError;
use sampling::stop::StopReason;
use std::sync::mpsc::{Receiver, Sender, channel};
use text::Tokenizer;
use text::thinking::ThinkingStart;

/// How far a document came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrammarReport {
    /// What was asked for: `json_object`, `json_schema`, `regex`, `lark` or `choice`.
    pub kind: &'static str,
    /// Whether the document is complete. Not so when a stop string or the caller cut it off.
    pub complete: bool,
    /// Tokens that were put in place of the model's, so that the document closes in time.
    pub closing_tokens: usize,
}

/// Follows the document of one request.
pub(crate) struct Constraint {
    kind: &'static str,
    follower: Place,
    /// Fewest tokens in which a thought can begin and end, and the document behind it.
    thought_and_document_tokens: usize,
    closing_tokens: usize,
}

/// The matcher with its mask.
pub(crate) struct Follower {
    matcher: Matcher,
    mask: TokenMask,
    /// Ids that may end the text where the document is complete.
    end_ids: Vec<TokenId>,
    /// What came of making the mask of this step; none before it was made.
    made: Option<Result<(), MatchError>>,
}

/// Where the follower is.
enum Place {
    Here(Box<Follower>),
    /// At the worker, which sends it back.
    Away(Receiver<Box<Follower>>),
    /// With a worker that is gone.
    Lost,
}

/// Checks that a request's grammar goes with its limit and its ending tokens.
///
/// # Errors
/// When the shortest document does not fit `limit`, or when a token of text is to end the output.
pub(crate) fn check(
    request: &GenerateRequest,
    limit: usize,
    tokenizer: &Tokenizer,
) -> Result<(), Rejection> {
    let Some(grammar) = &request.grammar else { return Ok(()) };
    // An open thought has to be ended before the document begins.
    let close_tokens = match &request.thinking {
        Some(setup) if setup.start == ThinkingStart::Open => setup.format.close_tokens_max(),
        _ => 0,
    };
    let fits = limit >= close_tokens && grammar.fits(limit - close_tokens);
    if !fits && request.generated.is_empty() {
        let needed_tokens = grammar.document_tokens_min().saturating_add(close_tokens);
        return Err(Rejection::DocumentTooLong { kind: grammar.kind(), needed_tokens, limit });
    }
    let params = &request.params;
    let ends = [("eos_token_id", params.eos_ids(&[])), ("stop_token_ids", params.stop_token_ids())];
    for (name, ids) in ends {
        let is_text = |id: TokenId| !tokenizer.is_special(id) && !tokenizer.end_ids().contains(&id);
        if let Some(id) = ids.iter().copied().find(|&id| is_text(id)) {
            return Err(Rejection::Param(ParamError {
                param: name.to_string(),
                message: format!(
                    "`{name}` must hold special tokens only when a grammar shapes the output; \
                     given {id}, which is text"
                ),
            }));
        }
    }
    Ok(())
}

impl Constraint {
    /// What a request asks for, after the answer's tokens that were generated earlier.
    ///
    /// # Errors
    /// When those do not fit its grammar.
    pub fn of(
        request: &GenerateRequest,
        generated: &[TokenId],
        info: &EngineInfo,
    ) -> Result<Option<Self>, MatchError> {
        let Some(grammar) = &request.grammar else { return Ok(None) };
        let params = &request.params;
        let mut end_ids = params.stop_token_ids().to_vec();
        if !params.ignore_eos() {
            end_ids.splice(0..0, params.eos_ids(&info.eos_ids).iter().copied());
        }
        let mut constraint = Constraint::new(grammar, end_ids, info.vocab_size);
        if let Some(setup) = &request.thinking {
            let thought = 1 + setup.format.close_tokens_max();
            constraint.thought_and_document_tokens = thought + grammar.document_tokens_min();
        }
        for &token in generated {
            constraint.accept(token, usize::MAX)?;
        }
        Ok(Some(constraint))
    }

    /// Whether the tokens generated earlier are a complete document that nothing can follow.
    pub fn ended_earlier(
        request: &GenerateRequest,
        generated: &[TokenId],
        info: &EngineInfo,
    ) -> Option<StopReason> {
        if generated.is_empty() {
            return None;
        }
        let mut constraint = Constraint::of(request, generated, info).ok()??;
        let finished = constraint.here().is_ok_and(|follower| follower.matcher.is_finished());
        finished.then_some(StopReason::GrammarComplete)
    }

    /// At the beginning of a document. `end_ids` may end the text once the document is complete;
    /// `vocab_size` is that of the logits.
    pub fn new(grammar: &Grammar, end_ids: Vec<TokenId>, vocab_size: usize) -> Self {
        let follower = Follower {
            matcher: grammar.matcher(),
            mask: TokenMask::none(vocab_size),
            end_ids,
            made: None,
        };
        let follower = Place::Here(Box::new(follower));
        Constraint {
            kind: grammar.kind(),
            follower,
            thought_and_document_tokens: 0,
            closing_tokens: 0,
        }
    }

    /// Has the mask of the next step made by the worker, while this thread does something else.
    pub fn prepare(&mut self, worker: &mut MaskWorker) {
        if let Place::Here(follower) = &self.follower
            && follower.made.is_none()
            && let Place::Here(follower) = std::mem::replace(&mut self.follower, Place::Lost)
        {
            self.follower = worker.give(follower);
        }
    }

    /// The tokens that may be chosen now, where the answer is written or may begin, with
    /// `tokens_left` to generate.
    ///
    /// # Errors
    /// When the grammar cannot be followed any further.
    pub fn mask(
        &mut self,
        gate: AnswerGate<'_>,
        tokens_left: usize,
    ) -> Result<&TokenMask, MatchError> {
        let may_think = tokens_left >= self.thought_and_document_tokens;
        let follower = self.here()?;
        follower.make_mask();
        follower.made.clone().expect("it was just made")?;
        if let AnswerGate::Undecided(begin_thought) = gate
            && may_think
        {
            begin_thought.iter().for_each(|&id| follower.mask.allow(id));
            // With these it is good for this step only.
            follower.made = None;
        }
        Ok(&follower.mask)
    }

    /// The token that takes the place of a proposed one, with `tokens_left` to generate, it
    /// included (at least one). None where the proposed one may stand.
    ///
    /// # Errors
    /// When the grammar cannot be followed any further.
    pub fn instead_of(
        &mut self,
        proposed: TokenId,
        tokens_left: usize,
        gate: AnswerGate<'_>,
    ) -> Result<Option<TokenId>, MatchError> {
        match gate {
            AnswerGate::Shut => return Ok(None),
            AnswerGate::Undecided(begin_thought) if begin_thought.contains(&proposed) => {
                return Ok(None);
            }
            AnswerGate::Undecided(_) | AnswerGate::Open => {}
        }
        let follower = self.here()?;
        let ends = follower.end_ids.contains(&proposed) && follower.matcher.is_accepting();
        if ends || follower.matcher.closes_after(proposed, tokens_left - 1)? {
            return Ok(None);
        }
        let instead = follower.closing_token(tokens_left)?;
        self.closing_tokens += 1;
        Ok(Some(instead))
    }

    /// Makes a token part of the document, with `tokens_left` to generate after it. Tells whether
    /// the request ends here, because the document is complete and nothing can follow.
    ///
    /// # Errors
    /// When the token does not fit.
    pub fn accept(&mut self, token: TokenId, tokens_left: usize) -> Result<bool, MatchError> {
        let follower = self.here()?;
        follower.made = None;
        follower.matcher.accept(token)?;
        Ok(follower.matcher.is_finished() || follower.must_end(tokens_left)?)
    }

    /// How far the document came.
    pub fn report(&mut self) -> GrammarReport {
        let complete = self.here().is_ok_and(|follower| follower.matcher.is_accepting());
        GrammarReport { kind: self.kind, complete, closing_tokens: self.closing_tokens }
    }

    fn here(&mut self) -> Result<&mut Follower, MatchError> {
        if let Place::Away(back) = &self.follower {
            self.follower = back.recv().map_or(Place::Lost, Place::Here);
        }
        match &mut self.follower {
            Place::Here(follower) => Ok(follower),
            _ => Err(MatchError::Failed("the thread that follows it is gone".to_string())),
        }
    }
}

impl Follower {
    fn make_mask(&mut self) {
        if self.made.is_none() {
            let made = self.matcher.mask(&mut self.mask);
            // A token that ends the text is no text: only here can it stand.
            self.end_ids.iter().for_each(|&id| self.mask.forbid(id));
            if made.is_ok() && self.matcher.is_accepting() {
                self.end_ids.iter().for_each(|&id| self.mask.allow(id));
            }
            self.made = Some(made);
        }
    }

    /// The next token on the shortest way to the end.
    fn closing_token(&mut self, tokens_left: usize) -> Result<TokenId, MatchError> {
        let no_closing = MatchError::NoClosing { tokens_max: tokens_left };
        let closing = self.matcher.closing(tokens_left)?.ok_or(no_closing.clone())?;
        if let Some(&token) = closing.first() {
            return Ok(token);
        }
        // The document is complete as it stands: it ends, or goes on in a way that closes.
        if let Some(&end) = self.end_ids.first() {
            return Ok(end);
        }
        let mut allowed = self.mask.iter();
        loop {
            let token = allowed.next().ok_or(no_closing.clone())?;
            if self.matcher.closes_after(token, tokens_left - 1)? {
                return Ok(token);
            }
        }
    }

    /// Whether the document is complete and, for want of a token that ends the text, has to be left
    /// here: whatever could follow cannot be closed in time.
    fn must_end(&mut self, tokens_left: usize) -> Result<bool, MatchError> {
        if tokens_left == 0 || !self.end_ids.is_empty() || !self.matcher.is_accepting() {
            return Ok(false);
        }
        self.make_mask();
        for token in self.mask.iter() {
            if self.matcher.closes_after(token, tokens_left - 1)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// A thread that makes masks while the model computes. Started when first needed.
#[derive(Default)]
pub(crate) struct MaskWorker {
    jobs: Option<Sender<MaskJob>>,
}

/// A follower, and the way back.
type MaskJob = (Box<Follower>, Sender<Box<Follower>>);

impl MaskWorker {
    /// Hands a follower over; it comes back with its mask. Without a thread it stays here, and the
    /// mask is made when it is asked for.
    fn give(&mut self, follower: Box<Follower>) -> Place {
        let Some(jobs) = self.jobs() else { return Place::Here(follower) };
        let (back, coming) = channel();
        match jobs.send((follower, back)) {
            Ok(()) => Place::Away(coming),
            Err(unsent) => Place::Here(unsent.0.0),
        }
    }

    fn jobs(&mut self) -> Option<&Sender<MaskJob>> {
        if self.jobs.is_none() {
            let (sender, jobs) = channel::<MaskJob>();
            let work = move || {
                while let Ok((mut follower, back)) = jobs.recv() {
                    follower.make_mask();
                    // Whoever gave it may be gone, cancelled meanwhile.
                    let _ = back.send(follower);
                }
            };
            // The thread ends when the engine drops its end of the channel.
            let thread = std::thread::Builder::new().name("jeton-masks".to_string()).spawn(work);
            self.jobs = thread.is_ok().then_some(sender);
        }
        self.jobs.as_ref()
    }
}
