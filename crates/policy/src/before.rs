//! What is decided before the prompt is rendered: whether the key may use the model, what the
//! scenario fills in, which parameters are locked, whether the model thinks.

use crate::class::{Classified, classify};
use crate::config::{Config, Locked, Scenario, WhenSet};
use crate::decision::{Decision, SetBy, canonical, to_json};
use crate::refusal::Refusal;
use crate::rules::Case;
use crate::thinking;
use crate::wish::{Who, Wish};
use sampling::params::{ParamValue, SamplingParams};

/// Names that a message lists at most.
const NAMES_SHOWN: usize = 20;

/// What is decided before the prompt is rendered.
#[derive(Clone, Debug, PartialEq)]
pub struct Early {
    /// What kind of request it is, and why.
    pub class: Classified,
    /// Parameters that are set or taken away, each with its decision; at most one of a name.
    pub settings: Vec<Setting>,
    /// What was ignored, in sentences.
    pub warnings: Vec<String>,
}

/// A parameter that is set or taken away.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The value; none takes the parameter away.
    pub value: Option<ParamValue>,
    /// Its name, and who decided.
    pub decision: Decision,
}

impl Setting {
    pub(crate) fn new(value: ParamValue, decision: Decision) -> Self {
        Setting { value: Some(value), decision }
    }

    /// The parameter's name in the table.
    pub fn param(&self) -> &str {
        &self.decision.param
    }

    /// Puts settings over the values of a request: all values of those names go, under any of
    /// their names, and the new ones come.
    pub fn apply(settings: &[Setting], values: &mut Vec<(String, ParamValue)>) {
        values.retain(|(name, _)| {
            let name = canonical(name).unwrap_or(name);
            settings.iter().all(|setting| setting.param() != name)
        });
        let set = settings.iter().filter_map(|s| Some((s.param().to_owned(), s.value.clone()?)));
        values.extend(set);
    }
}

/// Decides what needs no token count.
///
/// # Errors
/// 404 for a model that the key may not use; 400 for parameters that are wrong or contradict each
/// other before anything is changed, for a preset or scenario that does not exist, and for a locked
/// parameter where the configuration refuses those; for beams where thoughts are capped.
pub fn before_prompt(config: &Config, wish: &Wish, who: &Who) -> Result<Early, Refusal> {
    if !may_see(who, &who.model) {
        return Err(Refusal::model_not_found(&who.model));
    }
    let asked = SamplingParams::from_values(wish.values.iter().cloned());
    asked.map_err(|error| Refusal::parameter(error.param, error.message))?;
    check_preset(config, wish)?;
    let scenario = scenario_of(config, wish)?;
    let class = classify(wish);
    let mut early = Early { class, settings: Vec::new(), warnings: Vec::new() };
    if let Some((name, scenario)) = scenario {
        early.settings = filled_in(name, scenario, wish);
    }
    if wish.length.is_some() && !wish.max_tokens.is_empty() {
        let sentence = "`length` is ignored: `max_tokens` is given, and a number counts first";
        early.warnings.push(sentence.to_owned());
    }
    let case = Case { wish, who, class: class.class, prompt_tokens: None };
    thinking::before_prompt(config, case, &mut early.settings);
    if let Some(locked) = config.model(&who.model).and_then(|model| model.locked.as_ref()) {
        lock(locked, wish, &who.model, &mut early.settings)?;
    }
    thinking::check_beams(config, case, &early.settings)?;
    Ok(early)
}

/// Whether requests of `who` may use a model, and see it in lists.
pub fn may_see(who: &Who, model: &str) -> bool {
    who.key_plan.allows(model)
}

/// What the configuration fixes for a model whatever a request says, each with its rule: locks, the
/// mode of thinking, the cap on thoughts.
pub fn fixed(config: &Config, model: &str) -> Vec<String> {
    let locked = config.model(model).and_then(|model| Some((&model.id, model.locked.as_ref()?)));
    let lock = |(id, locked): (&String, &Locked)| {
        let lock =
            |(name, value): &(String, ParamValue)| format!("models.{id}.locked.{name}: {value}");
        locked.values.0.iter().map(lock).collect::<Vec<_>>()
    };
    let locks = locked.map(lock).unwrap_or_default();
    locks.into_iter().chain(thinking::fixed(config, model)).collect()
}

