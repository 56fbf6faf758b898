//! How other programs choose a token, one record each, so that their settings can be carried over.
//!
//! [`PROFILES`] shows the differences side by side: the order of the stages, what penalties look
//! at, what happens at a boundary and among equals, when a choice is greedy, which values are
//! changed or refused, and the program's own defaults. Everything is data; stages and parameter
//! checks ask the record of the request ([`SamplingParams::profile`]) and know no program's name.
//!
//! What a request says always wins over a profile's defaults. A stage that a program does not have
//! can be used all the same: it stays where Jeton has it, next to the stage before it.
//!
//! [`SamplingParams::profile`]: crate::params::SamplingParams::profile

mod records;
mod words;

pub use records::{PROFILE_NAMES, PROFILES};

use crate::params::{ParamSpec, ParamValue, PenaltyScope};

/// One program's way of choosing.
#[derive(Debug, PartialEq)]
pub struct Profile {
    /// The name in requests.
    pub name: &'static str,
    /// Program and version whose behaviour this is.
    pub program: &'static str,
    /// Its stages in its order; empty is Jeton's own order.
    pub order: &'static [&'static str],
    /// What top-k does with candidates that tie with the k-th.
    pub top_k_ties: Ties,
    /// Which of equals at the edge of top-p stay.
    pub top_p_edge: TopPEdge,
    /// Where typical-p ends.
    pub typical_p_edge: TypicalEdge,
    /// When the best candidate is simply taken.
    pub greedy: Greedy,
    /// Whether mirostat replaces every stage but logit bias and temperature.
    pub mirostat_alone: bool,
    /// Values that it changes without a word.
    pub clamps: &'static [Clamp],
    /// Whether it refuses what OpenAI's API does not allow.
    pub refuses_like_openai: bool,
    /// What repetition, frequency and presence penalties see, where a request does not say; none
    /// is Jeton's own: repetition sees prompt and output, the others the output.
    pub penalty_scope: Option<PenaltyScope>,
    /// How many of the last tokens they see, where a request does not say; none is all.
    pub penalty_last_n: Option<u32>,
    /// Values of the other parameters, where a request does not name them.
    pub defaults: &'static [(&'static str, ParamValue)],
    /// Whether what a model's files recommend comes before these defaults.
    pub model_first: bool,
}

/// What happens to candidates that tie with the last one that a count leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ties {
    /// The count is exact: the lower ids stay.
    Cut,
    /// All of them stay.
    Keep,
}

/// Which of equal candidates stay where top-p ends among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopPEdge {
    /// The lower ids: a sort from the best down puts them first.
    LowerIds,
    /// The higher ids: a stable sort from the worst up puts them nearer to the best.
    HigherIds,
}

/// Where typical-p ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypicalEdge {
    /// With the candidate that reaches the mass.
    Reaches,
    /// With the candidate that reaches the mass, and all that are as typical.
    ReachesWithTies,
    /// With the candidate that exceeds the mass.
    Exceeds,
}

/// When the best candidate is simply taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Greedy {
    /// A temperature below this is greedy.
    pub below: f64,
    /// Whether it is the temperature stage that takes the best: the stages before it cut all the
    /// same, so that one of them may remove the best, and where that stage is left out or follows
    /// the entropy nothing is greedy.
    pub by_stage: bool,
}

/// A range into which a program moves the values of a parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clamp {
    /// The parameter.
    pub param: &'static str,
    /// Values from here on ...
    pub from: f64,
    /// ... and below this ...
    pub below: f64,
    /// ... become this.
    pub becomes: f64,
}

/// The smallest temperature that is not 0 in 32-bit floats.
pub(crate) const F32_TEMPERATURE_MIN: f64 = 1e-45;

