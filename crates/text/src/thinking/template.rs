//! What a chat template says about thinking: read from its source, and tried out.

use minijinja::machinery::{Token, tokenize};
use minijinja::syntax::SyntaxConfig;
use serde_json::{Map, Value, json};

use crate::{ChatInput, ChatTemplate, LocalTime};

/// What is read from a template once.
#[derive(Default)]
pub(super) struct TemplateFacts<'t> {
    template: Option<&'t ChatTemplate>,
    /// The variable that turns thinking on and off.
    pub switch: Option<&'static str>,
    /// Whether it reads `reasoning_effort`.
    pub reads_effort: bool,
}

/// Names of such variables, the usual one first.
const SWITCHES: [&str; 2] = ["enable_thinking", "thinking"];

/// Stands for a thought in a conversation that is rendered to see what is put around it.
const THOUGHT: &str = "Aa, bb.";

impl<'t> TemplateFacts<'t> {
    pub fn of(template: &'t ChatTemplate) -> Self {
        let reads = |name: &str| reads_variable(template.source(), name);
        Self {
            template: Some(template),
            switch: SWITCHES.into_iter().find(|name| reads(name)),
            reads_effort: reads("reasoning_effort"),
        }
    }

    /// Whether there is no template.
    pub fn is_empty(&self) -> bool {
        self.template.is_none()
    }

    pub fn mentions(&self, text: &str) -> bool {
        self.template.is_some_and(|template| template.source().contains(text))
    }

    /// What stands between a thought and the text `close`: a line's end or nothing. Seen in a
    /// rendered thought, else in the empty one that turns thinking off, else after `open` at the
    /// end of the prompt.
    pub fn before_close(&self, open: &str, close: &str) -> &'static str {
        let newline_or_nothing = |gap: &str| if gap.contains('\n') { "\n" } else { "" };
        let rendered = self.render(Map::new(), true).unwrap_or_default();
        if let Some((_, after)) = rendered.split_once(THOUGHT)
            && let Some((gap, _)) = after.split_once(close)
            && gap.trim().is_empty()
        {
            return newline_or_nothing(gap);
        }
        let off = self.switch.map(|name| (name.to_owned(), Value::from(false)));
        let prompt = self.render(off.into_iter().collect(), false).unwrap_or_default();
        let written = prompt.trim_end();
        if let Some(before) = written.strip_suffix(close) {
            let gap = &before[before.trim_end().len()..];
            return newline_or_nothing(gap);
        }
        if written.ends_with(open) && prompt.ends_with('\n') { "\n" } else { "" }
    }

    /// A short conversation: with an answer that was thought about, or as a prompt.
    fn render(&self, template_kwargs: Map<String, Value>, answered: bool) -> Option<String> {
        let mut messages = vec![json!({"role": "user", "content": "Q"})];
        if answered {
            let answer = json!({"role": "assistant", "content": "C", "reasoning_content": THOUGHT});
            messages.push(answer);
        }
        let input = ChatInput {
            messages,
            template_kwargs,
            add_generation_prompt: !answered,
            now: LocalTime::parse_iso("2026-01-01T00:00:00"),
            ..ChatInput::default()
        };
        self.template?.render(&input).ok()
    }
}

/// Whether a template reads a variable of its own, and not a field of another value.
fn reads_variable(source: &str, name: &str) -> bool {
    let mut after_dot = false;
    for token in tokenize(source, false, SyntaxConfig::default()) {
        let Ok((token, _)) = token else { return false };
        if matches!(token, Token::Ident(word) if word == name) && !after_dot {
            return true;
        }
        after_dot = matches!(token, Token::Dot);
    }
    false
}
