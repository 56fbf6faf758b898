//! Which value of each parameter counts: what the user asked for, else what the model's own files
//! recommend, else the default of the table. Each with who set it.

use sampling::params::{PARAMS, ParamError, ParamSpec, ParamValue, SamplingParams};

/// Who set a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetBy {
    /// A flag or a field of the request.
    Request,
    /// The model's own generation defaults.
    Model,
    /// The table of parameters.
    Default,
}

impl SetBy {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            SetBy::Request => "request",
            SetBy::Model => "model",
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
}

impl Effective {
    /// Merges the request's values over the model's recommendations.
    ///
    /// Recommendations only shape the choice of a token; a recommendation that the table refuses is
    /// dropped, since the user cannot mend it. A request that names a temperature wants to sample,
    /// whatever `do_sample` the model recommends.
    ///
    /// # Errors
    /// The first parameter of the request that is unknown, of the wrong type or out of range.
    pub fn merge(
        request: &[(String, ParamValue)],
        recommended: &[(&'static str, ParamValue)],
    ) -> Result<Effective, ParamError> {
        let requested =
            |name: &str| request.iter().any(|(given, _)| canonical(given) == Some(name));
        let mut values = request.to_vec();
        let mut by_model = Vec::new();
        for (name, value) in recommended {
            let overruled = requested(name) || (*name == "do_sample" && requested("temperature"));
            let single = [(*name, value.clone())];
            if overruled || SamplingParams::from_values(single).is_err() {
                continue;
            }
            by_model.push(*name);
            values.push((name.to_string(), value.clone()));
        }
        let params = SamplingParams::from_values(values)?;
        let by_request = request.iter().filter_map(|(name, _)| canonical(name)).collect();
        Ok(Effective { params, by_request, by_model })
    }

    /// Who set the parameter of that canonical name.
    pub fn set_by(&self, name: &str) -> SetBy {
        if self.by_request.contains(&name) {
            SetBy::Request
        } else if self.by_model.contains(&name) {
            SetBy::Model
        } else {
            SetBy::Default
        }
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

    #[test]
    fn a_recommendation_out_of_range_is_dropped_and_a_request_is_refused() {
        let recommended = [("top_p", float(7.0))];
        let effective = Effective::merge(&[], &recommended).expect("dropped");
        assert_eq!(effective.set_by("top_p"), SetBy::Default);
        let request = [("top_p".to_string(), float(7.0))];
        assert_eq!(Effective::merge(&request, &[]).expect_err("refused").param, "top_p");
    }
}
