//! Rules for what a request does not say: the first one that fits and has something to say.

use crate::class::Class;
use crate::config::{Config, Rule};
use crate::decision::SetBy;
use crate::wish::{Who, Wish};

/// What rules look at.
#[derive(Clone, Copy)]
pub(crate) struct Case<'a> {
    pub wish: &'a Wish,
    pub who: &'a Who,
    pub class: Class,
    /// None before the prompt was counted; then rules about its length do not fit.
    pub prompt_tokens: Option<u64>,
}

/// The first rule that fits and of which `says` is true.
pub(crate) fn first<'a>(
    config: &'a Config,
    case: Case,
    says: impl Fn(&Rule) -> bool,
) -> Option<&'a Rule> {
    config.defaults.iter().find(|rule| says(rule) && fits(rule, case))
}

fn fits(rule: &Rule, case: Case) -> bool {
    let Case { wish, who, class, prompt_tokens } = case;
    let when = &rule.when;
    let range = when.prompt_tokens;
    let is_long_enough = range.min.is_none_or(|min| prompt_tokens.is_some_and(|n| n >= min));
    let is_short_enough = range.max.is_none_or(|max| prompt_tokens.is_some_and(|n| n <= max));
    is_long_enough
        && is_short_enough
        && (when.class.is_empty() || when.class.contains(&class))
        && among(&when.route, Some(&who.route))
        && among(&when.model, Some(&who.model))
        && among(&when.tag, wish.tag.as_ref())
        && among(&when.scenario, wish.scenario.as_ref())
        && among(&when.plan, who.plan.as_ref())
}

fn among(names: &[String], name: Option<&String>) -> bool {
    names.is_empty() || name.is_some_and(|name| names.contains(name))
}

/// Who a rule speaks for.
pub(crate) fn set_by(rule: &Rule) -> SetBy {
    match (rule.when.tag.is_empty(), rule.when.scenario.is_empty()) {
        (false, _) => SetBy::Tag,
        (true, false) => SetBy::Scenario,
        (true, true) => SetBy::Default,
    }
}
