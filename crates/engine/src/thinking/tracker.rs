//! One answer's tokens, each put into its part, and the end of its thought.

use super::boundary::Tail;
use super::channels::{Header, HeaderReader, leaves_message};
use super::parts::{PartTexts, TextDivider};
use super::tags::{Beginning, TagReader, Within};
use super::{
    AnswerGate, ForcedBy, Part, ThinkingClosed, ThinkingEndedBy, ThinkingPlan, ThinkingReport,
    ThinkingSetup,
};
use crate::limits::TOOL_CALL_TOKENS_MAX;
use model::TokenId;
use sampling::pipeline::Choice;
use std::collections::VecDeque;
use std::sync::Arc;
use text::thinking::{ThinkingFormat, ThinkingStart, ThinkingStyle};
use text::{Detokenizer, Tokenizer};

/// Follows one answer from its first token.
#[derive(Clone, Debug)]
pub(crate) struct ThinkingTracker {
    format: Arc<ThinkingFormat>,
    tokenizer: Arc<Tokenizer>,
    plan: ThinkingPlan,
    /// Tokens that would end the text.
    eos_ids: Vec<TokenId>,
    phase: Phase,
    divider: TextDivider,
    tags: TagReader,
    header: HeaderReader,
    /// The end of the thought's bytes.
    tail: Tail,
    /// The token that ends the tool call the thought is in, and the tokens of the call so far.
    tool_call: Option<(TokenId, usize)>,
    /// Whether the answer is held to a grammar.
    is_shaped: bool,
    thinking_tokens: usize,
    output_tokens: usize,
    keep_markers: bool,
    /// Of the last thought, if there was one.
    closed: Option<(ThinkingClosed, Option<ThinkingEndedBy>)>,
    /// Where the last thought was made to end, and why: the index of the first forced token.
    forced_end: Option<(usize, ForcedBy)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing is decided.
    Before,
    /// In the header of a message.
    Header,
    Thinking,
    /// These tokens end the thought.
    Closing(VecDeque<TokenId>, ForcedBy),
    Answer,
    /// In a message that is neither.
    Other,
}

/// A token that stands in place of the model's choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ForcedToken {
    pub token: TokenId,
    pub by: ForcedBy,
}

impl ForcedToken {
    /// It as a choice: certain, and without alternatives.
    pub fn choice(&self) -> Choice {
        Choice { token: self.token, probability: 1.0, nucleus_size: 1 }
    }
}

impl ThinkingTracker {
    /// Before the first token. `eos_ids` are those in force, none where they are ignored.
    pub fn new(
        setup: &ThinkingSetup,
        plan: ThinkingPlan,
        tokenizer: &Arc<Tokenizer>,
        eos_ids: &[TokenId],
        keep_markers: bool,
    ) -> Self {
        let (phase, closed) = match (setup.start, setup.format.style) {
            (ThinkingStart::Open, _) => (Phase::Thinking, Some((ThinkingClosed::Open, None))),
            (ThinkingStart::Closed, _) => (Phase::Answer, None),
            (ThinkingStart::Undecided, ThinkingStyle::Tags) => (Phase::Before, None),
            (ThinkingStart::Undecided, ThinkingStyle::Channels(_)) => (Phase::Header, None),
        };
        let divider = TextDivider::new(keep_markers);
        Self {
            format: Arc::clone(&setup.format),
            tokenizer: Arc::clone(tokenizer),
            plan,
            eos_ids: eos_ids.to_vec(),
            divider,
            tags: TagReader::default(),
            header: HeaderReader::default(),
            tail: Tail::of_line_start(),
            tool_call: None,
            is_shaped: false,
            thinking_tokens: 0,
            output_tokens: 0,
            keep_markers,
            phase,
            closed,
            forced_end: None,
        }
    }

    /// The answer is held to a grammar, to which every byte of it counts.
    pub fn with_shaped_answer(mut self) -> Self {
        self.is_shaped = true;
        self.divider.keep_answers();
        self
    }

