//! What somebody may have of a model: presets, limits, prices, scenarios: what a page asks before
//! it asks for an answer.

use super::served::ServedModel;
use super::{Service, asked::Route, govern};
use crate::error::ApiError;
use crate::guard::Caller;
use policy::config::{Config, ThinkingMode};
use policy::{Facts, OfferedBound, Wish, offered};
use serde_json::{Value, json};

impl Service {
    /// What the settings say about requests of `caller` for a chat with this model.
    ///
    /// # Errors
    /// 403 when the caller's plan is not configured.
    pub fn offer(&self, model: &ServedModel, caller: Option<&Caller>) -> Result<Value, ApiError> {
        let config = self.config();
        let who = govern::who(&config, model.id(), Route::ChatCompletions.name(), caller)?;
        let facts = Facts {
            context_tokens_max: model.engine().info().context_tokens_max as u64,
            model_default_tokens: model.model().defaults.max_new_tokens.map(u64::from),
            ..Facts::default()
        };
        let (min, max) = offered(&config, &who);
        // What a short question would get that names no limit.
        let default = policy::limits(&config, &Wish::default(), &who, &facts).ok();
        let bound = |bound: OfferedBound| {
            json!({
                "tokens": bound.tokens, "set_by": bound.set_by.as_str(), "rule": bound.rule,
                "over": if bound.rejects { "reject" } else { "clamp" },
            })
        };
        Ok(json!({
            "presets": config.presets,
            "scenarios": config.scenarios.keys().collect::<Vec<_>>(),
            "limits": {"max_tokens": {
                "min": min.map(bound),
                "max": max.map(bound),
                "default": default.map(|plan| json!({
                    "tokens": plan.max_tokens(),
                    "set_by": plan.max_tokens.set_by.as_str(),
                    "rule": plan.max_tokens.rule,
                })),
                "context": facts.context_tokens_max,
            }},
            "thinking": {"mode": thinking_mode(&config, model.id())},
            "prices": prices(&config, model.id()),
            "plan": who.plan,
            "profiles": sampling::profile::PROFILE_NAMES,
        }))
    }
}

/// Whose wish about thinking counts.
fn thinking_mode(config: &Config, model: &str) -> &'static str {
    let own = config.model(model).and_then(|model| model.thinking.mode);
    match own.or(config.thinking.mode).unwrap_or(ThinkingMode::Client) {
        ThinkingMode::On => "on",
        ThinkingMode::Off => "off",
        ThinkingMode::Client => "client",
    }
}

/// What a million tokens of each kind cost.
fn prices(config: &Config, model: &str) -> Value {
    let prices = config.prices_of(model);
    json!({
        "currency": config.currency,
        "tokens": 1_000_000,
        "prompt": prices.prompt.as_f64(),
        "cached_prompt": prices.cached_prompt().as_f64(),
        "thinking": prices.thinking().as_f64(),
        "answer": prices.answer.as_f64(),
    })
}
