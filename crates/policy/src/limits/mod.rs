//! How many tokens a request may have: what was asked, or what stands in for it, held against
//! everybody's bounds, told step by step.

mod bounds;
mod chain;
mod offer;
mod start;

pub use offer::{OfferedBound, offered};

use crate::before::{Early, Setting, before_prompt, scenario_of};
use crate::class::Classified;
use crate::config::Config;
use crate::decision::{Decision, SetBy, to_json};
use crate::refusal::Refusal;
use crate::rules::Case;
use crate::thinking::{self, Budgets};
use crate::wish::{Facts, Who, Wish};
use bounds::Bounds;
use chain::Chain;
use sampling::params::ParamValue;

/// What is decided about a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The decision about the largest limit.
    pub max_tokens: Decision,
    /// Every limit that is run for, each once, ascending; never empty.
    pub limits: Vec<u64>,
    /// What became of each limit that was asked for, in the order asked; one entry when none was.
    pub views: Vec<View>,
    /// What kind of request it is, and why.
    pub class: Classified,
    /// `thinking_budget`, `answer_reserve` and `min_tokens`, where something is decided about them:
    /// as under the largest limit, `min_tokens` as under the smallest.
    pub settings: Vec<Setting>,
    /// What was ignored or merged, in sentences.
    pub warnings: Vec<String>,
}

/// What became of one limit that was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// What was decided.
    pub decision: Decision,
    /// The limit that counts.
    pub limit: u64,
    /// Whether an earlier entry of the list came to the same limit.
    pub is_repeated: bool,
    /// What a request with this limit alone is given of [`Plan::settings`].
    pub settings: Vec<Setting>,
    /// The parameter that was derived from this limit, so that its tokens are no beginning of those
    /// under a larger one; none where they are, as far as is decided here.
    pub shaped_by: Option<&'static str>,
}

impl Plan {
    /// The largest limit: what the engine runs to.
    pub fn max_tokens(&self) -> u64 {
        self.limits.last().copied().unwrap_or(0)
    }

    /// `max_tokens` for the table of parameters: a number, or a list when several views are asked.
    pub fn max_tokens_value(&self) -> ParamValue {
        let int = |&limit: &u64| ParamValue::Int(limit.into());
        match self.limits.as_slice() {
            [one] if self.views.len() == 1 => int(one),
            several => ParamValue::List(several.iter().map(int).collect()),
        }
    }

    /// What a request with this limit alone is given of [`Plan::settings`].
    pub fn settings_under(&self, limit: u64) -> &[Setting] {
        let view = self.views.iter().filter(|view| view.limit == limit).max_by_key(asked_most);
        view.map_or(&[], |view| &view.settings)
    }

    /// The parameter that makes the tokens depend on the limit; none where nothing does that is
    /// decided here. Of several limits each is then a run of its own.
    pub fn shaped_by(&self) -> Option<&'static str> {
        let derived = self.views.iter().find_map(|view| view.shaped_by);
        derived.or_else(|| self.settings_differ().then_some("min_tokens"))
    }

    fn settings_differ(&self) -> bool {
        let values = |limit: u64| -> Vec<(&str, Option<&ParamValue>)> {
            let settings = self.settings_under(limit).iter();
            settings.map(|setting| (setting.param(), setting.value.as_ref())).collect()
        };
        self.limits.windows(2).any(|pair| values(pair[0]) != values(pair[1]))
    }

    /// The name of the preset that set the limit.
    pub fn preset<'a>(&self, wish: &'a Wish) -> Option<&'a str> {
        let first = self.max_tokens.steps.first()?;
        (first.by == SetBy::Preset).then_some(wish.length.as_deref()).flatten()
    }
}

