//! Settings held against each other: names that must exist, bounds in order.

use super::check::Checked;
use super::problem::{At, Problem};
use super::types::{Config, Limits, Rule, Thinking};
use std::collections::HashMap;

/// Days of the longest month.
const MONTH_DAYS_MAX: u64 = 31;

/// Adds what does not fit together.
pub(super) fn check(config: &Config, checked: &mut Checked) {
    check_models(config, checked);
    check_limits(&config.limits, "limits", checked);
    for (route, limits) in &config.routes {
        check_limits(limits, &format!("routes.{route}"), checked);
    }
    for (index, rule) in config.defaults.iter().enumerate() {
        check_rule(config, rule, index, checked);
    }
    check_scenarios(config, checked);
    check_thinking(&config.thinking, "thinking", checked);
    for (name, plan) in &config.plans {
        check_limits(&plan.limits, &format!("plans.{name}.limits"), checked);
        let models = plan.models.iter().flatten().filter(|id| !id.ends_with('*'));
        let models = models.map(|id| ("models", "model", id));
        check_names(config, models, &format!("plans.{name}"), checked);
    }
    let plan = config.server.plan_without_key.iter().map(|name| ("plan_without_key", "plan", name));
    check_names(config, plan, "server", checked);
    check_retention(config, checked);
}

fn tell(checked: &mut Checked, path: &str, message: impl Into<String>) {
    // A value in a list given as one value has no place of its own; its list has.
    let parent = path.trim_end_matches(']').rsplit_once('[').map_or(path, |(list, _)| list);
    let place = checked.places.get(path).or_else(|| checked.places.get(parent));
    let at = place.copied().unwrap_or(At::START);
    checked.problems.push(Problem::new(at, path, message));
}

fn check_models(config: &Config, checked: &mut Checked) {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (index, model) in config.models.iter().enumerate() {
        let path = format!("models[{index}]");
        if let Some(first) = seen.insert(&model.id, index) {
            let message = format!("`{}` is the id of models[{first}] already", model.id);
            tell(checked, &format!("{path}.id"), message);
        }
        check_limits(&model.limits, &format!("{path}.limits"), checked);
        check_thinking(&model.thinking, &format!("{path}.thinking"), checked);
        let locked = model.locked.iter().flat_map(|locked| &locked.values.0);
        for (name, _) in locked {
            if crate::decision::canonical(name) == Some("max_tokens") {
                let message = "is not locked here; `limits` bounds it";
                tell(checked, &format!("{path}.locked.values"), message);
            }
        }
    }
}

pub(super) fn check_limits(limits: &Limits, path: &str, checked: &mut Checked) {
    let tokens = &limits.max_tokens;
    let path = format!("{path}.max_tokens");
    check_order(tokens.min, tokens.max, &path, checked);
    let Some(default) = tokens.default else { return };
    let least = tokens.min.filter(|&min| default < min).map(|min| ("min", min));
    let most = tokens.max.filter(|&max| default > max).map(|max| ("max", max));
    if let Some((end, bound)) = least.or(most) {
        let message = format!("must be within min and max; given {default}, {end} is {bound}");
        tell(checked, &format!("{path}.default"), message);
    }
}

fn check_order(min: Option<u64>, max: Option<u64>, path: &str, checked: &mut Checked) {
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        let message = format!("must be at most max, {max}; given {min}");
        tell(checked, &format!("{path}.min"), message);
    }
}

fn check_rule(config: &Config, rule: &Rule, index: usize, checked: &mut Checked) {
    let path = format!("defaults[{index}]");
    if config.defaults[..index].iter().any(|earlier| earlier.name == rule.name) {
        let message = format!("`{}` is the name of an earlier rule", rule.name);
        tell(checked, &format!("{path}.name"), message);
    }
    let range = rule.when.prompt_tokens;
    check_order(range.min, range.max, &format!("{path}.when.prompt_tokens"), checked);
    match (rule.max_tokens, &rule.preset, rule.thinking) {
        (None, None, None) => {
            tell(checked, &path, "sets nothing; give it `max_tokens`, `preset` or `thinking`");
        }
        (Some(_), Some(_), _) => {
            let message = "must be left out beside `max_tokens`";
            tell(checked, &format!("{path}.preset"), message);
        }
        (_, _, Some(_)) if range.min.or(range.max).is_some() => {
            let message = "must be left out beside `when.prompt_tokens`: whether a model thinks \
                           is decided before the prompt is counted";
            tell(checked, &format!("{path}.thinking"), message);
        }
        _ => {}
    }
    let preset = rule.preset.iter().map(|name| ("preset", "preset", name));
    let scenarios = rule.when.scenario.iter().map(|name| ("when.scenario", "scenario", name));
    let plans = rule.when.plan.iter().map(|name| ("when.plan", "plan", name));
    let models = rule.when.model.iter().map(|name| ("when.model", "model", name));
    check_names(config, preset.chain(scenarios).chain(plans).chain(models), &path, checked);
}

