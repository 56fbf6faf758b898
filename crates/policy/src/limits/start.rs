//! The number that a request begins with: what it asks for, or what stands in for it.

use super::bounds::levels;
use crate::config::{Config, Scenario};
use crate::decision::{Decision, SetBy, Step};
use crate::rules::{self, Case};
use crate::wish::Facts;
use serde_json::Value;

const PARAM: &str = "max_tokens";

/// A number with its first step.
pub(crate) struct Start {
    pub decision: Decision,
    pub tokens: u64,
    /// Whether the request names the number itself.
    pub is_number: bool,
}

/// One for each limit that is asked for; one when none is.
pub(crate) fn starts(
    config: &Config,
    case: Case,
    scenario: Option<(&str, &Scenario)>,
    facts: &Facts,
    room: u64,
) -> Vec<Start> {
    let asked = case.wish.max_tokens.iter();
    let asked: Vec<Start> = asked
        .map(|&tokens| Start { decision: Decision::asked(PARAM, tokens), tokens, is_number: true })
        .collect();
    if !asked.is_empty() {
        return asked;
    }
    let start = preset(config, case)
        .or_else(|| of_scenario(config, scenario))
        .or_else(|| of_rule(config, case))
        .or_else(|| of_level(config, case, scenario))
        .or_else(|| {
            let rule = "the model's own recommendation";
            Some(given(SetBy::Model, facts.model_default_tokens?, rule.to_owned()))
        })
        .unwrap_or_else(|| given(SetBy::Context, room, "the rest of the window".to_owned()));
    vec![start]
}

fn given(by: SetBy, tokens: u64, rule: String) -> Start {
    Start { decision: Decision::given(PARAM, by, tokens, rule), tokens, is_number: false }
}

fn preset(config: &Config, case: Case) -> Option<Start> {
    let name = case.wish.length.as_ref()?;
    let tokens = *config.presets.get(name)?;
    let rule = Some(format!("presets.{name}"));
    let first = Step { by: SetBy::Preset, value: Value::from(tokens), rule };
    let decision = Decision::begin(PARAM, Some(Value::from(name.as_str())), first);
    Some(Start { decision, tokens, is_number: false })
}

fn of_scenario(config: &Config, scenario: Option<(&str, &Scenario)>) -> Option<Start> {
    let (name, scenario) = scenario?;
    let number = scenario.generation_config.get(PARAM).and_then(|value| value.integer());
    let number = number.and_then(|number| u64::try_from(number).ok());
    let path = format!("scenarios.{name}");
    match (number, &scenario.length) {
        (Some(tokens), _) => {
            Some(given(SetBy::Scenario, tokens, format!("{path}.generation_config.max_tokens")))
        }
        (None, Some(preset)) => {
            let tokens = *config.presets.get(preset)?;
            Some(given(SetBy::Scenario, tokens, format!("{path}.length: {preset}")))
        }
        (None, None) => None,
    }
}

fn of_rule(config: &Config, case: Case) -> Option<Start> {
    let says = |rule: &crate::config::Rule| rule.max_tokens.is_some() || rule.preset.is_some();
    let rule = rules::first(config, case, says)?;
    let preset = || config.presets.get(rule.preset.as_ref()?).copied();
    let tokens = rule.max_tokens.or_else(preset)?;
    Some(given(rules::set_by(rule), tokens, rule.name.clone()))
}

fn of_level(config: &Config, case: Case, scenario: Option<(&str, &Scenario)>) -> Option<Start> {
    let levels = levels(config, case.who, scenario);
    levels.into_iter().find_map(|level| {
        let tokens = level.limits.max_tokens.default?;
        Some(given(SetBy::Default, tokens, format!("{}.max_tokens.default", level.path)))
    })
}