fn check_preset(config: &Config, wish: &Wish) -> Result<(), Refusal> {
    let Some(name) = &wish.length else { return Ok(()) };
    if config.presets.contains_key(name) {
        return Ok(());
    }
    Err(unknown("length", "preset", name, config.presets.keys()))
}

/// The scenario that a request names, with its name.
///
/// # Errors
/// When there is none of that name.
pub(crate) fn scenario_of<'a>(
    config: &'a Config,
    wish: &Wish,
) -> Result<Option<(&'a str, &'a Scenario)>, Refusal> {
    let Some(name) = &wish.scenario else { return Ok(None) };
    match config.scenarios.get_key_value(name) {
        Some((name, scenario)) => Ok(Some((name, scenario))),
        None => Err(unknown("scenario", "scenario", name, config.scenarios.keys())),
    }
}

fn unknown<'a>(
    param: &str,
    what: &str,
    name: &str,
    known: impl Iterator<Item = &'a String> + Clone,
) -> Refusal {
    let shown: String = name.chars().take(40).collect();
    let count = known.clone().count();
    let names: Vec<&str> = known.map(String::as_str).take(NAMES_SHOWN).collect();
    let known = match (count, count.saturating_sub(NAMES_SHOWN)) {
        (0, _) => "none is configured".to_owned(),
        (_, 0) => format!("there are: {}", names.join(", ")),
        (_, more) => format!("there are: {}, and {more} more", names.join(", ")),
    };
    Refusal::parameter(param, format!("`{param}` names no {what}: {shown:?}; {known}"))
}

/// What a scenario sets that the request does not. Its limit comes later, with the others.
fn filled_in(name: &str, scenario: &Scenario, wish: &Wish) -> Vec<Setting> {
    let mut settings = Vec::new();
    for (given, value) in &scenario.generation_config.0 {
        let Some(param) = canonical(given) else { continue };
        if param == "max_tokens" || wish.value(param).is_some() {
            continue;
        }
        let rule = format!("scenarios.{name}.generation_config.{given}");
        let decision = Decision::given(param, SetBy::Scenario, to_json(value), rule);
        settings.push(Setting::new(value.clone(), decision));
    }
    settings
}

/// Holds locked parameters against what the request and the scenario set.
fn lock(
    locked: &Locked,
    wish: &Wish,
    model: &str,
    settings: &mut Vec<Setting>,
) -> Result<(), Refusal> {
    for (given, value) in &locked.values.0 {
        let Some(param) = canonical(given) else { continue };
        let asked = wish.value(param);
        let differs = asked.is_some_and(|asked| !is_same(asked, value));
        let reason = match locked.reason.as_str() {
            "" => String::new(),
            reason => format!(": {reason}"),
        };
        if let (true, WhenSet::Reject, Some(asked)) = (differs, locked.when_set, asked) {
            let message =
                format!("`{param}` is locked at {value} for `{model}`{reason}; given {asked}");
            return Err(Refusal::parameter(param, message).with_code("unsupported_value"));
        }
        let rule = format!("models.{model}.locked.{given}{reason}");
        let decision = match asked {
            Some(asked) => {
                let mut decision = Decision::asked(param, to_json(asked));
                decision.change(SetBy::Admin, to_json(value), rule);
                decision
            }
            None => Decision::given(param, SetBy::Admin, to_json(value), rule),
        };
        settings.retain(|setting| setting.param() != param);
        settings.push(Setting::new(value.clone(), decision));
    }
    Ok(())
}

fn is_same(a: &ParamValue, b: &ParamValue) -> bool {
    match (a.number(), b.number()) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

#[cfg(test)]
#[path = "before_tests.rs"]
mod tests;
