//! The public routes: what each is for, takes and gives. One entry per path and method.

use super::own::OWN;
use serde_json::{Map, Value, json};

/// A path with a method.
pub struct Operation {
    /// `get` or `post`.
    pub method: &'static str,
    /// The path; variables in braces.
    pub path: &'static str,
    /// What it is for, in a few words.
    pub summary: &'static str,
    /// The body it takes.
    pub body: Option<Body>,
    /// Variables of the path and the query: name, place, what it is.
    pub parameters: &'static [(&'static str, &'static str, &'static str)],
    /// What it gives with 200: content types and schemas.
    pub gives: &'static [Gives],
}

/// A body: its schema and an example.
pub type Body = (fn() -> Value, fn() -> Value);

/// A content type with its schema.
pub type Gives = (&'static str, fn() -> Value);

const JSON: &str = "application/json";

fn text() -> Value {
    json!({"type": "string"})
}

/// A stream; what its events hold is told in words, since programs differ in what a schema of a
/// stream is a schema of.
pub fn events() -> Value {
    json!({"description": "Server-sent events, each with a chunk as JSON; the last is `[DONE]`."})
}

fn object() -> Value {
    json!({"type": "object"})
}

fn named(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// Most of what routes have in common.
pub const PLAIN: Operation = Operation {
    method: "get",
    path: "/",
    summary: "",
    body: None,
    parameters: &[],
    gives: &[(JSON, object)],
};

/// Every public route that is not a page.
pub fn operations() -> impl Iterator<Item = &'static Operation> {
    OPERATIONS.iter().chain(OWN)
}

/// OpenAI's routes, and those about the server itself.
const OPERATIONS: &[Operation] = &[
    Operation {
        method: "post",
        path: "/v1/chat/completions",
        summary: "Answer a conversation",
        body: Some((
            || named("ChatRequest"),
            || {
                json!({"model": "jeton-tiny", "max_tokens": 60, "seed": 7,
                "messages": [{"role": "user", "content": "Write a short story about a cat."}]})
            },
        )),
        gives: &[(JSON, || named("ChatCompletion")), ("text/event-stream", events)],
        ..PLAIN
    },
    Operation {
        method: "post",
        path: "/v1/completions",
        summary: "Continue texts",
        body: Some((
            || named("CompletionRequest"),
            || {
                json!({"model": "jeton-tiny", "prompt": "Once upon a time", "max_tokens": 40,
                "seed": 7})
            },
        )),
        gives: &[(JSON, || named("Completion")), ("text/event-stream", events)],
        ..PLAIN
    },
    Operation {
        path: "/v1/models",
        summary: "List the models",
        gives: &[(JSON, || named("Models"))],
        ..PLAIN
    },
    Operation {
        path: "/v1/models/{id}",
        summary: "Tell about a model",
        parameters: &[("id", "path", "The model's id.")],
        gives: &[(JSON, || named("Model"))],
        ..PLAIN
    },
    Operation { path: "/health", summary: "Whether the process is alive", ..PLAIN },
    Operation { path: "/ready", summary: "Whether requests are taken", ..PLAIN },
    Operation {
        path: "/metrics",
        summary: "Counters and gauges for Prometheus",
        gives: &[("application/openmetrics-text", text)],
        ..PLAIN
    },
    Operation { path: "/openapi.json", summary: "This document", ..PLAIN },
];

/// What a refusal means, by its status.
const REFUSALS: [(&str, &str); 10] = [
    ("400", "The request is wrong; `param` names the field"),
    ("401", "The key is missing or wrong"),
    ("403", "Not with this key, or not from this page"),
    ("404", "There is no such model or path"),
    ("405", "The path does not take this method"),
    ("408", "The body did not arrive in time, or the answer was not read"),
    ("413", "The body is too large"),
    ("429", "Too much at once, or a budget is used up; see `Retry-After`"),
    ("500", "A fault of the server"),
    ("503", "The server loads or stops; see `Retry-After`"),
];

impl Operation {
    /// Its entry in the document.
    pub fn to_json(&self) -> Value {
        let content = |(kind, schema): &Gives| ((*kind).to_owned(), json!({"schema": schema()}));
        let content: Map<String, Value> = self.gives.iter().map(content).collect();
        let mut responses = Map::new();
        responses
            .insert("200".to_owned(), json!({"description": self.summary, "content": content}));
        for (status, meaning) in REFUSALS {
            let body = json!({JSON: {"schema": named("Error")}});
            responses.insert(status.to_owned(), json!({"description": meaning, "content": body}));
        }
        let mut json = json!({
            "operationId": self.id(),
            "summary": self.summary,
            "responses": responses,
        });
        let parameters: Vec<Value> = self.parameters.iter().map(parameter).collect();
        if !parameters.is_empty() {
            json["parameters"] = Value::from(parameters);
        }
        if let Some((schema, example)) = self.body {
            json["requestBody"] = json!({"required": true,
                "content": {JSON: {"schema": schema(), "example": example()}}});
        }
        json
    }

    fn id(&self) -> String {
        let words = self.path.split(|c: char| !c.is_ascii_alphanumeric());
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        format!("{}_{}", self.method, words.join("_"))
    }
}

fn parameter((name, place, help): &(&str, &str, &str)) -> Value {
    json!({
        "name": name,
        "in": place,
        "required": *place == "path",
        "description": help,
        "schema": {"type": "string", "minLength": usize::from(*place == "path")},
    })
}
