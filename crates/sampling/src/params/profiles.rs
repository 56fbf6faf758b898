//! What a profile does to the parameters of a request.

use super::{ParamError, ParamSpec, ParamValue, SamplingParams};
use crate::profile::Profile;
use crate::stages::temperature::NAME;

/// A value that the profile changed.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangedValue {
    /// The parameter's name in the table.
    pub param: &'static str,
    /// What was asked for.
    pub asked: ParamValue,
}

impl SamplingParams {
    /// How the token is chosen: Jeton's own way, or another program's.
    pub fn profile(&self) -> &'static Profile {
        self.profile
    }

    /// Whether the profile makes choices greedy by the temperature stage, and that stage is left
    /// out or follows the entropy.
    pub(super) fn draws_at_any_temperature(&self) -> bool {
        let replaced = self.profile.mirostat_alone && self.stages.mirostat.version.is_some();
        let left_out = !replaced && self.samplers().is_some_and(|names| !names.contains(&NAME));
        self.profile.greedy.by_stage && (left_out || self.stages.dynatemp_range > 0.0)
    }

    /// The values that were asked for and that the profile changed, as its program changes them.
    pub fn changed_by_profile(&self) -> &[ChangedValue] {
        &self.changed_by_profile
    }

    /// The profile that some values name; the check of the table comes later.
    pub(super) fn profile_in<N: AsRef<str>>(values: &[(N, ParamValue)]) -> &'static Profile {
        let named = values.iter().find_map(|(name, value)| {
            let spec = ParamSpec::find(name.as_ref())?;
            match value {
                ParamValue::Str(text) if spec.name == "profile" => Profile::find(text),
                _ => None,
            }
        });
        named.unwrap_or(Profile::jeton())
    }

    /// The value as the profile has it. Another spelling of its own name becomes the name.
    pub(super) fn by_profile(&mut self, spec: &ParamSpec, value: ParamValue) -> ParamValue {
        if let (ParamValue::Str(text), "profile") = (&value, spec.name) {
            let name = Profile::find(text).map_or(text.as_str(), |profile| profile.name);
            return ParamValue::Str(name.to_owned());
        }
        match self.profile.changed(spec, &value) {
            None => value,
            Some(changed) => {
                let name = spec.name;
                self.changed_by_profile.push(ChangedValue { param: name, asked: value });
                changed
            }
        }
    }

    /// Sets what the profile says about penalties where the request, which named `given`, did not.
    pub(super) fn fill_penalty_values(&mut self, given: &[&str]) -> Result<(), ParamError> {
        for (name, value) in self.profile.penalty_values() {
            let spec = ParamSpec::find(name).filter(|spec| !given.contains(&spec.name));
            if let Some(spec) = spec {
                self.set(spec, name, &value)?;
            }
        }
        Ok(())
    }

    pub(super) fn set_profile(&mut self, name: &'static str) {
        self.profile = Profile::find(name).unwrap_or(Profile::jeton());
    }
}
