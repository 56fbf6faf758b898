//! Several answers to one prompt.

use super::table::{ParamSpec, count_value, integer};
use super::{ParamError, SamplingParams};

/// Most choices of a request. Each is a sequence of its own that shares the prompt's memory.
pub const CHOICES_MAX: usize = 128;

/// How many answers are made, and how many of them returned.
#[derive(Debug, Clone, PartialEq)]
pub struct ChoiceParams {
    n: usize,
    best_of: Option<usize>,
}

impl Default for ChoiceParams {
    fn default() -> Self {
        Self { n: 1, best_of: None }
    }
}

pub(super) const N: ParamSpec = ParamSpec {
    name: "n",
    aliases: &[],
    kind: integer(1, CHOICES_MAX as i128, |p, v| p.choices.n = v as usize),
    openai_range: None,
    neutral: "1",
    default: "1",
    help: "How many answers to give; each draws its own random numbers, and all share the \
           prompt's memory.",
    source: "OpenAI API",
    get: |p| count_value(p.choices.n),
};

pub(super) const BEST_OF: ParamSpec = ParamSpec {
    name: "best_of",
    aliases: &[],
    kind: integer(1, CHOICES_MAX as i128, |p, v| p.choices.best_of = Some(v as usize)),
    openai_range: None,
    neutral: "",
    default: "",
    help: "How many answers to make, at least n; the n with the highest mean log-probability \
           per token, under the model's own distribution, are given, the best first.",
    source: "OpenAI API (completions)",
    get: |p| p.choices.best_of.and_then(count_value),
};

impl SamplingParams {
    /// How many answers to give, from 1 to [`CHOICES_MAX`].
    pub fn n(&self) -> usize {
        self.choices.n
    }

    /// How many answers to make and rank; none when they are not ranked. At least `n`.
    pub fn best_of(&self) -> Option<usize> {
        self.choices.best_of
    }

    /// How many answers are made.
    pub fn choices_made(&self) -> usize {
        self.choices.best_of.unwrap_or(self.choices.n)
    }

    pub(super) fn check_choices(&self) -> Result<(), ParamError> {
        let ChoiceParams { n, best_of } = self.choices;
        if let Some(given) = best_of.filter(|&best_of| best_of < n) {
            return Err(ParamError {
                param: "best_of".to_owned(),
                message: format!("`best_of` must be at least `n` ({n}); given {given}"),
            });
        }
        if self.choices_made() > 1 && self.is_beam_search() {
            let param = if n > 1 { "n" } else { "best_of" };
            return Err(ParamError {
                param: param.to_owned(),
                message: format!(
                    "`{param}` must be 1 with `num_beams` above 1: a beam search gives \
                     `num_return_sequences` answers"
                ),
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::params::{ParamValue, SamplingParams};

    fn given(values: &[(&str, i128)]) -> Result<SamplingParams, String> {
        let values = values.iter().map(|&(name, value)| (name, ParamValue::Int(value)));
        SamplingParams::from_values(values).map_err(|error| error.message)
    }

    #[test]
    fn choices_are_counted_and_bounded() {
        let counts = |values| {
            let params = given(values).expect("valid");
            (params.n(), params.best_of(), params.choices_made())
        };
        assert_eq!(counts(&[]), (1, None, 1));
        assert_eq!(counts(&[("n", 3)]), (3, None, 3));
        assert_eq!(counts(&[("n", 2), ("best_of", 5)]), (2, Some(5), 5));
        for bad in [("n", 0), ("n", 129), ("best_of", 129)] {
            assert!(given(&[bad]).expect_err("out of range").contains("[1, 128]"));
        }
        let message = given(&[("n", 4), ("best_of", 2)]).expect_err("fewer than are given");
        assert_eq!(message, "`best_of` must be at least `n` (4); given 2");
        assert!(given(&[("n", 2), ("num_beams", 2)]).expect_err("not both").contains("num_beams"));
    }
}