impl Profile {
    /// The record of that name; programs' other spellings count.
    pub fn find(name: &str) -> Option<&'static Self> {
        let name = match name {
            "llamacpp" | "llama_cpp" | "llama-cpp" => "llama.cpp",
            "transformers" | "huggingface" => "hf",
            other => other,
        };
        PROFILES.iter().find(|profile| profile.name == name)
    }

    /// Jeton's own way.
    pub fn jeton() -> &'static Self {
        &PROFILES[0]
    }

    /// What penalties see, as values of parameters.
    pub fn penalty_values(&self) -> Vec<(&'static str, ParamValue)> {
        let scope = self.penalty_scope.map(|scope| ParamValue::Str(scope.name().to_owned()));
        let last_n = self.penalty_last_n.map(|count| ParamValue::Int(count.into()));
        [("penalty_scope", scope), ("penalty_last_n", last_n)]
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }

    /// Whether the program has the stage of that name.
    pub fn has_stage(&self, name: &str) -> bool {
        self.order.is_empty() || self.order.contains(&name)
    }

    /// The value that the program works with when it is given `value`; none if it is that value.
    pub fn changed(&self, spec: &ParamSpec, value: &ParamValue) -> Option<ParamValue> {
        let change = |value: &ParamValue| {
            let number = value.number()?;
            let clamp =
                self.clamps.iter().find(|clamp| clamp.param == spec.name && clamp.takes(number))?;
            Some(match value {
                ParamValue::Int(_) => ParamValue::Int(clamp.becomes as i128),
                _ => ParamValue::Float(clamp.becomes),
            })
        };
        match value {
            ParamValue::Map(entries) => {
                let changed = |(key, value): &(String, ParamValue)| {
                    (key.clone(), change(value).unwrap_or_else(|| value.clone()))
                };
                let map: Vec<_> = entries.iter().map(changed).collect();
                (map != *entries).then_some(ParamValue::Map(map))
            }
            single => change(single),
        }
    }
}

impl Clamp {
    fn takes(&self, number: f64) -> bool {
        (self.from..self.below).contains(&number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_other_spellings_are_found() {
        for (name, found) in [
            ("jeton", "jeton"),
            ("llamacpp", "llama.cpp"),
            ("transformers", "hf"),
            ("vllm", "vllm"),
        ] {
            assert_eq!(Profile::find(name).map(|profile| profile.name), Some(found));
        }
        assert_eq!(Profile::find("ollama"), None);
        assert_eq!(PROFILES.each_ref().map(|profile| profile.name), *PROFILE_NAMES);
    }

    #[test]
    fn every_name_in_a_record_exists() {
        for profile in &PROFILES {
            for stage in profile.order {
                assert!(crate::stages::stage_names().any(|name| name == *stage), "{stage}");
            }
            for (name, value) in profile.defaults {
                let single = [(*name, value.clone())];
                assert!(crate::params::SamplingParams::from_values(single).is_ok(), "{name}");
            }
            for clamp in profile.clamps {
                assert!(ParamSpec::find(clamp.param).is_some(), "{}", clamp.param);
            }
        }
    }

    #[test]
    fn values_are_moved_as_the_program_moves_them() {
        let changed = |profile: &str, name: &str, value: ParamValue| {
            let spec = ParamSpec::find(name).expect("a parameter");
            Profile::find(profile).expect("a profile").changed(spec, &value)
        };
        let float = ParamValue::Float;
        assert_eq!(changed("vllm", "temperature", float(0.005)), Some(float(0.01)));
        assert_eq!(changed("vllm", "temperature", float(1e-6)), None);
        assert_eq!(changed("vllm", "temperature", float(0.01)), None);
        assert_eq!(changed("vllm", "top_k", ParamValue::Int(-1)), Some(ParamValue::Int(0)));
        assert_eq!(changed("llama.cpp", "temperature", float(-1.0)), Some(float(0.0)));
        assert_eq!(changed("hf", "temperature", float(-1.0)), None);
        let map = |bias| ParamValue::Map(vec![("3".to_owned(), bias)]);
        assert_eq!(changed("vllm", "logit_bias", map(float(500.0))), Some(map(float(100.0))));
        let banned = changed("vllm", "logit_bias", map(float(f64::NEG_INFINITY)));
        assert_eq!(banned, Some(map(float(-100.0))), "it knows no ban but this");
        assert_eq!(changed("vllm", "logit_bias", map(ParamValue::Bool(false))), None);
    }
}
