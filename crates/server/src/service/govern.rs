//! Where `policy` decides: what a request wishes in its words, who asks, and what came of it.

use super::asked::Asked;
use super::served::ServedModel;
use crate::error::ApiError;
use crate::guard::Caller;
use answers::RequestError;
use answers::prompt::Prompt;
use axum::http::StatusCode;
use grammar::GrammarSource;
use policy::budget::Need;
use policy::config::Config;
use policy::price::Prices;
use policy::{Class, Decision, Early, Facts, Hints, KeyName, Plan, Refusal, Setting, Who, Wish};
use sampling::params::{ParamValue, SamplingParams};
use serde_json::Value;
use std::sync::Arc;

/// What was decided before the prompt was counted.
#[derive(Clone)]
pub(super) struct Begun {
    config: Arc<Config>,
    wish: Wish,
    who: Who,
    early: Early,
    /// The request's parameters with what was filled in or locked.
    values: Vec<(String, ParamValue)>,
    /// Whether a saved run goes on, whose parameters are decided but for its limit.
    goes_on: bool,
}

/// What was decided about a request.
pub(super) struct Governed {
    /// The settings that counted when it came in.
    pub config: Arc<Config>,
    /// What was asked for.
    pub wish: Wish,
    /// What was decided about parameters before the prompt was counted.
    pub early: Early,
    /// What was decided about its limits.
    pub plan: Plan,
    /// What tokens cost it.
    pub prices: Prices,
    /// What is fixed for the model's requests, as one text.
    pub terms: String,
}

/// Parameters that are fitted into the limit, and shape no prompt.
const UNDER_LIMIT: [&str; 3] = ["thinking_budget", "answer_reserve", "min_tokens"];

/// The parameters that count.
pub(super) struct InForce {
    /// With all limits.
    pub values: Vec<(String, ParamValue)>,
    /// Those of each limit, ascending, where they differ in more than the limit; else empty.
    pub by_limit: Vec<Vec<(String, ParamValue)>>,
    /// The parameter that was derived from the limit.
    pub shaped_by: Option<&'static str>,
}

impl Begun {
    /// Asks what can be decided without a token count.
    ///
    /// # Errors
    /// A parameter of the wrong type or out of range, and what the configuration refuses.
    pub fn of(config: Arc<Config>, model: &ServedModel, asked: &Asked) -> Result<Begun, ApiError> {
        let checked = SamplingParams::from_values(asked.values.iter().cloned())
            .map_err(RequestError::from)?;
        checked.check_budget_fits().map_err(RequestError::from)?;
        let mut wish = wish(asked, model, &checked);
        let who = who(&config, model.id(), asked.route.name(), asked.caller.as_deref())?;
        let early = policy::before_prompt(&config, &wish, &who)?;
        let mut values = asked.values.clone();
        let goes_on = asked.resume.is_some();
        if !goes_on {
            // What has to fit into the limit goes now, and comes when that is decided.
            let before = |setting: &Setting| match UNDER_LIMIT.contains(&setting.param()) {
                true => Setting { value: None, decision: setting.decision.clone() },
                false => setting.clone(),
            };
            let settings: Vec<Setting> = early.settings.iter().map(before).collect();
            Setting::apply(&settings, &mut values);
            let in_force = SamplingParams::from_values(values.iter().cloned());
            wish.choices = in_force.map_err(RequestError::from)?.choices_made() as u64;
        }
        Ok(Begun { config, wish, who, early, values, goes_on })
    }

    /// The request's parameters with what was filled in or locked.
    pub fn values(&self) -> &[(String, ParamValue)] {
        &self.values
    }

    /// Who asks.
    pub fn who(&self) -> &Who {
        &self.who
    }

    /// The settings that count.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What kind of request it was taken for.
    pub fn class(&self) -> Class {
        self.early.class.class
    }

    /// What it needs of its key's budgets, with so many tokens for its answers together.
    pub fn need(&self, prompt_tokens: usize, output_tokens: u64) -> Need {
        let prices = self.config.prices_of(&self.who.model);
        Need { requests: 1, prompt_tokens: prompt_tokens as u64, output_tokens, prices }
    }

    /// What is fixed for the model's requests, as one text.
    pub fn terms(&self) -> String {
        policy::fixed(&self.config, &self.who.model).join("\n")
    }

    /// Answers that are made at once.
    pub fn choices(&self) -> u64 {
        self.wish.choices.max(1)
    }

