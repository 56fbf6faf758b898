//! Whether a model thinks, and how long: the wish, the admin's mode and the table of efforts.

use crate::before::{Early, Setting};
use crate::config::{Config, Effort, Switch, Thinking, ThinkingMode};
use crate::decision::{Decision, SetBy, to_json};
use crate::refusal::Refusal;
use crate::rules::{self, Case};
use crate::wish::{Facts, Wish};
use sampling::params::{EffortShare, ParamValue};
use serde_json::Value;

/// Decides `enable_thinking`, and what of `reasoning_effort` and `thinking_budget` is left.
/// Nothing is decided where there is nothing to think.
pub(crate) fn before_prompt(config: &Config, case: Case, settings: &mut Vec<Setting>) {
    if !case.wish.hints.can_think {
        return;
    }
    let rules = Rules::of(config, &case.who.model);
    match rules.mode {
        ThinkingMode::Off => turn(false, case.wish, rules.path("mode"), settings),
        ThinkingMode::On => turn(true, case.wish, rules.path("mode"), settings),
        ThinkingMode::Client => fill(config, case, &rules, settings),
    }
}

/// What binds thoughts whatever a request says, each with its rule.
pub(crate) fn fixed(config: &Config, model: &str) -> Vec<String> {
    let rules = Rules::of(config, model);
    let mode = match rules.mode {
        ThinkingMode::Client => None,
        ThinkingMode::On => Some("on"),
        ThinkingMode::Off => Some("off"),
    };
    let mode = mode.map(|mode| format!("{}: {mode}", rules.path("mode")));
    let cap = rules.budget_max.map(|(tokens, rule)| format!("{rule}: {tokens}"));
    mode.into_iter().chain(cap).collect()
}

/// On or off for everybody. What contradicts it is taken away, and told.
fn turn(on: bool, wish: &Wish, rule: String, settings: &mut Vec<Setting>) {
    let mut asked = asked("enable_thinking", wish, settings);
    match &mut asked {
        Some(decision) => decision.change(SetBy::Admin, on, rule.clone()),
        None => asked = Some(Decision::given("enable_thinking", SetBy::Admin, on, rule.clone())),
    }
    let contradicts = |value: &Value| match value {
        Value::String(effort) => (effort == "none") == on,
        value => (value.as_u64() == Some(0)) == on,
    };
    let mut taken = Vec::new();
    for param in ["reasoning_effort", "thinking_budget"] {
        let other = self::asked(param, wish, settings);
        let Some(mut other) = other.filter(|other| contradicts(&other.effective)) else { continue };
        other.change(SetBy::Admin, Value::Null, rule.clone());
        taken.push(Setting { value: None, decision: other });
    }
    let enable = asked.map(|decision| Setting::new(ParamValue::Bool(on), decision));
    for setting in enable.into_iter().chain(taken) {
        settings.retain(|other| other.param() != setting.param());
        settings.push(setting);
    }
}

/// By the client, or by the first default that says something.
fn fill(config: &Config, case: Case, rules: &Rules, settings: &mut Vec<Setting>) {
    let names = ["enable_thinking", "reasoning_effort", "thinking_budget"];
    let is_set = |name: &&str| asked(name, case.wish, settings).is_some();
    if names.iter().any(is_set) {
        return;
    }
    let rule = rules::first(config, case, |rule| rule.thinking.is_some());
    let (switch, by, name) = match (rule, rules.default.clone()) {
        (Some(rule), _) => (rule.thinking, rules::set_by(rule), rule.name.clone()),
        (None, Some((switch, path))) => (Some(switch), SetBy::Default, path),
        (None, None) => return,
    };
    let on = switch == Some(Switch::On);
    let decision = Decision::given("enable_thinking", by, on, name);
    settings.push(Setting::new(ParamValue::Bool(on), decision));
}

/// What the request or its scenario says about a parameter.
fn asked(param: &str, wish: &Wish, settings: &[Setting]) -> Option<Decision> {
    let set = settings.iter().find(|setting| setting.param() == param);
    set.map(|setting| setting.decision.clone())
        .or_else(|| Some(Decision::asked(param, to_json(wish.value(param)?))))
}

/// Refuses a search that cannot be held to the cap on thoughts: it never ends one.
///
/// # Errors
/// For beams where the model may think and thoughts are capped.
pub(crate) fn check_beams(
    config: &Config,
    case: Case,
    settings: &[Setting],
) -> Result<(), Refusal> {
    let said = Said { wish: case.wish, settings };
    let Some((_, rule)) = Rules::of(config, &case.who.model).budget_max else { return Ok(()) };
    if !said.has_beams() || !said.is_thinking() {
        return Ok(());
    }
    let message = format!(
        "`num_beams` must be 1 here while the model may think: thoughts are capped ({rule}), and a \
         beam search cannot end one; `enable_thinking: false` turns thinking off"
    );
    Err(Refusal::parameter("num_beams", message))
}

