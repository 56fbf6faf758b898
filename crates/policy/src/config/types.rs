//! The settings, as the rest of the program reads them. What each means, its range and its default
//! are in the table of [`super::table`].

use super::parameters::Parameters;
use super::plans::KeyPlan;
use super::server::{LedgerSettings, Server};
use crate::class::Class;
use crate::price::Prices;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The address and its protections.
    pub server: Server,
    /// The models, the first of which answers when a request names none.
    pub models: Vec<Model>,
    /// Tokens by name.
    pub presets: BTreeMap<String, u64>,
    /// Limits for everybody.
    pub limits: Limits,
    /// Limits by the name of the route.
    pub routes: BTreeMap<String, Limits>,
    /// What counts when a request says nothing: the first rule that fits.
    pub defaults: Vec<Rule>,
    /// Settings by name, for requests that name them.
    pub scenarios: BTreeMap<String, Scenario>,
    /// Whether and how long models think.
    pub thinking: Thinking,
    /// What keys may do, by the name of the plan.
    pub plans: BTreeMap<String, KeyPlan>,
    /// Prices of models that have none of their own.
    pub prices: Prices,
    /// Three letters, or any short word, for the unit of the prices.
    pub currency: String,
    /// What is written down.
    pub ledger: LedgerSettings,
}

impl Default for Config {
    fn default() -> Self {
        let presets = [("short", 50), ("medium", 150), ("long", 500)];
        Config {
            server: Server::default(),
            models: Vec::new(),
            presets: presets.map(|(name, tokens)| (name.to_owned(), tokens)).into(),
            limits: Limits::default(),
            routes: BTreeMap::new(),
            defaults: Vec::new(),
            scenarios: BTreeMap::new(),
            thinking: Thinking::default(),
            plans: BTreeMap::new(),
            prices: Prices::default(),
            currency: "EUR".to_owned(),
            ledger: LedgerSettings::default(),
        }
    }
}

impl Config {
    /// What is said about a model; none for one that the configuration does not name.
    pub fn model(&self, id: &str) -> Option<&Model> {
        self.models.iter().find(|model| model.id == id)
    }

    /// The prices of a model.
    pub fn prices_of(&self, id: &str) -> Prices {
        self.model(id).and_then(|model| model.prices).unwrap_or(self.prices)
    }
}

/// A model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Model {
    /// The name in requests.
    pub id: String,
    /// Its file or folder; none for the model inside the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// A smaller model that guesses ahead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draft: Option<String>,
    /// Tokens of prompt and answer together; none for what the model was made for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_tokens: Option<u64>,
    /// Threads that compute; none for one per core.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<u64>,
    /// Memory for keys and values, in GiB; none for the server's own choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kv_gb: Option<f64>,
    /// Requests that are computed at once; none for the server's own choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running_max: Option<u64>,
    /// Tokens of prompts in a step in which others write; none for the server's own choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefill_beside_tokens: Option<u64>,
    /// Its prices; none for those of everybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prices: Option<Prices>,
    /// Its limits.
    pub limits: Limits,
    /// Whether and how long it thinks; what is not said is as for everybody.
    pub thinking: Thinking,
    /// Parameters that nobody may change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked: Option<Locked>,
}

/// Parameters that a model keeps, whatever a request says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Locked {
    /// Names and values.
    pub values: Parameters,
    /// Why, for the people who ask.
    pub reason: String,
    /// What becomes of a request that sets one to something else.
    pub when_set: WhenSet,
}

/// What becomes of a request that sets a locked parameter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenSet {
    /// The locked value counts, and the response says so.
    #[default]
    Replace,
    /// It is refused.
    Reject,
}

/// Bounds on what a request may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Of the tokens that are made.
    pub max_tokens: TokenLimits,
    /// What happens to a request outside of them; none for the server's own (`clamp`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub over_limit: Option<Over>,
    /// What happens to a number that does not fit into the context window; none for the server's
    /// own (`reject`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub over_window: Option<Over>,
}

/// Bounds on `max_tokens`, and what it is when nothing is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenLimits {
    /// The least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<u64>,
    /// The most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u64>,
    /// When neither the request nor a rule says anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<u64>,
}

/// What happens to a number that is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// It becomes the nearest one that is, and the response says so.
    Clamp,
    /// It is refused.
    Reject,
}

/// A rule for requests that say nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {
    /// Its name, told in responses.
    pub name: String,
    /// Which requests it is for; all conditions must hold.
    pub when: When,
    /// The limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u64>,
    /// The limit, as the name of a preset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// Whether the model thinks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking: Option<Switch>,
}

/// Conditions of a rule. An empty list, or a bound that is not there, lets everything through.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct When {
    /// Bounds of the prompt's tokens.
    pub prompt_tokens: Range,
    /// Classes of request.
    pub class: Vec<Class>,
    /// Names of routes.
    pub route: Vec<String>,
    /// Ids of models.
    pub model: Vec<String>,
    /// Tags.
    pub tag: Vec<String>,
    /// Names of scenarios.
    pub scenario: Vec<String>,
    /// Names of plans.
    pub plan: Vec<String>,
}

/// Both ends included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Range {
    /// The least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<u64>,
    /// The most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u64>,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

/// A bundle of settings that a request names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    /// Parameters by any of their names, for those that the request does not set.
    pub generation_config: Parameters,
    /// The limit, as the name of a preset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<String>,
    /// Bounds for requests of this scenario.
    pub limits: Limits,
}

/// Whether and how long a model thinks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Thinking {
    /// Whose wish counts; none for `client`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<ThinkingMode>,
    /// In mode `client`, when the request says nothing; none leaves it to the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<Switch>,
    /// The most that a request may think, in tokens, and how much when it does not say.
    pub budget: ThinkingBudget,
    /// Tokens of the limit that are kept for the answer, when the request keeps none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_reserve_tokens: Option<u64>,
    /// Budgets by the word of `reasoning_effort`.
    pub effort: BTreeMap<String, Effort>,
}

/// Whose wish counts about thinking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThinkingMode {
    /// Every request thinks.
    On,
    /// None does.
    Off,
    /// The request says it.
    Client,
}

/// Bounds of a thought, in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ThinkingBudget {
    /// The most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u64>,
    /// When the request names neither a budget nor an effort.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<u64>,
}

/// What a word of `reasoning_effort` means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Effort {
    /// This many tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// This share of the limit, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// At most this many tokens of that share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_max: Option<u64>,
}
