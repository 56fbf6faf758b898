//! What was decided, told step by step.

use sampling::params::{ParamSpec, ParamValue};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// Who set a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SetBy {
    /// A number in the request.
    Request,
    /// A preset that the request names.
    Preset,
    /// The scenario that the request names.
    Scenario,
    /// A rule for the request's tag.
    Tag,
    /// A default: a rule, or a number of the configuration.
    Default,
    /// A default learned from what was measured.
    Learned,
    /// The configuration, for everybody.
    Admin,
    /// The key's plan, or the key itself.
    Key,
    /// What the key's budgets leave.
    Budget,
    /// The model.
    Model,
    /// The model's context window.
    Context,
}

impl SetBy {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            SetBy::Request => "request",
            SetBy::Preset => "preset",
            SetBy::Scenario => "scenario",
            SetBy::Tag => "tag",
            SetBy::Default => "default",
            SetBy::Learned => "learned",
            SetBy::Admin => "admin",
            SetBy::Key => "key",
            SetBy::Budget => "budget",
            SetBy::Model => "model",
            SetBy::Context => "context",
        }
    }
}

impl fmt::Display for SetBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One change on the way to an effective value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// Who.
    pub by: SetBy,
    /// The value from here on.
    pub value: Value,
    /// By which rule: a path of the configuration, the name of a rule, or a few words. None for
    /// what the request asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
}

/// What was decided about one parameter.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Decision {
    /// Its name in the table of parameters.
    pub param: String,
    /// What was asked; null when nothing was.
    pub asked: Value,
    /// What counts; null when nothing is set.
    pub effective: Value,
    /// Who set it: the last step's.
    pub set_by: SetBy,
    /// The rule of the last step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Every step, the first one first; never empty.
    pub steps: Vec<Step>,
}

impl Decision {
    /// Begins with what was asked for, or with what stands in for it.
    pub(crate) fn begin(param: &str, asked: Option<Value>, first: Step) -> Self {
        Decision {
            param: param.to_owned(),
            asked: asked.unwrap_or(Value::Null),
            effective: first.value.clone(),
            set_by: first.by,
            rule: first.rule.clone(),
            steps: vec![first],
        }
    }

    /// What the request asks for.
    pub(crate) fn asked(param: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        let first = Step { by: SetBy::Request, value: value.clone(), rule: None };
        Decision::begin(param, Some(value), first)
    }

    /// What stands in for a wish that was not made.
    pub(crate) fn given(
        param: &str,
        by: SetBy,
        value: impl Into<Value>,
        rule: impl Into<String>,
    ) -> Self {
        let first = Step { by, value: value.into(), rule: Some(rule.into()) };
        Decision::begin(param, None, first)
    }

    /// Sets another value.
    pub(crate) fn change(&mut self, by: SetBy, value: impl Into<Value>, rule: impl Into<String>) {
        let step = Step { by, value: value.into(), rule: Some(rule.into()) };
        self.effective = step.value.clone();
        self.set_by = by;
        self.rule = step.rule.clone();
        self.steps.push(step);
    }

    /// Whether something was asked for and something else counts.
    pub fn is_changed(&self) -> bool {
        !self.asked.is_null() && self.asked != self.effective
    }

    /// The effective value as a whole number.
    pub fn tokens(&self) -> Option<u64> {
        self.effective.as_u64()
    }
}

/// One line for a person: `max_tokens: asked 5000 -> admin 1000 (limits.max_tokens.max)`.
impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.param)?;
        for (index, step) in self.steps.iter().enumerate() {
            let arrow = if index == 0 { "" } else { " -> " };
            let who = if step.by == SetBy::Request { "asked" } else { step.by.as_str() };
            write!(f, "{arrow}{who} {}", step.value)?;
        }
        match &self.rule {
            Some(rule) => write!(f, " ({rule})"),
            None => Ok(()),
        }
    }
}

/// The name in the table of parameters for any of a parameter's names.
pub(crate) fn canonical(name: &str) -> Option<&'static str> {
    ParamSpec::find(name).map(|spec| spec.name)
}

/// A parameter's value as JSON; numbers that JSON does not have become text.
pub(crate) fn to_json(value: &ParamValue) -> Value {
    match value {
        ParamValue::Null => Value::Null,
        ParamValue::Bool(value) => Value::from(*value),
        ParamValue::Int(value) => match (u64::try_from(*value), i64::try_from(*value)) {
            (Ok(value), _) => Value::from(value),
            (_, Ok(value)) => Value::from(value),
            _ => Value::from(value.to_string()),
        },
        ParamValue::Float(value) if value.is_finite() => Value::from(*value),
        ParamValue::Float(value) => Value::from(value.to_string()),
        ParamValue::Str(text) => Value::from(text.as_str()),
        ParamValue::List(values) => values.iter().map(to_json).collect(),
        ParamValue::Map(entries) => {
            let entries = entries.iter().map(|(name, value)| (name.clone(), to_json(value)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
    }
}

/// A JSON value as a parameter's.
pub(crate) fn from_json(value: &Value) -> ParamValue {
    match value {
        Value::Null => ParamValue::Null,
        Value::Bool(value) => ParamValue::Bool(*value),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(value), _) => ParamValue::Int(value.into()),
            (_, Some(value)) => ParamValue::Int(value.into()),
            _ => ParamValue::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => ParamValue::Str(text.clone()),
        Value::Array(values) => ParamValue::List(values.iter().map(from_json).collect()),
        Value::Object(entries) => ParamValue::Map(
            entries.iter().map(|(name, value)| (name.clone(), from_json(value))).collect(),
        ),
    }
}
