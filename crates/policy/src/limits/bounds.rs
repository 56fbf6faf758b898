//! Everybody's bounds, and which of them is the tightest.

use crate::config::{Config, Limits, Over, Scenario};
use crate::decision::SetBy;
use crate::wish::Who;

/// One bound, with whose it is.
#[derive(Clone, Debug)]
pub(crate) struct Bound {
    pub tokens: u64,
    pub by: SetBy,
    pub rule: String,
    pub over: Over,
}

/// The bounds that count for a request.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    /// The least; never above the most.
    pub min: Option<Bound>,
    /// The most.
    pub max: Option<Bound>,
    /// What happens to a number that does not fit into the window.
    pub over_window: Over,
}

/// The limits of one level, with the beginning of their path in the configuration.
pub(crate) struct Level<'a> {
    pub by: SetBy,
    pub path: String,
    pub limits: &'a Limits,
}

/// Every level that has limits for a request, the most particular first.
pub(crate) fn levels<'a>(
    config: &'a Config,
    who: &'a Who,
    scenario: Option<(&'a str, &'a Scenario)>,
) -> Vec<Level<'a>> {
    let level = |by, path: String, limits| Level { by, path, limits };
    let mut levels = vec![level(SetBy::Key, key_path(config, who), &who.key_plan.limits)];
    if let Some((name, scenario)) = scenario {
        levels.push(level(SetBy::Scenario, format!("scenarios.{name}.limits"), &scenario.limits));
    }
    if let Some(limits) = config.routes.get(&who.route) {
        levels.push(level(SetBy::Admin, format!("routes.{}", who.route), limits));
    }
    if let Some(model) = config.model(&who.model) {
        let path = format!("models.{}.limits", model.id);
        levels.push(level(SetBy::Admin, path, &model.limits));
    }
    levels.push(level(SetBy::Admin, "limits".to_owned(), &config.limits));
    levels
}

/// Where a key's limits are written: in its plan, or with the key itself.
fn key_path(config: &Config, who: &Who) -> String {
    let plan = who.plan.as_ref().and_then(|name| config.plans.get_key_value(name));
    match (plan, &who.key) {
        (Some((name, plan)), _) if plan.limits == who.key_plan.limits => {
            format!("plans.{name}.limits")
        }
        (_, Some(key)) => format!("limits of key {}", key.name),
        (_, None) => "limits without a key".to_owned(),
    }
}

impl Bounds {
    /// Of all levels the largest `min` and the smallest `max` count; where `min` is above `max`,
    /// `max` does. A level that does not say what happens outside does as the server does.
    pub fn of(config: &Config, who: &Who, scenario: Option<(&str, &Scenario)>) -> Bounds {
        let over_server = config.limits.over_limit.unwrap_or(Over::Clamp);
        let (mut mins, mut maxes) = (Vec::new(), Vec::new());
        let levels = levels(config, who, scenario);
        for Level { by, path, limits } in &levels {
            let over = limits.over_limit.unwrap_or(over_server);
            let bound = |tokens, end: &str| {
                let rule = format!("{path}.max_tokens.{end}");
                Bound { tokens, by: *by, rule, over }
            };
            mins.extend(limits.max_tokens.min.map(|tokens| bound(tokens, "min")));
            maxes.extend(limits.max_tokens.max.map(|tokens| bound(tokens, "max")));
        }
        let refuses = |bound: &Bound| bound.over == Over::Reject;
        // Of equals the one that refuses counts, then the first.
        let max = maxes.into_iter().min_by_key(|bound| (bound.tokens, !refuses(bound)));
        let min = mins.into_iter().rev().max_by_key(|bound| (bound.tokens, refuses(bound)));
        let min = min.filter(|min| max.as_ref().is_none_or(|max| min.tokens <= max.tokens));
        let over_window = levels.iter().find_map(|level| level.limits.over_window);
        Bounds { min, max, over_window: over_window.unwrap_or(Over::Reject) }
    }
}
