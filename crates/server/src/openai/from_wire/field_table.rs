//! Every field of a request that is no parameter of the table: what becomes of it, its type, in
//! one place for the reader, the OpenAPI document and the docs page.

use crate::openai::limits::{DEADLINE_MS_MAX, NAME_BYTES_MAX};
use serde_json::{Value, json};

/// A field of a request.
pub struct WireField {
    /// Its name.
    pub name: &'static str,
    /// Whose it is.
    pub origin: Origin,
    /// Which routes have it.
    pub routes: Routes,
    /// What becomes of it.
    pub treatment: Treatment,
    /// What it is for, in a sentence.
    pub help: &'static str,
    /// Its JSON Schema.
    pub schema: fn() -> Value,
}

/// Whose idea a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A field of OpenAI's API.
    OpenAi,
    /// A field of ours.
    Jeton,
}

/// Which routes have a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routes {
    /// `/v1/chat/completions`.
    Chat,
    /// `/v1/completions`.
    Completions,
    /// Both.
    Both,
}

/// What becomes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// It does what it says.
    Used,
    /// It is accepted and changes nothing, as on OpenAI's side it changes no text.
    NoEffect,
    /// It is accepted, changes nothing, and a warning says so.
    Warned,
    /// It is refused.
    Refused,
}

impl Routes {
    /// Whether `route`, one of the two, is among them.
    pub fn has(self, route: Routes) -> bool {
        self == Routes::Both || self == route
    }
}

/// The field of that name on that route.
pub fn find(name: &str, route: Routes) -> Option<&'static WireField> {
    WIRE_FIELDS.iter().find(|field| field.name == name && field.routes.has(route))
}

const fn field(
    origin: Origin,
    routes: Routes,
    treatment: Treatment,
    name: &'static str,
    schema: fn() -> Value,
    help: &'static str,
) -> WireField {
    WireField { name, origin, routes, treatment, help, schema }
}

fn text() -> Value {
    json!({"type": ["string", "null"], "minLength": 1, "maxLength": NAME_BYTES_MAX})
}

fn flag() -> Value {
    json!({"type": ["boolean", "null"]})
}

fn object() -> Value {
    json!({"type": ["object", "null"]})
}

fn objects() -> Value {
    json!({"type": ["array", "null"], "items": {"type": "object"}})
}

fn long_text() -> Value {
    json!({"type": ["string", "null"]})
}

