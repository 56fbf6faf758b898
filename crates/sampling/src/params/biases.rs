//! `logit_bias` as requests write it: a map, or a list of pairs.

use super::table::TokenBiases;
use super::value::ParamValue;
use crate::TokenId;
use std::collections::HashSet;
use std::ops::RangeInclusive;

impl TokenBiases {
    /// Reads `{"15": 1.5, " word": false}` or `[[15, 1.5], [" word", false]]`.
    ///
    /// A key of a map that is a whole number is an id. The error says what was given in its place.
    pub(super) fn from_value(
        value: &ParamValue,
        bytes_max: usize,
        range: RangeInclusive<f64>,
    ) -> Result<Self, String> {
        let mut biases = Self::default();
        match value {
            ParamValue::Map(entries) => {
                for (key, value) in entries {
                    let target = match key.parse::<i128>() {
                        Ok(id) => Target::id(id)?,
                        Err(_) => Target::text(key, bytes_max)?,
                    };
                    biases.add(target, value, &range)?;
                }
            }
            ParamValue::List(pairs) => {
                for pair in pairs {
                    let ParamValue::List(pair) = pair else { return Err(pair.to_string()) };
                    let [target, value] = pair.as_slice() else {
                        return Err(format!("an entry of {} values", pair.len()));
                    };
                    let target = match (target.integer(), target) {
                        (Some(id), _) => Target::id(id)?,
                        (None, ParamValue::Str(text)) => Target::text(text, bytes_max)?,
                        (None, other) => return Err(format!("a bias for {other}")),
                    };
                    biases.add(target, value, &range)?;
                }
            }
            other => return Err(other.to_string()),
        }
        biases.ordered()
    }

    fn add(
        &mut self,
        target: Target,
        value: &ParamValue,
        range: &RangeInclusive<f64>,
    ) -> Result<(), String> {
        let bias = match value {
            ParamValue::Bool(false) => Some(f64::NEG_INFINITY),
            other => other.number(),
        };
        let allowed = |bias: &f64| *bias == f64::NEG_INFINITY || range.contains(bias);
        let bias = bias.filter(allowed);
        match target {
            Target::Id(id) => {
                self.ids.push((id, bias.ok_or_else(|| format!("{value} for token {id}"))?));
            }
            Target::Text(text) => {
                let named = ParamValue::Str(text.clone());
                self.texts.push((text, bias.ok_or_else(|| format!("{value} for {named}"))?));
            }
        }
        Ok(())
    }

    fn ordered(mut self) -> Result<Self, String> {
        self.ids.sort_by_key(|&(id, _)| id);
        if let Some(pair) = self.ids.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(format!("token {} twice", pair[0].0));
        }
        let mut seen = HashSet::new();
        match self.texts.iter().find(|(text, _)| !seen.insert(text)) {
            Some((text, _)) => Err(format!("{} twice", ParamValue::Str(text.clone()))),
            None => Ok(self),
        }
    }
}

/// What a bias is for.
enum Target {
    Id(TokenId),
    Text(String),
}

impl Target {
    fn id(id: i128) -> Result<Self, String> {
        TokenId::try_from(id).map(Self::Id).map_err(|_| format!("a bias for token {id}"))
    }

    fn text(text: &str, bytes_max: usize) -> Result<Self, String> {
        match text.len() {
            0 => Err("a bias for an empty text".to_owned()),
            bytes if bytes > bytes_max => Err(format!("a bias for a text of {bytes} bytes")),
            _ => Ok(Self::Text(text.to_owned())),
        }
    }
}