    /// What may follow, for a grammar.
    pub fn gate(&self) -> AnswerGate<'_> {
        match self.phase {
            Phase::Answer => AnswerGate::Open,
            // A marker of several tokens could be left half-way, which no grammar expects.
            Phase::Before if self.format.open.ids().len() == 1 => {
                AnswerGate::Undecided(self.format.open.ids())
            }
            Phase::Before if !self.tags.is_opening() => AnswerGate::Undecided(&[]),
            _ => AnswerGate::Shut,
        }
    }

    /// The token that must come next, whatever the model says.
    pub fn forced(&self) -> Option<ForcedToken> {
        match &self.phase {
            Phase::Closing(rest, by) => {
                let token = *rest.front().expect("a finished end is no end");
                Some(ForcedToken { token, by: *by })
            }
            Phase::Thinking if self.room() == Some(0) && self.may_end() => {
                Some(self.end(ForcedBy::ThinkingHard))
            }
            _ => None,
        }
    }

    /// The token that comes in place of `chosen`, which the model has chosen.
    pub fn instead_of(&self, chosen: TokenId) -> Option<ForcedToken> {
        if self.phase != Phase::Thinking || !self.plan.is_bounded() || self.in_tool_call() {
            return None;
        }
        if self.eos_ids.contains(&chosen) {
            return Some(self.end(ForcedBy::ThinkingEnd));
        }
        if self.is_marker(chosen) {
            return None;
        }
        let room = self.room()?;
        let piece = self.tokenizer.piece_bytes(chosen).unwrap_or_default();
        let missing = self.tail.missing_bytes_after(piece);
        if missing > 0 && room < 1 + missing {
            return Some(self.end(ForcedBy::ThinkingHard));
        }
        let soft = room <= self.plan.soft_window && self.thinking_tokens > 0;
        // A marker that the model has begun it may finish itself.
        let may_end = self.may_end() && self.tags.matched_bytes() == 0;
        let may_end = may_end && self.tail.ends_before(piece);
        (soft && may_end).then(|| self.end(ForcedBy::ThinkingSoft))
    }

    /// Takes the next token that does not end the text; `forced` where it was.
    pub fn push(
        &mut self,
        token: TokenId,
        forced: Option<ForcedBy>,
        detokenizer: &mut Detokenizer,
    ) -> (Part, PartTexts) {
        let mut out = PartTexts::default();
        // Where tokens are read again, the end at the budget is known by its place.
        let forced = forced.or_else(|| Some(self.forced().filter(|end| end.token == token)?.by));
        let fits = self.close_ids().first() == Some(&token);
        if let (Some(by), Phase::Thinking, true) = (forced, &self.phase, fits) {
            self.begin_end(by, &detokenizer.flush(), &mut out);
        }
        self.output_tokens += 1;
        let is_marker = self.is_marker(token) || matches!(self.phase, Phase::Closing(..));
        if is_marker {
            // Bytes that wait for the rest of a character wait in vain.
            let rest = detokenizer.flush();
            self.put(&rest, &mut out);
        }
        let text = match is_marker && !self.keep_markers {
            true => String::new(),
            // A model may know more ids than its tokenizer; such a token has no text.
            false => detokenizer.push(token).unwrap_or_default(),
        };
        let part = match self.format.style {
            _ if matches!(self.phase, Phase::Closing(..)) => self.push_closing(&text, &mut out),
            ThinkingStyle::Tags => self.push_tags(token, &text, &mut out),
            ThinkingStyle::Channels(_) => self.push_channels(token, &text, &mut out),
        };
        (part, out)
    }

    /// The text that is still held back, after the last token.
    pub fn finish(&mut self, rest: &str) -> PartTexts {
        let mut out = PartTexts::default();
        let (held, _) = self.tags.release();
        self.put(&held, &mut out);
        self.put(rest, &mut out);
        out
    }

    /// Tokens of thought so far, markers not counted.
    pub fn thinking_tokens(&self) -> usize {
        self.thinking_tokens
    }

    /// Where the thought was made to end, which its tokens alone do not say: the index of the first
    /// forced token among those generated, and why.
    pub fn forced_end(&self) -> Option<(usize, ForcedBy)> {
        self.forced_end
    }

    /// What became of the thought; none where there was none.
    pub fn report(&self) -> Option<ThinkingReport> {
        let (closed, ended_by) = self.closed?;
        Some(ThinkingReport {
            tokens: self.thinking_tokens,
            closed,
            ended_by,
            budget: self.plan.budget,
            answer_reserve: self.plan.answer_reserve,
        })
    }

    fn push_tags(&mut self, token: TokenId, text: &str, out: &mut PartTexts) -> Part {
        match self.phase {
            Phase::Before if Some(token) == self.format.close.id => {
                // A thought that was never opened, and is over.
                self.open_thought(text, out);
                self.close_thought("", out);
                Part::Marker
            }
            // The grammar let it pass: it is of the document, be it blank or half a character.
            Phase::Before if self.is_shaped && Some(token) != self.format.open.id => {
                self.phase = Phase::Answer;
                self.divider.answer_without_thought(text, out);
                Part::Answer
            }
            Phase::Before => {
                let format = Arc::clone(&self.format);
                match self.tags.before(&format, token, text) {
                    Beginning::Waiting => Part::Marker,
                    Beginning::Answer(text) => {
                        self.phase = Phase::Answer;
                        self.divider.answer_without_thought(&text, out);
                        Part::Answer
                    }
                    Beginning::Thought(rest) => {
                        self.open_thought(text, out);
                        self.divider.thinking(&rest, out);
                        self.tail.push(rest.as_bytes());
                        Part::Marker
                    }
                }
            }
            Phase::Thinking => self.push_thought(token, text, out),
            _ => {
                self.divider.answer(text, out);
                if self.is_marker(token) { Part::Marker } else { Part::Answer }
            }
        }
    }

    fn push_thought(&mut self, token: TokenId, text: &str, out: &mut PartTexts) -> Part {
        let format = Arc::clone(&self.format);
        match self.tags.within(&format.close, token, text) {
            Within::Thought(thought) => {
                self.divider.thinking(&thought, out);
                self.count_thought(token);
                Part::Thinking
            }
            Within::End { thought, answer, marker_tokens } => {
                self.thinking_tokens -= marker_tokens;
                self.divider.thinking(&thought, out);
                self.close_thought(if format.close.id.is_some() { text } else { "" }, out);
                self.divider.answer_beside_marker(&answer, out);
                Part::Marker
            }
        }
    }

    fn push_channels(&mut self, token: TokenId, text: &str, out: &mut PartTexts) -> Part {
        let ThinkingStyle::Channels(ids) = self.format.style else {
            unreachable!("this style has headers")
        };
        if self.phase == Phase::Header {
            let piece = self.tokenizer.piece_bytes(token).unwrap_or_default();
            self.divider.marker(if self.keep_markers { text } else { "" }, out);
            match self.header.push(&ids, token, piece) {
                Header::Waiting => {}
                Header::Thought => self.open_thought("", out),
                Header::Answer => self.phase = Phase::Answer,
                Header::Other => self.phase = Phase::Other,
            }
            return Part::Marker;
        }
        if leaves_message(&ids, token) {
            match self.phase {
                Phase::Thinking => self.close_thought(text, out),
                _ => self.divider.marker(text, out),
            }
            self.phase = Phase::Header;
            self.header = HeaderReader::default();
            if token == ids.channel {
                self.header.push(&ids, token, b"");
            }
            return Part::Marker;
        }
        self.put(text, out);
        match self.phase {
            Phase::Thinking => {
                self.count_thought(token);
                Part::Thinking
            }
            _ => Part::Answer,
        }
    }

    fn push_closing(&mut self, text: &str, out: &mut PartTexts) -> Part {
        self.divider.marker(text, out);
        if let Phase::Closing(rest, _) = &mut self.phase {
            rest.pop_front();
            if rest.is_empty() {
                self.phase = Phase::Answer;
            }
        }
        Part::Marker
    }

    fn open_thought(&mut self, marker: &str, out: &mut PartTexts) {
        self.phase = Phase::Thinking;
        self.closed = Some((ThinkingClosed::Open, None));
        self.tail = Tail::default();
        self.divider.marker(marker, out);
    }

    fn close_thought(&mut self, marker: &str, out: &mut PartTexts) {
        self.phase = Phase::Answer;
        self.tool_call = None;
        self.closed = Some((ThinkingClosed::Natural, Some(ThinkingEndedBy::Model)));
        self.divider.marker(marker, out);
    }

    /// The thought ends with this token and those that belong to it.
    fn begin_end(&mut self, by: ForcedBy, rest: &str, out: &mut PartTexts) {
        let closing: VecDeque<TokenId> = self.close_ids().iter().copied().collect();
        let is_marker = self.marker_bytes() > 0;
        let (held, held_tokens) = self.tags.release();
        // The beginning of a marker that was written already is no thought.
        match is_marker {
            true => self.thinking_tokens -= held_tokens,
            false => self.divider.thinking(&held, out),
        }
        self.divider.thinking(rest, out);
        self.closed = Some(match by {
            ForcedBy::ThinkingSoft => (ThinkingClosed::Soft, Some(self.what_binds())),
            ForcedBy::ThinkingEnd => (ThinkingClosed::Soft, Some(ThinkingEndedBy::EndOfText)),
            // A grammar forces tokens of the answer alone.
            ForcedBy::ThinkingHard | ForcedBy::Grammar => {
                (ThinkingClosed::Hard, Some(self.what_binds()))
            }
        });
        self.forced_end = Some((self.output_tokens, by));
        self.tool_call = None;
        self.phase = Phase::Closing(closing, by);
    }

    /// Puts text into the part that is being written.
    fn put(&mut self, text: &str, out: &mut PartTexts) {
        match self.phase {
            Phase::Thinking => self.divider.thinking(text, out),
            Phase::Before if !text.is_empty() => self.divider.answer_without_thought(text, out),
            Phase::Answer | Phase::Other => self.divider.answer(text, out),
            Phase::Before | Phase::Header | Phase::Closing(..) => {}
        }
    }

    fn count_thought(&mut self, token: TokenId) {
        self.thinking_tokens += 1;
        self.tail.push(self.tokenizer.piece_bytes(token).unwrap_or_default());
        match &mut self.tool_call {
            Some((close, _)) if *close == token => self.tool_call = None,
            Some((_, count)) => *count += 1,
            None => {
                let fence = self.format.tool_calls.iter().find(|fence| fence.open == token);
                self.tool_call = fence.map(|fence| (fence.close, 0));
            }
        }
    }

    fn end(&self, by: ForcedBy) -> ForcedToken {
        ForcedToken { token: self.close_ids()[0], by }
    }

    /// The tokens that end the thought where it stands.
    fn close_ids(&self) -> &[TokenId] {
        let written = self.marker_bytes();
        match self.format.close.rest.get(written).filter(|rest| !rest.is_empty()) {
            Some(rest) if written > 0 || self.tail.is_line_start() => rest,
            _ => &self.format.close_line,
        }
    }

    /// Bytes of the closing marker that the thought ends with.
    fn marker_bytes(&self) -> usize {
        // A character that has begun behind them says that they are no marker.
        if self.tail.missing_bytes() > 0 { 0 } else { self.tags.matched_bytes() }
    }

    fn room(&self) -> Option<usize> {
        self.plan.room(self.thinking_tokens, self.output_tokens)
    }

    fn what_binds(&self) -> ThinkingEndedBy {
        match self.plan.reserve_binds(self.thinking_tokens, self.output_tokens) {
            true => ThinkingEndedBy::AnswerReserve,
            false => ThinkingEndedBy::Budget,
        }
    }

    /// Whether the thought is between characters and outside of tool calls.
    fn may_end(&self) -> bool {
        self.tail.missing_bytes() == 0 && !self.in_tool_call()
    }

    fn in_tool_call(&self) -> bool {
        self.tool_call.is_some_and(|(_, count)| count < TOOL_CALL_TOKENS_MAX)
    }

    /// Whether the token itself is a marker, or made for headers.
    fn is_marker(&self, token: TokenId) -> bool {
        match (self.format.style, &self.phase) {
            (ThinkingStyle::Tags, Phase::Before) => {
                [self.format.open.id, self.format.close.id].contains(&Some(token))
            }
            (ThinkingStyle::Tags, Phase::Thinking) => self.format.close.id == Some(token),
            // A model whose thought was ended may end it once more by itself.
            (ThinkingStyle::Tags, Phase::Answer) => {
                let forced = [ThinkingClosed::Soft, ThinkingClosed::Hard];
                let was_forced = self.closed.is_some_and(|(closed, _)| forced.contains(&closed));
                was_forced && self.format.close.id == Some(token)
            }
            (ThinkingStyle::Tags, _) => false,
            (ThinkingStyle::Channels(_), Phase::Header) => true,
            (ThinkingStyle::Channels(ids), _) => leaves_message(&ids, token),
        }
    }
}