/// What is decided about thoughts under one limit.
#[derive(Default)]
pub(crate) struct Budgets {
    /// `thinking_budget` and `answer_reserve`.
    pub settings: Vec<Setting>,
    /// The parameter that makes them depend on the limit; none where any limit has the same.
    pub shaped_by: Option<&'static str>,
}

/// Decides `thinking_budget` and `answer_reserve` under one limit, as if it was the only one.
pub(crate) fn budgets(
    config: &Config,
    case: Case,
    early: &Early,
    facts: &Facts,
    limit: &Decision,
) -> Budgets {
    let said = Said { wish: case.wish, settings: &early.settings };
    if said.has_beams() {
        // Nothing ends a thought there; what the client sends all the same is the engine's.
        return Budgets::default();
    }
    let rules = Rules::of(config, &case.who.model);
    let is_thinking = said.is_thinking();
    let max_tokens = limit.tokens().unwrap_or(0);
    let reserve = said.get("answer_reserve");
    let reserve = reserve.or_else(|| rules.default_reserve().filter(|_| is_thinking));
    let has_reserve = reserve.as_ref().is_some_and(|reserve| reserve.tokens() != Some(0));
    let close_tokens = if is_thinking { facts.thought_close_tokens } else { 0 };
    let reserve = reserve.map(|reserve| fitting_reserve(reserve, limit, close_tokens));
    let kept = reserve.as_ref().and_then(Decision::tokens).unwrap_or(0);
    let asked = said.get("thinking_budget");
    let effort = said.effort();
    let is_share = asked.is_none() && effort.as_deref().is_some_and(|word| rules.is_share(word));
    let budget = match is_thinking {
        true => budget(&rules, asked, effort.as_deref(), max_tokens),
        false => asked,
    };
    let fit = |budget| match kept {
        // Made smaller, it would end the thought elsewhere than under a larger limit.
        0 => budget,
        kept => fitting_budget(budget, max_tokens.saturating_sub(kept)),
    };
    let budget = budget.map(fit);
    let by_effort = (is_thinking && is_share).then_some("reasoning_effort");
    Budgets {
        settings: [budget, reserve].into_iter().flatten().filter_map(setting).collect(),
        shaped_by: has_reserve.then_some("answer_reserve").or(by_effort),
    }
}

/// What a request says, with what was filled in and locked before.
struct Said<'a> {
    wish: &'a Wish,
    settings: &'a [Setting],
}

impl Said<'_> {
    /// None where nobody says anything, or what was said was taken away.
    fn get(&self, param: &str) -> Option<Decision> {
        asked(param, self.wish, self.settings).filter(|decision| !decision.effective.is_null())
    }

    fn effort(&self) -> Option<String> {
        self.get("reasoning_effort")?.effective.as_str().map(str::to_owned)
    }

    fn is_thinking(&self) -> bool {
        let enabled = self.get("enable_thinking").map(|decision| decision.effective);
        let is_off =
            enabled == Some(Value::Bool(false)) || self.effort().as_deref() == Some("none");
        self.wish.hints.can_think && !is_off
    }

    fn has_beams(&self) -> bool {
        self.get("num_beams").and_then(|beams| beams.tokens()).is_some_and(|beams| beams > 1)
    }
}

/// A reserve that leaves room for a thought's end, unless the request's own numbers contradict each
/// other: that is for the engine to refuse.
fn fitting_reserve(mut reserve: Decision, limit: &Decision, close_tokens: u64) -> Decision {
    let max_tokens = limit.tokens().unwrap_or(0);
    let beside_close = max_tokens.saturating_sub(close_tokens);
    let most = match (reserve.asked.is_null(), limit.asked.is_u64() && !limit.is_changed()) {
        (true, _) => (max_tokens / 2).min(beside_close),
        (false, true) => max_tokens,
        (false, false) => beside_close,
    };
    if reserve.tokens() > Some(most) {
        reserve.change(SetBy::Admin, most, "fits into max_tokens");
    }
    reserve
}

fn fitting_budget(mut budget: Decision, room: u64) -> Decision {
    if budget.tokens() > Some(room) {
        budget.change(SetBy::Admin, room, "fits into max_tokens beside answer_reserve");
    }
    budget
}

