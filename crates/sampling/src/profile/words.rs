//! The records in words: what a profile does to one parameter.

use super::{Clamp, F32_TEMPERATURE_MIN, Profile, Ties, TopPEdge, TypicalEdge};
use crate::lint::stage_of;
use crate::params::ParamValue;

impl Profile {
    /// What is different about the parameter of that name, in a sentence or two; none if nothing
    /// is, compared with Jeton's own profile.
    pub fn treatment(&self, param: &str) -> Option<String> {
        let jeton = Self::jeton();
        let mut words: Vec<String> = Vec::new();
        let values = self.penalty_values().into_iter().chain(self.defaults.iter().cloned());
        let own = values.filter(|(name, _)| *name == param);
        words.extend(own.map(|(_, value)| format!("default {}", plain(&value))));
        let clamps = self.clamps.iter().filter(|clamp| clamp.param == param);
        words.extend(clamps.map(Clamp::words));
        if stage_of(param).is_some_and(|stage| !self.has_stage(stage)) {
            words.push("its program does not have it".to_owned());
        }
        if self.mirostat_alone && param == "mirostat" {
            words.push("replaces every stage but logit bias and temperature".to_owned());
        }
        let edge = match param {
            "top_k" if self.top_k_ties != jeton.top_k_ties => Some(self.top_k_ties.words()),
            "top_p" if self.top_p_edge != jeton.top_p_edge => Some(self.top_p_edge.words()),
            "typical_p" if self.typical_p_edge != jeton.typical_p_edge => {
                Some(self.typical_p_edge.words())
            }
            _ => None,
        };
        words.extend(edge.map(str::to_owned));
        if param == "temperature" && self.greedy != jeton.greedy {
            words.push(self.greedy_words());
        }
        if param == "do_sample" && self.defaults.iter().any(|(name, _)| *name == "do_sample") {
            words.push("true where a request names a temperature or a cut".to_owned());
        }
        (!words.is_empty()).then(|| words.join("; "))
    }

    /// The values that it changes.
    pub fn clamp_words(&self) -> Vec<String> {
        self.clamps.iter().map(|clamp| format!("`{}` {}", clamp.param, clamp.words())).collect()
    }

    /// When it is greedy.
    pub fn greedy_words(&self) -> String {
        let below = self.greedy.below;
        let when = if below <= F32_TEMPERATURE_MIN {
            "greedy at 0".to_owned()
        } else {
            format!("greedy below {below}")
        };
        let how = if self.greedy.by_stage { ", after the cuts before it" } else { "" };
        when + how
    }
}

impl Ties {
    /// What happens among equals.
    pub fn words(self) -> &'static str {
        match self {
            Self::Cut => "keeps exactly k, the lower ids among equals",
            Self::Keep => "keeps all that tie with the k-th",
        }
    }
}

impl TopPEdge {
    /// What happens among equals.
    pub fn words(self) -> &'static str {
        match self {
            Self::LowerIds => "keeps the lower ids of equals at its edge",
            Self::HigherIds => "keeps the higher ids of equals at its edge",
        }
    }
}

impl TypicalEdge {
    /// Where it ends.
    pub fn words(self) -> &'static str {
        match self {
            Self::Reaches => "ends where the mass is reached",
            Self::ReachesWithTies => "ends where the mass is reached, and keeps all that tie there",
            Self::Exceeds => "ends where the mass is exceeded",
        }
    }
}

impl Clamp {
    fn words(&self) -> String {
        let Self { from, below, becomes, .. } = self;
        if becomes == below && *from < 0.0 {
            format!("below {below} is {becomes}")
        } else if becomes == from {
            format!("above {from} is {becomes}")
        } else {
            format!("from {from} to below {below} is {becomes}")
        }
    }
}

/// A value without quotes around a text.
fn plain(value: &ParamValue) -> String {
    match value {
        ParamValue::Str(text) => text.clone(),
        other => other.to_string(),
    }
}
