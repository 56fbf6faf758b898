//! What comes in: what a request asks for, who asks, and what is known of model and prompt.

use crate::config::KeyPlan;
use sampling::params::ParamValue;

/// What a request asks for, as far as it is governed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wish {
    /// `max_tokens` as asked: empty when not asked; several are views of one run.
    pub max_tokens: Vec<u64>,
    /// `length`: the name of a preset.
    pub length: Option<String>,
    /// `scenario`: the name of a bundle of settings.
    pub scenario: Option<String>,
    /// `tag`: the client's own word for what the request is about.
    pub tag: Option<String>,
    /// Answers that are made at once, each with its own limit; 0 counts as 1.
    pub choices: u64,
    /// What the request is, beside its text.
    pub hints: Hints,
    /// The last thing the user said; only its beginning and its end are looked at.
    pub last_user_text: String,
    /// Parameters that the request sets, by any of their names, `max_tokens` and those of thinking
    /// included.
    pub values: Vec<(String, ParamValue)>,
}

/// What a request is, beside its text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// The answer must be JSON: a schema, or JSON mode.
    pub has_json_shape: bool,
    /// The answer has another shape: a regex, a grammar, a choice.
    pub has_shape: bool,
    /// The model marks its thoughts, and the prompt is a conversation. Otherwise nothing about
    /// thinking is decided.
    pub can_think: bool,
}

/// Who asks, and where.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Who {
    /// The route's name: `chat_completions`, `completions`, `generate`, `chat`, ...
    pub route: String,
    /// The model's id.
    pub model: String,
    /// The key; none where no keys are needed.
    pub key: Option<KeyName>,
    /// The name of the key's plan.
    pub plan: Option<String>,
    /// What counts for this key, made by [`Config::plan_of`](crate::config::Config::plan_of) from
    /// the plan and the key's own overrides.
    pub key_plan: KeyPlan,
}

/// A key, without its secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyName {
    /// Its id.
    pub id: String,
    /// Its name, for people.
    pub name: String,
}

/// What is known once the prompt was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Tokens that prompt and answer may have together.
    pub context_tokens_max: u64,
    /// The limit that the model's own files recommend, where they do.
    pub model_default_tokens: Option<u64>,
    /// Tokens that the key's budgets leave to the answers of this request together; none for no
    /// bound.
    pub budget_left_tokens: Option<u64>,
    /// Most tokens that end a thought of this model; they have to fit beside `answer_reserve`. 0
    /// where it marks none.
    pub thought_close_tokens: u64,
}

impl Wish {
    /// The value of a parameter that the request sets, by its name in the table.
    pub fn value(&self, name: &str) -> Option<&ParamValue> {
        let same = |given: &str| given == name || crate::decision::canonical(given) == Some(name);
        self.values.iter().find(|(given, _)| same(given)).map(|(_, value)| value)
    }

    pub(crate) fn choices(&self) -> u64 {
        self.choices.max(1)
    }
}
