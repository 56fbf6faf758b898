//! The parameters of beam search, and what they do not go with.

use super::table::{Kind, ParamSpec, count_value, float, float_value, integer};
use super::{ParamError, ParamValue, SamplingParams};
use crate::beam::{BeamMethod, EarlyStopping};

/// Most hypotheses of a request. Each is a sequence with key-value memory of its own.
pub const NUM_BEAMS_MAX: usize = 256;

/// The words of `early_stopping`; the first two may also be given as booleans.
const EARLY_STOPPING_NAMES: &[&str] = &["false", "true", "never"];
/// The words of `beam_method`.
const BEAM_METHOD_NAMES: &[&str] = &["transformers", "textbook"];

/// How hypotheses are searched; with one beam nothing of it counts.
#[derive(Debug, Clone, PartialEq)]
pub struct BeamParams {
    /// Hypotheses that live at once; 1 is no beam search.
    pub num_beams: usize,
    /// Exponent of the length in the score.
    pub length_penalty: f64,
    /// When to be content with what is finished.
    pub early_stopping: EarlyStopping,
    /// Hypotheses to return, at most `num_beams`.
    pub num_return_sequences: usize,
    /// Groups that choose one after the other; divides `num_beams`.
    pub num_beam_groups: usize,
    /// What a token loses per time that earlier groups chose it at the same step.
    pub diversity_penalty: f64,
    /// The rules.
    pub method: BeamMethod,
}

impl Default for BeamParams {
    fn default() -> Self {
        Self {
            num_beams: 1,
            length_penalty: 1.0,
            early_stopping: EarlyStopping::Heuristic,
            num_return_sequences: 1,
            num_beam_groups: 1,
            diversity_penalty: 0.0,
            method: BeamMethod::Transformers,
        }
    }
}

impl BeamParams {
    pub(super) fn set_early_stopping(&mut self, name: &str) {
        self.early_stopping = match name {
            "true" => EarlyStopping::AtOnce,
            "never" => EarlyStopping::Never,
            _ => EarlyStopping::Heuristic,
        };
    }

    pub(super) fn early_stopping_value(&self) -> ParamValue {
        match self.early_stopping {
            EarlyStopping::Heuristic => ParamValue::Bool(false),
            EarlyStopping::AtOnce => ParamValue::Bool(true),
            EarlyStopping::Never => ParamValue::Str("never".to_owned()),
        }
    }

    pub(super) fn set_method(&mut self, name: &str) {
        self.method = match name {
            "textbook" => BeamMethod::Textbook,
            _ => BeamMethod::Transformers,
        };
    }

    pub(super) fn method_name(&self) -> &'static str {
        match self.method {
            BeamMethod::Transformers => "transformers",
            BeamMethod::Textbook => "textbook",
        }
    }
}

pub(super) const NUM_BEAMS: ParamSpec = ParamSpec {
    name: "num_beams",
    aliases: &["beam_width", "beam_size"],
    kind: integer(1, NUM_BEAMS_MAX as i128, |p, v| p.beams.num_beams = v as usize),
    openai_range: None,
    neutral: "1",
    default: "1",
    help: "How many hypotheses a beam search keeps alive; above 1 nothing is drawn, and the \
           best hypothesis is the answer.",
    source: "Hugging Face GenerationConfig; Lowerre 1976",
    get: |p| count_value(p.beams.num_beams),
};

pub(super) const LENGTH_PENALTY: ParamSpec = ParamSpec {
    name: "length_penalty",
    aliases: &[],
    kind: float(-10.0, false, 10.0, false, |p, v| p.beams.length_penalty = v),
    openai_range: None,
    neutral: "0",
    default: "1",
    help: "Exponent by which a hypothesis's sum of log-probabilities is divided, of its length \
           in tokens: above 0 favours long ones.",
    source: "Hugging Face GenerationConfig; Wu et al., arXiv:1609.08144",
    get: |p| float_value(p.beams.length_penalty),
};

pub(super) const EARLY_STOPPING: ParamSpec = ParamSpec {
    name: "early_stopping",
    aliases: &[],
    kind: Kind::Choice { names: EARLY_STOPPING_NAMES, set: |p, v| p.beams.set_early_stopping(v) },
    openai_range: None,
    neutral: "",
    default: "false",
    help: "When num_beams finished hypotheses are enough: true at once, false when none alive \
           scores better as it is, never when none can up to the limit.",
    source: "Hugging Face GenerationConfig",
    get: |p| Some(p.beams.early_stopping_value()),
};