/// What is asked, or what stands in for it, under the cap.
fn budget(
    rules: &Rules,
    asked: Option<Decision>,
    effort: Option<&str>,
    max_tokens: u64,
) -> Option<Decision> {
    let given = |by, tokens: u64, path| Decision::given("thinking_budget", by, tokens, path);
    let by_effort = || {
        let (effort, path) = rules.effort(effort?)?;
        Some(given(SetBy::Admin, tokens_of(effort, max_tokens), path))
    };
    let by_default = || {
        let (tokens, path) = rules.budget_default.clone().filter(|_| effort.is_none())?;
        Some(given(SetBy::Default, tokens, path))
    };
    let cap = rules.budget_max.clone();
    let by_cap = || cap.clone().map(|(most, path)| given(SetBy::Admin, most, path));
    let mut budget = asked.or_else(by_effort).or_else(by_default).or_else(by_cap)?;
    if let Some((most, path)) = cap.clone().filter(|(most, _)| budget.tokens() > Some(*most)) {
        budget.change(SetBy::Admin, most, path);
    }
    Some(budget)
}

fn setting(decision: Decision) -> Option<Setting> {
    let value = ParamValue::Int(decision.tokens()?.into());
    Some(Setting::new(value, decision))
}

/// The share is rounded down.
fn tokens_of(effort: Effort, max_tokens: u64) -> u64 {
    let share = effort.share.map(|share| (max_tokens as f64 * share.clamp(0.0, 1.0)) as u64);
    let tokens = effort.tokens.or(share).unwrap_or(max_tokens);
    effort.tokens_max.map_or(tokens, |most| tokens.min(most))
}

/// The settings about thinking that count for a model, each with its path in the configuration.
struct Rules<'a> {
    own: Option<(&'a str, &'a Thinking)>,
    all: &'a Thinking,
    mode: ThinkingMode,
    default: Option<(Switch, String)>,
    budget_max: Option<(u64, String)>,
    budget_default: Option<(u64, String)>,
}

impl<'a> Rules<'a> {
    fn of(config: &'a Config, model: &str) -> Self {
        let own = config.model(model).map(|model| (model.id.as_str(), &model.thinking));
        let all = &config.thinking;
        let mut rules = Rules {
            own,
            all,
            mode: own.and_then(|(_, own)| own.mode).or(all.mode).unwrap_or(ThinkingMode::Client),
            default: None,
            budget_max: None,
            budget_default: None,
        };
        rules.default = rules.first("default", |thinking| thinking.default);
        rules.budget_max = rules.first("budget.max", |thinking| thinking.budget.max);
        rules.budget_default = rules.first("budget.default", |thinking| thinking.budget.default);
        rules
    }

    /// What the model's own settings say, else those for everybody.
    fn first<T>(&self, key: &str, get: impl Fn(&Thinking) -> Option<T>) -> Option<(T, String)> {
        let own =
            self.own.and_then(|(id, own)| Some((get(own)?, format!("models.{id}.thinking.{key}"))));
        own.or_else(|| Some((get(self.all)?, format!("thinking.{key}"))))
    }

    fn default_reserve(&self) -> Option<Decision> {
        let (tokens, path) = self.first("answer_reserve_tokens", |t| t.answer_reserve_tokens)?;
        Some(Decision::given("answer_reserve", SetBy::Default, tokens, path))
    }

    fn path(&self, key: &str) -> String {
        let is_own = self.own.filter(|(_, own)| own.mode.is_some());
        is_own.map_or(format!("thinking.{key}"), |(id, _)| format!("models.{id}.thinking.{key}"))
    }

    /// Whether an effort's budget is a share of the limit.
    fn is_share(&self, word: &str) -> bool {
        self.effort(word).is_some_and(|(effort, _)| effort.tokens.is_none())
    }

    /// The budget of an effort: the configuration's, else the usual one where thoughts are capped;
    /// else it is left to the engine and the template.
    fn effort(&self, word: &str) -> Option<(Effort, String)> {
        let key = format!("effort.{word}");
        let configured = self.first(&key, |thinking| thinking.effort.get(word).copied());
        let usual = || {
            self.budget_max.as_ref()?;
            let usual = EffortShare::of(word)?;
            let effort = Effort {
                tokens: None,
                share: Some(usual.percent as f64 / 100.0),
                tokens_max: usual.tokens_max.map(|tokens| tokens as u64),
            };
            Some((effort, format!("the usual share of {word}")))
        };
        configured.or_else(usual)
    }
}

#[cfg(test)]
#[path = "thinking_tests.rs"]
mod tests;