fn anything() -> Value {
    json!({})
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

use Origin::{Jeton, OpenAi};
use Routes::{Both, Chat, Completions};
use Treatment::{NoEffect, Refused, Used, Warned};

/// The fields, in the order of the docs page.
pub const WIRE_FIELDS: &[WireField] = &[
    field(OpenAi, Both, Used, "model", text, "Which model answers; without it the first one."),
    field(
        OpenAi,
        Chat,
        Used,
        "messages",
        || reference("Messages"),
        "The conversation: developer, system, user, assistant and tool messages of text.",
    ),
    field(
        OpenAi,
        Completions,
        Used,
        "prompt",
        || reference("Prompt"),
        "A text, several texts, the token ids of one, or several lists of ids.",
    ),
    field(OpenAi, Both, Used, "stream", flag, "Whether the answer comes as server-sent events."),
    field(
        OpenAi,
        Both,
        Used,
        "stream_options",
        || reference("StreamOptions"),
        "With `include_usage`, a last chunk counts the tokens. Goes with `stream` alone.",
    ),
    field(
        OpenAi,
        Both,
        Used,
        "response_format",
        || reference("ResponseFormat"),
        "The shape of the answer: text, json_object, or json_schema, which always holds.",
    ),
    field(
        OpenAi,
        Chat,
        Used,
        "tools",
        || reference("Tools"),
        "Functions that the model may call, told to it by its own template.",
    ),
    field(
        OpenAi,
        Chat,
        Used,
        "tool_choice",
        || reference("ToolChoice"),
        "none, auto, required, or the tool to call: the last two are held by a grammar.",
    ),
    field(
        OpenAi,
        Chat,
        Used,
        "parallel_tool_calls",
        flag,
        "Whether an answer may call more than once; false ends it after the first call.",
    ),
    field(
        OpenAi,
        Chat,
        Used,
        "metadata",
        || reference("Metadata"),
        "Up to 16 texts by name; the one named `tag` is the request's tag in the ledger.",
    ),
    field(
        OpenAi,
        Chat,
        Used,
        "modalities",
        || {
            json!({"type": ["array", "null"],
        "items": {"enum": ["text"]}})
        },
        "What the answer is made of: text.",
    ),
    field(
        OpenAi,
        Chat,
        Used,
        "service_tier",
        || {
            json!({"type": ["string", "null"],
        "enum": ["auto", "default", "flex", "scale", "priority", "fast", null]})
        },
        "Accepted; the answer says `default`, the only tier there is.",
    ),
    field(OpenAi, Completions, Used, "echo", flag, "Whether the text begins with the prompt."),
    field(OpenAi, Both, NoEffect, "user", long_text, "Whom the caller asks for."),
    field(OpenAi, Both, NoEffect, "safety_identifier", long_text, "Whom the caller asks for."),
    field(
        OpenAi,
        Both,
        NoEffect,
        "prompt_cache_key",
        long_text,
        "Prompts share what they have in common without it.",
    ),
    field(
        OpenAi,
        Both,
        NoEffect,
        "prompt_cache_retention",
        long_text,
        "Prompts share what they have in common without it.",
    ),
    field(
        OpenAi,
        Both,
        NoEffect,
        "prompt_cache_options",
        object,
        "Prompts share what they have in common without it.",
    ),
    field(OpenAi, Chat, Warned, "store", flag, "Answers are not stored."),
    field(
        OpenAi,
        Chat,
        Warned,
        "prediction",
        object,
        "Guesses at the answer come from the prompt or a draft model.",
    ),
    field(OpenAi, Chat, Warned, "verbosity", long_text, "No model here reads it; see `length`."),
    field(OpenAi, Chat, Warned, "moderation", object, "Nothing is moderated."),
    field(OpenAi, Chat, Refused, "audio", object, "is not supported: the models here write text"),
    field(
        OpenAi,
        Chat,
        Refused,
        "web_search_options",
        object,
        "is not supported: nothing here searches the web",
    ),
    field(OpenAi, Chat, Refused, "functions", objects, "is not supported; use `tools`"),
    field(OpenAi, Chat, Refused, "function_call", anything, "is not supported; use `tool_choice`"),
    field(
        OpenAi,
        Completions,
        Refused,
        "suffix",
        long_text,
        "is not supported: the models here continue a text and do not fill one in",
    ),
    field(Jeton, Both, Used, "length", text, "A preset of the limit: short, medium, long, ..."),
    field(Jeton, Both, Used, "tag", text, "A word for this request in the ledger."),
    field(Jeton, Both, Used, "scenario", text, "What the answer is for: its own limits count."),
    field(
        Jeton,
        Both,
        Used,
        "deadline_ms",
        || {
            json!({"type": ["integer", "null"], "minimum": 1,
        "maximum": DEADLINE_MS_MAX})
        },
        "Ends the answer after that many milliseconds.",
    ),
    field(
        Jeton,
        Both,
        Used,
        "trace",
        || {
            json!({"type": ["boolean", "integer", "null"],
        "minimum": 0, "maximum": engine::limits::TRACE_CANDIDATES_MAX})
        },
        "Why each token was chosen; a number says how many candidates each list names.",
    ),
    field(Jeton, Both, Used, "receipt", flag, "A receipt that `jeton verify` checks."),
    field(Jeton, Both, Used, "return_state", flag, "The state to continue the answer from later."),
    field(Jeton, Both, Used, "resume", object, "A state that `return_state` gave, to go on from."),
    field(Jeton, Both, Used, "regex", long_text, "The answer is what this regex matches."),
    field(Jeton, Both, Used, "grammar", long_text, "The answer is of this Lark grammar."),
    field(
        Jeton,
        Both,
        Used,
        "choice",
        || {
            json!({"type": ["array", "null"],
        "items": {"type": "string"}})
        },
        "The answer is one of these texts.",
    ),
    field(Jeton, Chat, Used, "template_kwargs", object, "Variables for the chat template."),
    field(Jeton, Chat, Used, "chat_template_kwargs", object, "The same, under vLLM's name."),
    field(Jeton, Chat, Used, "documents", objects, "Documents for templates that read them."),
    field(
        Jeton,
        Chat,
        Used,
        "continue_final_message",
        flag,
        "Whether the answer goes on with the last message.",
    ),
    field(
        Jeton,
        Chat,
        Used,
        "add_generation_prompt",
        flag,
        "Whether the prompt ends where the assistant begins to write.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use sampling::params::ParamSpec;

    #[test]
    fn names_are_distinct_and_no_parameters() {
        for (index, field) in WIRE_FIELDS.iter().enumerate() {
            let twice = WIRE_FIELDS[..index].iter().any(|other| other.name == field.name);
            assert!(!twice, "{} is there twice", field.name);
            assert!(ParamSpec::find(field.name).is_none(), "{} is a parameter", field.name);
            assert!(!field.help.is_empty());
        }
    }

    #[test]
    fn routes_have_their_own_fields() {
        assert!(find("messages", Chat).is_some() && find("messages", Completions).is_none());
        assert!(find("prompt", Completions).is_some() && find("prompt", Chat).is_none());
        assert!(find("model", Chat).is_some() && find("model", Completions).is_some());
    }
}