/// Decides the limit, and the budgets that depend on it.
///
/// The order: what was asked, or what stands in for it (preset; scenario; the first rule that fits;
/// the defaults of key, route, model and server; the model's own; the rest of the window) -> the
/// least and the most that key, scenario, route, model and server allow, and the model itself, of
/// which the tightest counts -> what the key's budgets leave -> the context window.
///
/// # Errors
/// What [`before_prompt`] refuses; a number outside of bounds that reject; 429 where nothing is
/// left of a budget; `context_length_exceeded` for a prompt that leaves no room, or a number that
/// does not fit beside it.
pub fn limits(config: &Config, wish: &Wish, who: &Who, facts: &Facts) -> Result<Plan, Refusal> {
    let early = before_prompt(config, wish, who)?;
    let scenario = scenario_of(config, wish)?;
    let room = room(who, facts)?;
    let bounds = Bounds::of(config, who, scenario);
    let chain = Chain { bounds: &bounds, facts, who, room, choices: wish.choices() };
    let case =
        Case { wish, who, class: early.class.class, prompt_tokens: Some(facts.prompt_tokens) };
    let starts = start::starts(config, case, scenario, facts, room);
    let mut views: Vec<View> = Vec::with_capacity(starts.len());
    for start in starts {
        let (decision, limit) = chain.follow(start)?;
        let is_repeated = views.iter().any(|view| view.limit == limit);
        let Budgets { mut settings, shaped_by } =
            thinking::budgets(config, case, &early, facts, &decision);
        settings.extend(min_tokens(wish, &early, limit));
        views.push(View { decision, limit, is_repeated, settings, shaped_by });
    }
    Ok(plan(early, views))
}

/// `min_tokens` where it exceeds a limit that somebody lowered.
fn min_tokens(wish: &Wish, early: &Early, limit: u64) -> Option<Setting> {
    let set = early.settings.iter().find(|setting| setting.param() == "min_tokens");
    let asked = || Some(Decision::asked("min_tokens", to_json(wish.value("min_tokens")?)));
    let mut decision = set.map(|setting| setting.decision.clone()).or_else(asked)?;
    if decision.tokens()? <= limit {
        return None;
    }
    decision.change(SetBy::Admin, limit, "fits into max_tokens");
    Some(Setting::new(ParamValue::Int(limit.into()), decision))
}

/// Of views that came to the same limit the one that asked for most counts.
fn asked_most(view: &&View) -> (u64, Option<u64>) {
    (view.limit, view.decision.asked.as_u64())
}

/// Of several limits the settings of the largest, with a `min_tokens` that fits them all.
fn settings(smallest: &View, largest: &View) -> Vec<Setting> {
    let is_min = |setting: &&Setting| setting.param() == "min_tokens";
    let budgets = largest.settings.iter().filter(|setting| !is_min(setting));
    budgets.chain(smallest.settings.iter().filter(is_min)).cloned().collect()
}

fn plan(early: Early, views: Vec<View>) -> Plan {
    let mut limits: Vec<u64> = views.iter().map(|view| view.limit).collect();
    limits.sort_unstable();
    limits.dedup();
    let largest = views.iter().max_by_key(asked_most).expect("a start is always given");
    let smallest = views.iter().min_by_key(|view| view.limit).unwrap_or(largest);
    let mut warnings = early.warnings;
    let repeated = views.iter().filter(|view| view.is_repeated).count();
    if repeated > 0 {
        warnings.push(format!(
            "`max_tokens`: {repeated} of {} limits came to one that is there already; each is run \
             for once",
            views.len()
        ));
    }
    Plan {
        max_tokens: largest.decision.clone(),
        limits,
        settings: settings(smallest, largest),
        views,
        class: early.class,
        warnings,
    }
}

/// Tokens of the window that the prompt leaves.
fn room(who: &Who, facts: &Facts) -> Result<u64, Refusal> {
    let Facts { prompt_tokens, context_tokens_max, .. } = *facts;
    match context_tokens_max.saturating_sub(prompt_tokens) {
        0 => {
            let message = format!(
                "this model's maximum context length is {context_tokens_max} tokens; the prompt \
                 has {prompt_tokens}, which leaves no room for an answer of `{}`: shorten it by \
                 {} or more",
                who.model,
                prompt_tokens - context_tokens_max + 1,
            );
            Err(Refusal::parameter("messages", message).with_code("context_length_exceeded"))
        }
        room => Ok(room),
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
