//! What a route asks of the service: a request without its wire format.

use answers::prompt::Prompt;
use grammar::GrammarSource;
use sampling::params::{ParamSpec, ParamValue};
use serde_json::Value;
use std::sync::Arc;

use crate::error::ApiError;
use crate::guard::Caller;

/// By which door a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// `POST /v1/chat/completions`
    ChatCompletions,
    /// `POST /v1/completions`
    Completions,
    /// `POST /generate`
    Generate,
    /// `POST /chat`
    Chat,
}

impl Route {
    /// The name, as configurations spell it.
    pub fn name(self) -> &'static str {
        match self {
            Route::ChatCompletions => "chat_completions",
            Route::Completions => "completions",
            Route::Generate => "generate",
            Route::Chat => "chat",
        }
    }

    /// The path, as the ledger spells it.
    pub fn path(self) -> &'static str {
        match self {
            Route::ChatCompletions => "/v1/chat/completions",
            Route::Completions => "/v1/completions",
            Route::Generate => "/generate",
            Route::Chat => "/chat",
        }
    }
}

/// A request.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Where it came in.
    pub route: Route,
    /// Which model; none for the first one.
    pub model: Option<String>,
    /// Who asks; none where no key is needed.
    pub caller: Option<Arc<Caller>>,
    /// What is to be continued or answered. Not read where a saved run goes on.
    pub prompt: Prompt,
    /// Parameters under any name of the table, as the client gave them. `max_tokens` may be a list.
    pub values: Vec<(String, ParamValue)>,
    /// The shape of the output.
    pub shape: Option<GrammarSource>,
    /// With a number: a trace of each choice whose lists name that many candidates.
    pub trace: Option<usize>,
    /// With a number: log-probabilities of the prompt's tokens with that many alternatives.
    pub prompt_logprobs: Option<usize>,
    /// Whether special tokens are written as their text.
    pub show_special: bool,
    /// The name of a preset for the limit: `short`, `medium`, ...
    pub length: Option<String>,
    /// A word of the client's by which usage is told apart.
    pub tag: Option<String>,
    /// The name of a scenario of the configuration.
    pub scenario: Option<String>,
    /// Whether tokens are wanted as they come.
    pub stream: bool,
    /// After how many milliseconds the answer ends with what there is.
    pub deadline_ms: Option<u64>,
    /// A saved run to go on with: what an earlier answer returned as its `state`.
    pub resume: Option<Value>,
    /// Whether the state to go on with later is wanted.
    pub return_state: bool,
    /// Whether the receipt that `jeton verify` checks is wanted.
    pub receipt: bool,
    /// Fields that nobody knows; they were passed over.
    pub unknown_fields: Vec<String>,
}

impl Asked {
    /// A request with a prompt and nothing else.
    pub fn new(route: Route, prompt: Prompt) -> Self {
        Asked {
            route,
            model: None,
            caller: None,
            prompt,
            values: Vec::new(),
            shape: None,
            trace: None,
            prompt_logprobs: None,
            show_special: false,
            length: None,
            tag: None,
            scenario: None,
            stream: false,
            deadline_ms: None,
            resume: None,
            return_state: false,
            receipt: false,
            unknown_fields: Vec::new(),
        }
    }
    /// The names under which it sets parameters.
    pub(super) fn names(&self) -> GivenNames {
        GivenNames(self.values.iter().map(|(name, _)| name.clone()).collect())
    }
}

/// Names under which a request sets parameters, aliases among them.
pub(super) struct GivenNames(Vec<String>);

impl GivenNames {
    /// A refusal that names its parameter as the request did.
    pub fn in_words_of(&self, error: ApiError) -> ApiError {
        let Some(param) = error.param.clone() else { return error };
        let is_same = |given: &&String| ParamSpec::find(given).is_some_and(|s| s.name == param);
        match self.0.iter().find(is_same) {
            Some(given) => error.renamed(&param, given),
            None => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_parameters_as_the_request_does() {
        let asked = Asked {
            values: vec![("max_completion_tokens".to_owned(), ParamValue::Int(9))],
            ..Asked::new(Route::Chat, Prompt::Ids(Vec::new()))
        };
        let told = |param: &str| {
            let error = ApiError::parameter(param, format!("`{param}` must be 1, not `seed`"));
            let error = asked.names().in_words_of(error);
            (error.param.unwrap_or_default(), error.message)
        };
        let (param, message) = told("max_tokens");
        assert_eq!(param, "max_completion_tokens");
        assert_eq!(message, "`max_completion_tokens` must be 1, not `seed`");
        assert_eq!(told("seed").0, "seed");
        assert_eq!(told("messages").0, "messages");
    }
}
