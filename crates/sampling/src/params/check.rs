//! Values against the table: type, range, and a message that names both.

use super::samplers;
use super::table::{Kind, ParamSpec, TokenBiases};
use super::{ParamError, ParamValue, SamplingParams};
use crate::TokenId;
use std::ops::RangeInclusive;

impl SamplingParams {
    /// Checks a value and stores it. `name` is the name the request used.
    pub(super) fn set(
        &mut self,
        spec: &ParamSpec,
        name: &str,
        value: &ParamValue,
    ) -> Result<(), ParamError> {
        let refuse = |given: &dyn std::fmt::Display| refusal(spec, name, given);
        match spec.kind {
            Kind::Float { set, .. } => {
                let number = value.number().filter(|&number| spec.kind.allows(number));
                set(self, number.ok_or_else(|| refuse(value))?);
            }
            Kind::Integer { min, max, set } => {
                let number = value.integer().filter(|number| (min..=max).contains(number));
                set(self, number.ok_or_else(|| refuse(value))?);
            }
            Kind::Limits { min, max, count_max, set } => {
                let numbers = limits(value, min..=max, count_max);
                let numbers = numbers.map_err(|given| refuse(&given))?;
                set(self, numbers, matches!(value, ParamValue::List(_)));
            }
            Kind::Bool { set } => match value {
                ParamValue::Bool(flag) => set(self, *flag),
                _ => return Err(refuse(value)),
            },
            Kind::Choice { names, set } => {
                set(self, choice(names, value).ok_or_else(|| refuse(value))?);
            }
            Kind::CountAndFactor { factor_max, set } => {
                let pair = count_and_factor(value, factor_max);
                set(self, pair.ok_or_else(|| refuse(&listed(value)))?);
            }
            Kind::Stages { set } => set(self, samplers::parse(name, value)?),
            Kind::Texts { .. }
            | Kind::TokenIds { .. }
            | Kind::TokenLists { .. }
            | Kind::TokenMap { .. } => {
                self.set_entries(spec, value).map_err(|wrong| match wrong.entry {
                    None => refuse(&wrong.given),
                    Some((place, rule)) => must_be(name, &place, &rule, &wrong.given),
                })?;
            }
        }
        Ok(())
    }

    /// Checks a list or map and stores it.
    fn set_entries(&mut self, spec: &ParamSpec, value: &ParamValue) -> Result<(), Wrong> {
        let check_count = |count: usize, count_max: usize| {
            if count > count_max { Err(count.to_string()) } else { Ok(()) }
        };
        match spec.kind {
            Kind::Texts { count_max, bytes_max, set } => {
                let texts = texts(value, bytes_max)?;
                check_count(texts.len(), count_max)?;
                set(self, texts);
            }
            Kind::TokenIds { count_max, set } => {
                let ids = token_ids(value)?;
                check_count(ids.len(), count_max)?;
                set(self, ids);
            }
            Kind::TokenLists { count_max, tokens_max, set } => {
                let lists = token_lists(value, tokens_max)?;
                check_count(lists.len(), count_max)?;
                set(self, lists);
            }
            Kind::TokenMap { count_max, bytes_max, min, max, set } => {
                let biases = TokenBiases::from_value(value, bytes_max, min..=max)?;
                check_count(biases.ids.len() + biases.texts.len(), count_max)?;
                set(self, biases);
            }
            _ => {}
        }
        Ok(())
    }
}

fn refusal(spec: &ParamSpec, name: &str, given: &dyn std::fmt::Display) -> ParamError {
    must_be(name, "", &spec.kind.rule(), given)
}

fn must_be(name: &str, place: &str, rule: &str, given: &dyn std::fmt::Display) -> ParamError {
    ParamError {
        param: name.to_owned(),
        message: format!("`{name}{place}` must be {rule}; given {given}"),
    }
}

/// What is not allowed about a list or map.
struct Wrong {
    /// The entry's place, such as `[1]`, and what it must be; none for the whole.
    entry: Option<(String, String)>,
    /// What was given in its place.
    given: String,
}

impl From<String> for Wrong {
    fn from(given: String) -> Self {
        Wrong { entry: None, given }
    }
}

impl Kind {
    /// The type and range in words: "in (0, 1]".
    pub fn rule(&self) -> String {
        match *self {
            Self::Float { min, above_min, max, below_max, .. } => {
                let open = if above_min { '(' } else { '[' };
                let close = if below_max { ')' } else { ']' };
                format!("a number in {open}{min}, {max}{close}")
            }
            Self::Integer { min, max, .. } => format!("a whole number in [{min}, {max}]"),
            Self::Limits { min, max, count_max, .. } => format!(
                "a whole number in [{min}, {max}] or a list of 1 to {count_max} different ones"
            ),
            Self::Bool { .. } => "true or false".to_owned(),
            Self::Texts { count_max, bytes_max, .. } => {
                format!("at most {count_max} texts of 1 to {bytes_max} bytes")
            }
            Self::TokenIds { count_max, .. } => format!("at most {count_max} token ids"),
            Self::TokenLists { count_max, tokens_max, .. } => {
                format!("at most {count_max} lists of 1 to {tokens_max} token ids")
            }
            Self::CountAndFactor { factor_max, .. } => format!(
                "a list of two: a whole number in [0, {}] and a number in (0, {factor_max}]",
                u32::MAX
            ),
            Self::TokenMap { count_max, bytes_max, min, max, .. } => format!(
                "a map of at most {count_max} token ids or texts of 1 to {bytes_max} bytes to \
                 numbers in [{min}, {max}], \"-inf\" or false"
            ),
            Self::Choice { names, .. } => format!("one of {}", names.join(", ")),
            Self::Stages { .. } => "a list of stage names".to_owned(),
        }
    }

