//! Which value of each parameter counts: what the user asked for, else what the model's own files
//! recommend, else the default of the profile, else that of the table. Each with who set it.

use sampling::params::{PARAMS, ParamError, ParamSpec, ParamValue, SamplingParams};

/// Who set a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetBy {
    /// A flag or a field of the request.
    Request,
    /// The model's own generation defaults.
    Model,
    /// The profile: the program that the request wants to be treated as by.
    Profile,
    /// The saved run that is continued.
    State,
    /// The table of parameters.
    Default,
}

impl SetBy {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            SetBy::Request => "request",
            SetBy::Model => "model",
            SetBy::Profile => "profile",
            SetBy::State => "state",
            SetBy::Default => "default",
        }
    }
}

/// The parameters of a request with their origin.
#[derive(Clone, Debug)]
pub struct Effective {
    /// The checked parameters.
    pub params: SamplingParams,
    /// Canonical names that the request set.
    by_request: Vec<&'static str>,
    /// Canonical names that the model's files set.
    by_model: Vec<&'static str>,
    /// Canonical names that the profile set.
    by_profile: Vec<&'static str>,
    /// Who set the others.
    others: SetBy,
}

/// Who names one of these wants to sample. All of them do nothing where the best token is taken.
const SAMPLING_KNOBS: &[&str] = &[
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "typical_p",
    "top_n_sigma",
    "epsilon_cutoff",
    "eta_cutoff",
];