    /// Asks for the limits, now that the prompt was counted. With the parameters that count.
    ///
    /// # Errors
    /// What the configuration refuses, and what does not fit the context.
    pub fn limits(&self, facts: &Facts) -> Result<(Governed, InForce), ApiError> {
        let Begun { config, wish, who, early, values, goes_on } = self;
        let mut plan = policy::limits(config, wish, who, facts)?;
        let mut early = early.clone();
        if *goes_on {
            plan.settings.clear();
            plan.views.iter_mut().for_each(|view| {
                view.settings.clear();
                view.shaped_by = None;
            });
            early.settings.clear();
        }
        let under = |max_tokens: ParamValue, settings: &[Setting]| {
            let mut values = values.clone();
            Setting::apply(&early.settings, &mut values);
            let decision = plan.max_tokens.clone();
            Setting::apply(&[Setting { value: Some(max_tokens), decision }], &mut values);
            Setting::apply(settings, &mut values);
            values
        };
        let alone = |&limit: &u64| under(ParamValue::Int(limit.into()), plan.settings_under(limit));
        let shaped_by = plan.shaped_by();
        let by_limit = match shaped_by.is_some() && plan.limits.len() > 1 {
            true => plan.limits.iter().map(alone).collect(),
            false => Vec::new(),
        };
        let values = under(plan.max_tokens_value(), &plan.settings);
        let in_force = InForce { values, by_limit, shaped_by };
        let prices = config.prices_of(&who.model);
        let (config, wish) = (Arc::clone(config), wish.clone());
        let terms = self.terms();
        Ok((Governed { config, wish, early, plan, prices, terms }, in_force))
    }
}

impl Governed {
    /// What was decided about limits: of the tokens, of the thought, of the answer's part.
    pub fn limits(&self) -> impl Iterator<Item = &Decision> {
        let settings = self.plan.settings.iter().map(|setting| &setting.decision);
        std::iter::once(&self.plan.max_tokens).chain(settings)
    }

    /// The last decision about each parameter.
    pub fn decisions(&self) -> impl Iterator<Item = &Decision> {
        let early = self.early.settings.iter().map(|setting| &setting.decision);
        let is_last = |one: &&Decision| self.limits().all(|later| later.param != one.param);
        early.filter(is_last).chain(self.limits())
    }
}

/// Who asks, as `policy` knows them.
///
/// # Errors
/// 403 when the key's plan is no longer configured: nobody knows what it may do.
pub(super) fn who(
    config: &Config,
    model: &str,
    route: &str,
    caller: Option<&Caller>,
) -> Result<Who, ApiError> {
    let plan = match caller {
        Some(caller) => caller.plan.clone(),
        None => config.server.plan_without_key.clone(),
    };
    let own = caller.and_then(|caller| caller.own.as_ref());
    let key_plan = config.plan_of(plan.as_deref(), own).ok_or_else(|| {
        let plan = plan.as_deref().unwrap_or_default();
        ApiError::new(StatusCode::FORBIDDEN, format!("The key's plan `{plan}` is not configured"))
            .with_code("plan_not_configured")
    })?;
    Ok(Who {
        route: route.to_owned(),
        model: model.to_owned(),
        key: caller
            .map(|caller| KeyName { id: caller.key_id.clone(), name: caller.key_name.clone() }),
        plan,
        key_plan,
    })
}

fn wish(asked: &Asked, model: &ServedModel, checked: &SamplingParams) -> Wish {
    let single = checked.max_tokens().filter(|_| checked.limits().is_empty());
    let limits = checked.limits().iter().copied().chain(single);
    let conversation = asked.prompt.conversation();
    let json =
        matches!(asked.shape, Some(GrammarSource::JsonObject | GrammarSource::JsonSchema(_)));
    Wish {
        max_tokens: limits.map(|limit| limit as u64).collect(),
        length: asked.length.clone(),
        scenario: asked.scenario.clone(),
        tag: asked.tag.clone(),
        choices: checked.choices_made() as u64,
        hints: Hints {
            has_json_shape: json,
            has_shape: asked.shape.is_some(),
            can_think: conversation.is_some()
                && asked.resume.is_none()
                && model.model().thinking().is_some(),
        },
        last_user_text: last_user_text(&asked.prompt),
        values: asked.values.clone(),
    }
}

/// What the user said last, where that can be told.
fn last_user_text(prompt: &Prompt) -> String {
    if let Prompt::Text(text) = prompt {
        return text.clone();
    }
    let Some(input) = prompt.conversation() else { return String::new() };
    let last = input.messages.iter().rev().find(|message| message["role"] == "user");
    match last.map(|message| &message["content"]) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(blocks)) => {
            let texts = blocks.iter().filter_map(|block| block["text"].as_str());
            texts.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
        let mut error = ApiError::new(status, refusal.message);
        error.param = refusal.param;
        error.code = refusal.code.map(Into::into);
        if let Some(wait_ms) = refusal.retry_after_ms {
            error = error.with_retry_after(wait_ms.div_ceil(1000).max(1));
        }
        error
    }
}
