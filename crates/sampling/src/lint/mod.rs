//! Settings that do nothing, that fight each other, or that differ from what others recommend.
//!
//! A warning is data: a code, the parameters it is about, and a sentence that says what to do. It
//! never changes a choice, and a request with warnings is served all the same. Only what a request
//! itself set is held against it; models and profiles are not scolded for their own values.

mod advice;
mod fights;
mod idle;
mod knobs;

#[cfg(test)]
mod tests;

pub(crate) use knobs::stage_of;

use crate::TokenId;
use crate::params::{ParamSpec, ParamValue, SamplingParams};
use std::fmt;

/// What kind of thing is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A setting has no effect.
    NoEffect,
    /// Settings work against each other.
    Conflict,
    /// The profile does not do what the setting says.
    Profile,
    /// Something else is usually better.
    Advice,
}

/// One warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// A short name that never changes.
    pub code: &'static str,
    /// What kind of thing it is.
    pub kind: Kind,
    /// The parameters it is about, by their names in the table.
    pub params: Vec<&'static str>,
    /// What is wrong and what to do, in a sentence or two.
    pub message: String,
}

/// A request and what is known around it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The parameters in force.
    pub params: &'a SamplingParams,
    /// Names, in the table's spelling, of the parameters that the request itself set.
    pub given: &'a [&'static str],
    /// What the model's files recommend.
    pub recommended: &'a [(&'static str, ParamValue)],
    /// The model's end-of-sequence ids.
    pub eos_ids: &'a [TokenId],
}

/// Every warning about a request, in a fixed order.
pub fn lint(request: &Request<'_>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    idle::lint(request, &mut warnings);
    fights::lint(request, &mut warnings);
    advice::lint(request, &mut warnings);
    warnings
}

impl Kind {
    /// Its word in results.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoEffect => "no_effect",
            Self::Conflict => "conflict",
            Self::Profile => "profile",
            Self::Advice => "advice",
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.message, self.code)
    }
}

impl Request<'_> {
    /// Whether the request itself set this parameter.
    fn sets(&self, name: &str) -> bool {
        self.given.contains(&name)
    }

    fn value(&self, name: &str) -> Option<ParamValue> {
        self.params.value_of(ParamSpec::find(name)?)
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.value(name)?.number()
    }

    /// The ids of a list of ids; empty where there is none.
    fn ids(&self, name: &str) -> Vec<TokenId> {
        let Some(ParamValue::List(values)) = self.value(name) else { return Vec::new() };
        values.iter().filter_map(|value| TokenId::try_from(value.integer()?).ok()).collect()
    }

    /// Whether a parameter has a value that does something.
    fn acts(&self, name: &str) -> bool {
        let Some(spec) = ParamSpec::find(name) else { return false };
        let Some(value) = self.params.value_of(spec) else { return false };
        if spec.neutral.is_empty() {
            SamplingParams::default().value_of(spec) != Some(value)
        } else {
            shown(&value) != spec.neutral
        }
    }

    /// Whether the request itself set this parameter to a value that does something.
    fn wants(&self, name: &str) -> bool {
        self.sets(name) && self.acts(name)
    }

    /// Of these parameters, those that the request itself set to do something.
    fn wanted(&self, names: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
        names.filter(|name| self.wants(name)).collect()
    }
}

/// A value as messages show it.
fn shown(value: &ParamValue) -> String {
    match value {
        ParamValue::Str(text) => text.clone(),
        other => other.to_string(),
    }
}

/// "`a`", "`a` and `b`", "`a`, `b` and `c`".
fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
    }
}

/// The verb for one or several: "does" or "do".
fn verb<'a>(names: &[&str], one: &'a str, several: &'a str) -> &'a str {
    if names.len() == 1 { one } else { several }
}