impl Effective {
    /// Merges the request's values over the model's recommendations and the profile's defaults.
    ///
    /// Recommendations only shape the choice of a token; a recommendation that the table refuses is
    /// dropped, since the user cannot mend it. A request that names a temperature wants to sample,
    /// whatever `do_sample` the model recommends; one that names a temperature or a cut does,
    /// whatever the profile's default is. A profile whose program knows no recommendations drops
    /// all but the limit.
    ///
    /// # Errors
    /// The first parameter of the request that is unknown, of the wrong type or out of range.
    pub fn merge(
        request: &[(String, ParamValue)],
        recommended: &[(&'static str, ParamValue)],
    ) -> Result<Effective, ParamError> {
        let requested =
            |name: &str| request.iter().any(|(given, _)| canonical(given) == Some(name));
        let asked = SamplingParams::from_values(request.to_vec())?;
        let profile = asked.profile();
        let mut values = request.to_vec();
        let mut by_model = Vec::new();
        for (name, value) in recommended {
            let overruled = requested(name)
                || (*name == "do_sample" && (requested("temperature") || requested("num_beams")))
                || (!profile.model_first && *name != "max_tokens");
            let single = [(*name, value.clone())];
            if overruled || SamplingParams::from_values(single).is_err() {
                continue;
            }
            by_model.push(*name);
            values.push((name.to_string(), value.clone()));
        }
        let mut by_profile = Vec::new();
        let wants_to_sample = SAMPLING_KNOBS.iter().any(|name| requested(name));
        for (name, value) in profile.defaults {
            let overruled = requested(name)
                || by_model.contains(name)
                || (*name == "do_sample" && wants_to_sample);
            if !overruled {
                by_profile.push(*name);
                values.push((name.to_string(), value.clone()));
            }
        }
        let of_penalties = profile.penalty_values().into_iter().map(|(name, _)| name);
        by_profile.extend(of_penalties.filter(|name| !requested(name)));
        let params = SamplingParams::from_values(values)?;
        let by_request = request.iter().filter_map(|(name, _)| canonical(name)).collect();
        Ok(Effective { params, by_request, by_model, by_profile, others: SetBy::Default })
    }

    /// The values of a saved run with what `given` asks for beside them.
    ///
    /// # Errors
    /// As [`Effective::merge`].
    pub fn resumed(
        values: Vec<(String, ParamValue)>,
        given: &[(String, ParamValue)],
    ) -> Result<Effective, ParamError> {
        let params = SamplingParams::from_values(values)?;
        let by_request = given.iter().filter_map(|(name, _)| canonical(name)).collect();
        let (by_model, by_profile) = (Vec::new(), Vec::new());
        Ok(Effective { params, by_request, by_model, by_profile, others: SetBy::State })
    }

    /// Who set the parameter of that canonical name.
    pub fn set_by(&self, name: &str) -> SetBy {
        if self.by_request.contains(&name) {
            SetBy::Request
        } else if self.by_model.contains(&name) {
            SetBy::Model
        } else if self.by_profile.contains(&name) {
            SetBy::Profile
        } else {
            self.others
        }
    }

    /// Canonical names of the parameters that the request set.
    pub fn given(&self) -> &[&'static str] {
        &self.by_request
    }

    /// What was asked for a parameter that the profile changed.
    pub fn asked(&self, name: &str) -> Option<&ParamValue> {
        let changed = self.params.changed_by_profile().iter();
        changed.filter(|change| change.param == name).map(|change| &change.asked).next()
    }

    /// Every parameter that has a value: its entry, the value, who set it.
    pub fn entries(&self) -> impl Iterator<Item = (&'static ParamSpec, ParamValue, SetBy)> + '_ {
        PARAMS
            .iter()
            .filter_map(|spec| Some((spec, self.params.value_of(spec)?, self.set_by(spec.name))))
    }
}

fn canonical(name: &str) -> Option<&'static str> {
    ParamSpec::find(name).map(|spec| spec.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn float(value: f64) -> ParamValue {
        ParamValue::Float(value)
    }

    #[test]
    fn the_request_wins_over_the_model_and_the_model_over_the_table() {
        let request = [("top_p".to_string(), float(0.5)), ("n_predict".to_string(), float(7.0))];
        let recommended = [("top_p", float(0.9)), ("temperature", float(0.6))];
        let effective = Effective::merge(&request, &recommended).expect("all valid");
        assert_eq!(effective.params.top_p(), 0.5);
        assert_eq!(effective.params.temperature(), 0.6);
        assert_eq!(effective.set_by("top_p"), SetBy::Request);
        assert_eq!(effective.set_by("temperature"), SetBy::Model);
        assert_eq!(effective.set_by("min_p"), SetBy::Default);
        assert_eq!(effective.set_by("max_tokens"), SetBy::Request);
    }

    #[test]
    fn a_temperature_asked_for_overrules_a_recommended_greedy_choice() {
        let recommended = [("do_sample", ParamValue::Bool(false))];
        let greedy = Effective::merge(&[], &recommended).expect("valid");
        assert!(greedy.params.is_greedy());
        let request = [("temperature".to_string(), float(0.7))];
        let sampled = Effective::merge(&request, &recommended).expect("valid");
        assert!(!sampled.params.is_greedy());
    }

    fn with_profile(name: &str, more: &[(&str, f64)]) -> Vec<(String, ParamValue)> {
        let profile = ("profile".to_string(), ParamValue::Str(name.to_string()));
        let more = more.iter().map(|(name, value)| (name.to_string(), float(*value)));
        std::iter::once(profile).chain(more).collect()
    }

    #[test]
    fn a_profiles_defaults_come_after_the_request_and_the_model() {
        let request = with_profile("llama.cpp", &[("min_p", 0.0)]);
        let effective = Effective::merge(&request, &[("top_p", float(0.5))]).expect("valid");
        let params = &effective.params;
        let found = (params.temperature(), params.top_k(), params.top_p(), params.min_p());
        assert_eq!(found, (0.8, 40, 0.5, 0.0));
        assert_eq!(effective.set_by("top_k"), SetBy::Profile);
        assert_eq!(effective.set_by("top_p"), SetBy::Model);
        assert_eq!(effective.set_by("min_p"), SetBy::Request);
    }

    #[test]
    fn a_program_without_recommendations_drops_the_models() {
        let recommended = [("temperature", float(0.5)), ("max_tokens", float(7.0))];
        let effective =
            Effective::merge(&with_profile("openai", &[]), &recommended).expect("valid");
        assert_eq!(effective.params.temperature(), 1.0);
        assert_eq!(effective.set_by("temperature"), SetBy::Profile);
        assert_eq!(effective.set_by("max_tokens"), SetBy::Model);
    }

    #[test]
    fn hf_is_greedy_until_a_request_names_a_sampling_knob() {
        let merge = |more| Effective::merge(&with_profile("hf", more), &[]).expect("valid");
        assert!(merge(&[]).params.is_greedy());
        assert!(merge(&[("repetition_penalty", 1.2)]).params.is_greedy());
        let sampled = merge(&[("top_p", 0.9)]);
        assert!(!sampled.params.is_greedy());
        assert_eq!(sampled.params.top_k(), 50);
    }

    #[test]
    fn what_a_profile_changed_is_known() {
        let request = with_profile("vllm", &[("temperature", 0.002)]);
        let effective = Effective::merge(&request, &[]).expect("valid");
        assert_eq!(effective.params.temperature(), 0.01);
        assert_eq!(effective.asked("temperature"), Some(&float(0.002)));
        assert_eq!(effective.asked("top_p"), None);
        let refused = Effective::merge(&with_profile("vllm", &[("temperature", 2.5)]), &[]);
        assert!(refused.expect_err("out of range").message.contains("[0, 2]"));
    }

    #[test]
    fn a_recommendation_out_of_range_is_dropped_and_a_request_is_refused() {
        let recommended = [("top_p", float(7.0))];
        let effective = Effective::merge(&[], &recommended).expect("dropped");
        assert_eq!(effective.set_by("top_p"), SetBy::Default);
        let request = [("top_p".to_string(), float(7.0))];
        assert_eq!(Effective::merge(&request, &[]).expect_err("refused").param, "top_p");
    }
}