pub(super) const NUM_RETURN_SEQUENCES: ParamSpec = ParamSpec {
    name: "num_return_sequences",
    aliases: &[],
    kind: integer(1, NUM_BEAMS_MAX as i128, |p, v| p.beams.num_return_sequences = v as usize),
    openai_range: None,
    neutral: "1",
    default: "1",
    help: "How many of the best hypotheses a beam search returns; at most num_beams.",
    source: "Hugging Face GenerationConfig",
    get: |p| count_value(p.beams.num_return_sequences),
};

pub(super) const NUM_BEAM_GROUPS: ParamSpec = ParamSpec {
    name: "num_beam_groups",
    aliases: &[],
    kind: integer(1, NUM_BEAMS_MAX as i128, |p, v| p.beams.num_beam_groups = v as usize),
    openai_range: None,
    neutral: "1",
    default: "1",
    help: "Groups that the beams are split into, each searching apart from those before it; \
           divides num_beams.",
    source: "Vijayakumar et al., arXiv:1610.02424",
    get: |p| count_value(p.beams.num_beam_groups),
};

pub(super) const DIVERSITY_PENALTY: ParamSpec = ParamSpec {
    name: "diversity_penalty",
    aliases: &[],
    kind: float(0.0, false, 1000.0, false, |p, v| p.beams.diversity_penalty = v),
    openai_range: None,
    neutral: "0",
    default: "0",
    help: "What a token's log-probability loses for each beam of an earlier group that takes \
           it at the same step.",
    source: "Vijayakumar et al., arXiv:1610.02424",
    get: |p| float_value(p.beams.diversity_penalty),
};

pub(super) const BEAM_METHOD: ParamSpec = ParamSpec {
    name: "beam_method",
    aliases: &[],
    kind: Kind::Choice { names: BEAM_METHOD_NAMES, set: |p, v| p.beams.set_method(v) },
    openai_range: None,
    neutral: "",
    default: "transformers",
    help: "The rules of the search: transformers, or textbook, which compares plain sums and \
           has no early stop.",
    source: "Hugging Face _beam_search; Graves, arXiv:1211.3711",
    get: |p| Some(ParamValue::Str(p.beams.method_name().to_owned())),
};

impl SamplingParams {
    /// How hypotheses are searched.
    pub fn beams(&self) -> &BeamParams {
        &self.beams
    }

    /// Whether this is a beam search: more than one hypothesis at a time.
    pub fn is_beam_search(&self) -> bool {
        self.beams.num_beams > 1
    }

    /// Refuses what does not go together; `given` are the names of what the request set: a
    /// `do_sample` that nobody asked for is no contradiction.
    pub(super) fn check_beams(&self, given: &[&str]) -> Result<(), ParamError> {
        let beams = &self.beams;
        let refuse =
            |param: &str, message: String| Err(ParamError { param: param.to_owned(), message });
        let (num_beams, returned) = (beams.num_beams, beams.num_return_sequences);
        if returned > num_beams {
            let message = format!(
                "`num_return_sequences` must be at most `num_beams` ({num_beams}); given {returned}"
            );
            return refuse("num_return_sequences", message);
        }
        let groups = beams.num_beam_groups;
        if !num_beams.is_multiple_of(groups) {
            let message =
                format!("`num_beam_groups` must divide `num_beams` ({num_beams}); given {groups}");
            return refuse("num_beam_groups", message);
        }
        if num_beams == 1 {
            return Ok(());
        }
        if beams.diversity_penalty > 0.0 && groups == 1 {
            let message = "`diversity_penalty` needs `num_beam_groups` above 1: it keeps groups \
                           apart";
            return refuse("diversity_penalty", message.to_owned());
        }
        if beams.method == BeamMethod::Textbook && groups > 1 {
            let message = "`beam_method` must be transformers with `num_beam_groups` above 1; \
                           given textbook";
            return refuse("beam_method", message.to_owned());
        }
        if self.do_sample && given.contains(&"do_sample") {
            let message = "`do_sample` must be false with `num_beams` above 1: a beam search \
                           ranks continuations and draws none; given true";
            return refuse("do_sample", message.to_owned());
        }
        if self.logprobs {
            let message = "`logprobs` cannot be asked for with `num_beams` above 1; every \
                           hypothesis comes with its score";
            return refuse("logprobs", message.to_owned());
        }
        Ok(())
    }
}