    /// Whether a number is within the range of a `Float`; NaN never is.
    fn allows(&self, number: f64) -> bool {
        match *self {
            Self::Float { min, above_min, max, below_max, .. } => {
                let high_enough = if above_min { number > min } else { number >= min };
                high_enough && if below_max { number < max } else { number <= max }
            }
            _ => false,
        }
    }
}

/// One limit or several different ones; an error says what is not allowed.
fn limits(
    value: &ParamValue,
    range: RangeInclusive<i128>,
    count_max: usize,
) -> Result<Vec<usize>, String> {
    let one = |value: &ParamValue| {
        let limit = value.integer().filter(|limit| range.contains(limit));
        limit.and_then(|limit| usize::try_from(limit).ok()).ok_or_else(|| value.to_string())
    };
    let ParamValue::List(values) = value else { return Ok(vec![one(value)?]) };
    if values.is_empty() || values.len() > count_max {
        return Err(value.to_string());
    }
    let mut limits = Vec::with_capacity(values.len());
    for value in values {
        let limit = one(value)?;
        if limits.contains(&limit) {
            return Err(format!("{limit} twice"));
        }
        limits.push(limit);
    }
    Ok(limits)
}

fn choice(names: &[&'static str], value: &ParamValue) -> Option<&'static str> {
    let text = match value {
        ParamValue::Str(text) => text.as_str(),
        // The words true and false, where they are allowed, are booleans in JSON.
        ParamValue::Bool(true) => "true",
        ParamValue::Bool(false) => "false",
        _ => return None,
    };
    names.iter().copied().find(|name| *name == text)
}

/// The entries of a list; an error says which of them must be what.
fn entries<'a, T>(
    values: &'a [ParamValue],
    rule: &str,
    read: impl Fn(&'a ParamValue) -> Result<T, String>,
) -> Result<Vec<T>, Wrong> {
    let one = |(index, value): (usize, &'a ParamValue)| {
        let wrong = |given| Wrong { entry: Some((format!("[{index}]"), rule.to_owned())), given };
        read(value).map_err(wrong)
    };
    values.iter().enumerate().map(one).collect()
}

fn texts(value: &ParamValue, bytes_max: usize) -> Result<Vec<String>, Wrong> {
    let one = |value: &ParamValue| match value {
        ParamValue::Str(text) if (1..=bytes_max).contains(&text.len()) => Ok(text.clone()),
        ParamValue::Str(text) => Err(format!("one of {} bytes", text.len())),
        other => Err(other.to_string()),
    };
    match value {
        ParamValue::List(values) => {
            entries(values, &format!("a text of 1 to {bytes_max} bytes"), one)
        }
        single => Ok(vec![one(single)?]),
    }
}

fn token_ids(value: &ParamValue) -> Result<Vec<TokenId>, Wrong> {
    let one = |value: &ParamValue| {
        let id = value.integer().and_then(|id| TokenId::try_from(id).ok());
        id.ok_or_else(|| value.to_string())
    };
    match value {
        ParamValue::List(values) => entries(values, "a token id", one),
        single => Ok(vec![one(single)?]),
    }
}

fn token_lists(value: &ParamValue, tokens_max: usize) -> Result<Vec<Vec<TokenId>>, Wrong> {
    let ParamValue::List(values) = value else { return Err(value.to_string().into()) };
    let rule = format!("a list of 1 to {tokens_max} token ids");
    let lists = entries(values, &rule, |value| match value {
        ParamValue::List(ids) if (1..=tokens_max).contains(&ids.len()) => Ok(value),
        ParamValue::List(ids) => Err(format!("one of {} ids", ids.len())),
        other => Err(other.to_string()),
    })?;
    let ids = |(index, list)| {
        token_ids(list).map_err(|Wrong { entry, given }| {
            let entry = entry.map(|(place, rule)| (format!("[{index}]{place}"), rule));
            Wrong { entry, given }
        })
    };
    lists.into_iter().enumerate().map(ids).collect()
}

fn count_and_factor(value: &ParamValue, factor_max: f64) -> Option<(usize, f64)> {
    let ParamValue::List(values) = value else { return None };
    let [count, factor] = values.as_slice() else { return None };
    let count = u32::try_from(count.integer()?).ok()?;
    let factor = factor.number().filter(|&factor| factor > 0.0 && factor <= factor_max)?;
    Some((count as usize, factor))
}

/// A short list with its values, for a message.
fn listed(value: &ParamValue) -> String {
    match value {
        ParamValue::List(values) if values.len() <= 4 => {
            let values: Vec<String> = values.iter().map(ParamValue::to_string).collect();
            format!("[{}]", values.join(", "))
        }
        other => other.to_string(),
    }
}
