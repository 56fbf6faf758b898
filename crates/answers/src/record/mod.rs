//! What a run was, in full: enough to run it again (a receipt) or to go on (a saved state).
//!
//! Both files are one JSON object of the same fields; a state has two more per choice. The format
//! is described in `docs/DETERMINISM.md`. `sha256` is the digest of the object without itself, so
//! that a file that was cut or edited is noticed; it proves nothing about who wrote it.

mod identity;
mod known_digests;
mod read;
mod write;

pub use identity::Identity;
pub use known_digests::recall_or_remember;
pub use read::{read, record_from_json};
pub use write::of_answer;

use crate::computing::Computing;
use engine::{GenerateRequest, LimitOverflow, TextOptions};
use grammar::GrammarSource;
use model::TokenId;
use sampling::params::{ParamError, ParamSpec, ParamValue, SamplingParams};
use serde_json::Value;
use text::thinking::ThinkingStart;

/// Version of both formats; a reader refuses other ones.
pub const FORMAT_VERSION: u64 = 1;

/// Largest file that is read, in bytes: a million tokens written as ids take about 7 MB.
pub const FILE_BYTES_MAX: u64 = 64 << 20;

/// Parameters that say what is told about tokens or how many there may be, and never which.
const NOT_SHAPING: &[&str] = &["max_tokens", "logprobs", "top_logprobs", "n", "best_of"];

/// Why a run has no record, or a record cannot be used: one sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RecordError(String);

impl RecordError {
    pub(crate) fn new(message: impl std::fmt::Display) -> Self {
        RecordError(message.to_string())
    }
}

impl From<model::LoadError> for RecordError {
    fn from(error: model::LoadError) -> Self {
        RecordError::new(error)
    }
}

/// What the file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// To be run again and compared.
    Receipt,
    /// To be gone on from.
    State,
}

impl Kind {
    fn format(self) -> &'static str {
        match self {
            Kind::Receipt => "jeton-receipt",
            Kind::State => "jeton-state",
        }
    }
}

/// A run: what went in and what came out.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Version of the program that wrote it.
    pub program: String,
    /// Version of the definition of every operation's bits.
    pub numeric_law: u64,
    /// Which model.
    pub identity: Identity,
    /// How it was computed.
    pub computing: Computing,
    /// The prompt's tokens.
    pub prompt_ids: Vec<TokenId>,
    /// How tokens became text.
    pub text: TextOptions,
    /// Where the prompt left the model: the ids of a message that is continued do not tell. None
    /// without thinking, and in files of builds that did not write it.
    pub thinking_start: Option<ThinkingStart>,
    /// Every parameter that has a value, without the seed.
    pub parameters: Vec<(String, ParamValue)>,
    /// The seed in use. One that programs with one kind of number cannot hold is written as text.
    pub seed: u64,
    /// The parameter that was derived from the limit, where one was.
    pub shaped_by_limit: Option<String>,
    /// The shape that the output was held to.
    pub grammar: Option<GrammarSource>,
    /// The end-of-sequence ids in force.
    pub eos_ids: Vec<TokenId>,
    /// What came out; never empty.
    pub choices: Vec<Choice>,
}

/// One output.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Its number among those of the request.
    pub index: u32,
    /// The tokens, the ending one included.
    pub ids: Vec<TokenId>,
    /// SHA-256 of the text.
    pub text_sha256: String,
    /// The API's word for the ending.
    pub finish_reason: String,
    /// The kind of ending.
    pub stop_reason: String,
    /// What stages remember; only in states.
    pub stage_state: Vec<(String, f64)>,
}

/// Where a prompt can leave the model.
const THINKING_STARTS: [ThinkingStart; 3] =
    [ThinkingStart::Undecided, ThinkingStart::Open, ThinkingStart::Closed];

/// The word for it.
fn thinking_word(start: ThinkingStart) -> &'static str {
    match start {
        ThinkingStart::Undecided => "undecided",
        ThinkingStart::Open => "open",
        ThinkingStart::Closed => "closed",
    }
}

impl Record {
    /// Whether the prompt was made with the chat template.
    pub fn template_used(&self) -> bool {
        self.identity.template_sha256.is_some()
    }

    /// The checked parameters.
    ///
    /// # Errors
    /// The first one that this program does not know or allow.
    pub fn params(&self) -> Result<SamplingParams, ParamError> {
        SamplingParams::from_values(self.parameters.iter().cloned())
    }

    /// The request that gives choice `choice` again, from its first token on.
    pub fn request(&self, params: SamplingParams, choice: &Choice) -> GenerateRequest {
        GenerateRequest {
            choice_index: choice.index,
            // A recorded limit that the context shrank is shrunk again.
            on_overflow: LimitOverflow::Shrink,
            text: self.text,
            ..GenerateRequest::new(self.prompt_ids.clone(), params, self.seed)
        }
    }

    /// The parameters of a run that goes on with what `given` asks for.
    ///
    /// # Errors
    /// The first given parameter that shapes tokens and differs from the recorded one.
    pub fn parameters_with(
        &self,
        given: &[(String, ParamValue)],
    ) -> Result<Vec<(String, ParamValue)>, ParamError> {
        let mut values = self.parameters.clone();
        // One choice goes on, however many were made.
        values.retain(|(name, _)| !["n", "best_of"].contains(&name.as_str()));
        let saved = self.params()?;
        for (name, value) in given {
            let Some(spec) = ParamSpec::find(name) else { continue };
            if NOT_SHAPING.contains(&spec.name) {
                values.retain(|(known, _)| known != spec.name);
                values.push((spec.name.to_owned(), value.clone()));
                continue;
            }
            let profile = ("profile", ParamValue::Str(saved.profile().name.to_owned()));
            let profile = Some(profile).filter(|_| spec.name != "profile");
            let alone = profile.into_iter().chain([(spec.name, value.clone())]);
            let asked = SamplingParams::from_values(alone)?.value_of(spec);
            let kept = match spec.name {
                "seed" => Some(ParamValue::Int(i128::from(self.seed))),
                _ => saved.value_of(spec),
            };
            if asked != kept {
                return Err(changed(spec.name, kept.as_ref(), asked.as_ref()));
            }
        }
        Ok(values)
    }
}

fn changed(name: &str, saved: Option<&ParamValue>, given: Option<&ParamValue>) -> ParamError {
    let word = |value: Option<&ParamValue>| {
        value.map_or("unset".to_owned(), |value| crate::param_values::to_json(value).to_string())
    };
    let (saved, given) = (word(saved), word(given));
    ParamError {
        param: name.to_owned(),
        message: format!(
            "`{name}` is {saved} in the saved run; given {given}: it shapes the tokens, so only a \
             new run can change it"
        ),
    }
}

/// Writes `value` with the keys of every object in order and no blanks: the form that digests are
/// taken of.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(entries) => {
            let mut names: Vec<&String> = entries.keys().collect();
            names.sort();
            let entry =
                |name: &String| format!("{}:{}", Value::from(&**name), canonical(&entries[name]));
            format!("{{{}}}", names.into_iter().map(entry).collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

/// The digest of an object without its own `sha256`, and without the `seal` that a server may have
/// put on it: that says who wrote it, and nothing about the run.
fn digest(object: &Value) -> String {
    let mut bare = object.clone();
    if let Some(entries) = bare.as_object_mut() {
        entries.shift_remove("sha256");
        entries.shift_remove("seal");
    }
    model::sha256_hex(canonical(&bare).as_bytes())
}

#[cfg(test)]
mod tests;
