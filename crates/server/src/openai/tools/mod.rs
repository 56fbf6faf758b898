//! Calls of tools, as models write them into their text.
//!
//! How a model calls is trained into it; its chat template shows it, since the template writes the
//! calls of earlier turns. [`ToolSyntax::of`] reads that, and [`ToolParser`] takes an answer's text
//! as it comes and tells what of it is content and what is a call. What the pieces say does not
//! depend on where the text was cut: tests hold that.

mod arg_pairs;
mod bare;
mod call_json;
pub mod forced_call;
mod function_tag;
mod json_calls;
mod scan;
mod tagged;

use super::from_wire::tool_wish::Tool;
use arg_pairs::ArgPairs;
use bare::Bare;
use function_tag::FunctionTag;
use tagged::Tagged;

/// A piece of what an answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Text for the reader.
    Content(String),
    /// A call begins.
    Call {
        /// Its number in the answer, from 0.
        index: usize,
        /// The id that the model gave it, where its syntax has one.
        id: Option<String>,
        /// The tool's name.
        name: String,
    },
    /// More of a call's arguments, which are JSON when all of them are put together.
    Arguments {
        /// The call's number.
        index: usize,
        /// The text to append.
        text: String,
    },
}

/// How a model writes its calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolSyntax {
    /// `<tool_call>{"name": ..., "arguments": ...}</tool_call>`: Hermes, Qwen 2.5 and 3.
    Hermes,
    /// `[TOOL_CALLS][{"name": ..., "arguments": ..., "id": ...}]`: Mistral.
    Mistral,
    /// `<|tool_call|>[{"name": ..., "arguments": ...}]`: Granite 3.
    Granite,
    /// The answer is `{"name": ..., "parameters": ...}`: Llama 3.
    Llama,
    /// `<function=NAME>{...}</function>`: Functionary 3.1.
    Functionary,
    /// `<tool_call>NAME <arg_key>...</arg_key> <arg_value>...</arg_value></tool_call>`: GLM 4.
    Glm,
}

impl ToolSyntax {
    /// The syntax that a chat template writes; none where it writes no calls.
    pub fn of(template: &str) -> Option<ToolSyntax> {
        let has = |mark: &str| template.contains(mark);
        let known = [
            (has("<arg_key>"), ToolSyntax::Glm),
            (has("<function="), ToolSyntax::Functionary),
            (has("[TOOL_CALLS]"), ToolSyntax::Mistral),
            (has("<|tool_call|>"), ToolSyntax::Granite),
            (has("<tool_call>"), ToolSyntax::Hermes),
            (has("<|python_tag|>") || has("\"parameters\": "), ToolSyntax::Llama),
        ];
        known.into_iter().find(|(is_it, _)| *is_it).map(|(_, syntax)| syntax)
    }

    /// The text that begins calls, where the syntax has one. A vocabulary may have it as a special
    /// token, which leaves no trace in the text: then it is put there when the token comes.
    pub fn mark(self) -> Option<&'static str> {
        match self {
            ToolSyntax::Hermes | ToolSyntax::Glm => Some("<tool_call>"),
            ToolSyntax::Mistral => Some("[TOOL_CALLS]"),
            ToolSyntax::Granite => Some("<|tool_call|>"),
            ToolSyntax::Llama => Some("<|python_tag|>"),
            ToolSyntax::Functionary => None,
        }
    }

    /// Whether ids of calls are nine letters and digits, which Mistral's templates insist on.
    pub fn has_short_ids(self) -> bool {
        self == ToolSyntax::Mistral
    }
}

/// Reads the calls of one answer.
pub struct ToolParser {
    syntax: Syntax,
    /// Whether calls after the first are dropped.
    only_first: bool,
}

enum Syntax {
    Tagged(Tagged),
    Bare(Bare),
    FunctionTag(FunctionTag),
    ArgPairs(ArgPairs),
}

impl ToolParser {
    /// For an answer in that syntax, to a request with these tools.
    pub fn new(syntax: ToolSyntax, tools: &[Tool], parallel: bool) -> ToolParser {
        let syntax = match syntax {
            ToolSyntax::Hermes => Syntax::Tagged(Tagged::new("<tool_call>", Some("</tool_call>"))),
            ToolSyntax::Mistral => Syntax::Tagged(Tagged::new("[TOOL_CALLS]", None)),
            ToolSyntax::Granite => Syntax::Tagged(Tagged::new("<|tool_call|>", None)),
            ToolSyntax::Llama => Syntax::Bare(Bare::new(tools)),
            ToolSyntax::Functionary => Syntax::FunctionTag(FunctionTag::default()),
            ToolSyntax::Glm => Syntax::ArgPairs(ArgPairs::new(tools)),
        };
        ToolParser { syntax, only_first: !parallel }
    }

    /// For an answer whose shape is [`forced_call::shape`] of these tools.
    pub fn forced(tools: &[Tool]) -> ToolParser {
        ToolParser { syntax: Syntax::Bare(Bare::new(tools)), only_first: true }
    }

    /// Takes the next piece of the answer's text.
    pub fn push(&mut self, text: &str) -> Vec<Piece> {
        let mut pieces = Vec::new();
        match &mut self.syntax {
            Syntax::Tagged(parser) => parser.push(text, &mut pieces),
            Syntax::Bare(parser) => parser.push(text, &mut pieces),
            Syntax::FunctionTag(parser) => parser.push(text, &mut pieces),
            Syntax::ArgPairs(parser) => parser.push(text, &mut pieces),
        }
        self.kept(pieces)
    }

    /// The answer is over: what was held back.
    pub fn finish(&mut self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        match &mut self.syntax {
            Syntax::Tagged(parser) => parser.finish(&mut pieces),
            Syntax::Bare(parser) => parser.finish(&mut pieces),
            Syntax::FunctionTag(parser) => parser.finish(&mut pieces),
            Syntax::ArgPairs(parser) => parser.finish(&mut pieces),
        }
        self.kept(pieces)
    }

    fn kept(&self, mut pieces: Vec<Piece>) -> Vec<Piece> {
        pieces.retain(|piece| match piece {
            Piece::Content(text) => !text.is_empty(),
            Piece::Call { index, .. } => !self.only_first || *index == 0,
            Piece::Arguments { index, text } => {
                !text.is_empty() && (!self.only_first || *index == 0)
            }
        });
        pieces
    }
}

#[cfg(test)]
#[path = "tools_tests.rs"]
mod tests;
