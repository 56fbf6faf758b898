//! What is known of models by their names: which sampling parameters they lock, and which words
//! for reasoning effort they were trained with.

use crate::error::RequestError;
use crate::open_model::OpenModel;

/// What is known of a group of models.
#[derive(Debug, PartialEq, Eq)]
pub struct ModelProfile {
    /// Their names in lower case; a `*` at the end stands for anything.
    pub names: &'static [&'static str],
    /// Parameters that a request may not set, and why.
    pub locked_sampling: Option<LockedSampling>,
    /// For a word of `reasoning_effort` that the template was not made for: the next one that it
    /// was.
    pub effort_words: &'static [(&'static str, &'static str)],
}

/// Parameters that a model's makers do not let anybody set.
#[derive(Debug, PartialEq, Eq)]
pub struct LockedSampling {
    /// Their names in the table of parameters.
    pub params: &'static [&'static str],
    /// Why.
    pub reason: &'static str,
}

/// The first profile that fits a name counts; the last fits all.
pub const MODEL_PROFILES: &[ModelProfile] = &[
    ModelProfile {
        names: &["gpt-oss", "gpt-oss-*"],
        locked_sampling: None,
        effort_words: &[("none", "low"), ("minimal", "low"), ("xhigh", "high"), ("max", "high")],
    },
    // OpenAI's guide to reasoning models: these parameters are fixed, and setting them is an error.
    ModelProfile {
        names: &[
            "o1",
            "o1-2*",
            "o1-mini",
            "o1-preview",
            "o1-pro",
            "o3",
            "o3-2*",
            "o3-mini",
            "o3-pro",
            "o4-mini",
            "o4-mini-2*",
            "gpt-5",
            "gpt-5-2*",
            "gpt-5-mini",
            "gpt-5-nano",
        ],
        locked_sampling: Some(LockedSampling {
            params: &[
                "temperature",
                "top_p",
                "presence_penalty",
                "frequency_penalty",
                "logprobs",
                "top_logprobs",
                "logit_bias",
            ],
            reason: "reasoning models of this API choose with fixed settings",
        }),
        effort_words: &[],
    },
    // DeepSeek's guide to the reasoning model names the same parameters as not supported.
    ModelProfile {
        names: &["deepseek-reasoner"],
        locked_sampling: Some(LockedSampling {
            params: &[
                "temperature",
                "top_p",
                "presence_penalty",
                "frequency_penalty",
                "logprobs",
                "top_logprobs",
            ],
            reason: "reasoning models of this API choose with fixed settings",
        }),
        effort_words: &[],
    },
    ModelProfile { names: &["*"], locked_sampling: None, effort_words: &[] },
];

/// The profile of a model, by the name it has, or by the last part of its path.
pub fn of(model: &OpenModel) -> &'static ModelProfile {
    named(&model.name())
}

/// The profile for a name.
pub fn named(name: &str) -> &'static ModelProfile {
    let name = name.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_lowercase();
    let fits = |pattern: &&str| match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == **pattern,
    };
    let found = MODEL_PROFILES.iter().find(|profile| profile.names.iter().any(&fits));
    found.expect("the last profile fits every name")
}

impl ModelProfile {
    /// The word that the template was made for.
    pub fn effort_word(&self, word: &'static str) -> &'static str {
        let other = self.effort_words.iter().find(|(known, _)| *known == word);
        other.map_or(word, |(_, instead)| instead)
    }

    /// Refuses a request that sets what is locked.
    ///
    /// # Errors
    /// The first such parameter, by name, with the reason.
    pub fn check_locked(
        &self,
        model_name: &str,
        is_set: impl Fn(&str) -> bool,
    ) -> Result<(), RequestError> {
        let Some(locked) = &self.locked_sampling else { return Ok(()) };
        match locked.params.iter().find(|name| is_set(name)) {
            None => Ok(()),
            Some(name) => {
                let reason = locked.reason;
                let message = format!("`{name}` cannot be set for {model_name}: {reason}");
                Err(RequestError::parameter(name, message))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sampling::params::ParamSpec;

    #[test]
    fn locked_models_refuse_by_name_and_others_do_not() {
        let locked = named("openai/o3-mini");
        let error = locked.check_locked("o3-mini", |name| name == "top_p").expect_err("locked");
        assert_eq!(error.param.as_deref(), Some("top_p"));
        assert!(error.message.contains("o3-mini") && error.message.contains("fixed settings"));
        assert_eq!(locked.check_locked("o3-mini", |name| name == "seed"), Ok(()));
        for free in ["Jeton tiny", "Qwen3-0.6B", "GPT-5-Distill-Llama-8B", "gpt-oss-20b", ""] {
            assert_eq!(named(free).check_locked(free, |_| true), Ok(()), "{free}");
        }
    }

    #[test]
    fn the_tables_name_what_there_is() {
        let locked = MODEL_PROFILES.iter().filter_map(|profile| profile.locked_sampling.as_ref());
        for name in locked.flat_map(|locked| locked.params) {
            assert!(ParamSpec::find(name).is_some(), "{name}");
        }
        assert_eq!(named("gpt-oss-120b").effort_word("minimal"), "low");
        assert_eq!(named("gpt-oss-120b").effort_word("high"), "high");
    }
}