fn check_scenarios(config: &Config, checked: &mut Checked) {
    for (name, scenario) in &config.scenarios {
        let path = format!("scenarios.{name}");
        check_limits(&scenario.limits, &format!("{path}.limits"), checked);
        let preset = scenario.length.iter().map(|name| ("length", "preset", name));
        check_names(config, preset, &path, checked);
        let limit = scenario.generation_config.get("max_tokens");
        if limit.is_some_and(|limit| limit.integer().is_none()) {
            let message = "`max_tokens` must be one number here; lists are for requests";
            tell(checked, &format!("{path}.generation_config"), message);
        }
        if limit.is_some() && scenario.length.is_some() {
            let message = "must be left out beside a limit in `generation_config`";
            tell(checked, &format!("{path}.length"), message);
        }
    }
}

fn check_thinking(thinking: &Thinking, path: &str, checked: &mut Checked) {
    let budget = thinking.budget;
    if let (Some(default), Some(max)) = (budget.default, budget.max)
        && default > max
    {
        let message = format!("must be at most max, {max}; given {default}");
        tell(checked, &format!("{path}.budget.default"), message);
    }
    for (word, effort) in &thinking.effort {
        let path = format!("{path}.effort.{word}");
        match (effort.tokens, effort.share, effort.tokens_max) {
            (Some(_), Some(_), _) => tell(checked, &path, "has `tokens` or `share`, not both"),
            (Some(_), None, Some(_)) => tell(checked, &path, "has `tokens_max` only with `share`"),
            (None, None, None) => tell(checked, &path, "needs `tokens` or `share`"),
            _ => {}
        }
    }
}

/// What a budget has left is a sum over the ledger: entries of its window must stay that long. A
/// day, the least that can be written, is enough for budgets of a day.
fn check_retention(config: &Config, checked: &mut Checked) {
    let Some(days) = config.ledger.retention_days.filter(|&days| days < MONTH_DAYS_MAX) else {
        return;
    };
    let monthly = config.plans.iter().find(|(_, plan)| plan.has_month());
    if let Some((name, _)) = monthly {
        let message = format!(
            "must be at least {MONTH_DAYS_MAX}: plan `{name}` has a budget of a month, and what is \
             left of it is counted from the ledger; given {days}"
        );
        tell(checked, "ledger.retention_days", message);
    }
}

/// Names (key, what it names, name) that must be those of something.
fn check_names<'a>(
    config: &Config,
    names: impl Iterator<Item = (&'a str, &'a str, &'a String)>,
    path: &str,
    checked: &mut Checked,
) {
    for (key, what, name) in names {
        let (is_known, known) = match what {
            "preset" => (config.presets.contains_key(name), list(config.presets.keys())),
            "scenario" => (config.scenarios.contains_key(name), list(config.scenarios.keys())),
            "plan" => (config.plans.contains_key(name), list(config.plans.keys())),
            // Models may come from the command line; where they are here, all of them are.
            _ => (
                config.models.is_empty() || config.model(name).is_some(),
                list(config.models.iter().map(|model| &model.id)),
            ),
        };
        // One that is there and wrong was told already.
        if !is_known && !checked.places.contains_key(&format!("{what}s.{name}")) {
            let known = if known.is_empty() { "none".to_owned() } else { known };
            let message = format!("`{name}` is no {what} of this file; there are: {known}");
            tell(checked, &format!("{path}.{key}"), message);
        }
    }
}

fn list<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.take(20).map(String::as_str).collect::<Vec<_>>().join(", ")
}
