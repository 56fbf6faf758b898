//! From a wish to a request of the engine.

use crate::effective::{Effective, SetBy};
use crate::error::RequestError;
use crate::open_model::OpenModel;
use crate::prompt::Prompt;
use crate::thinking::Prepared;
use crate::{model_profile, thinking};
use engine::{GenerateRequest, LimitOverflow, TextOptions};
use grammar::GrammarSource;
use sampling::params::ParamError;

/// What a request asks for beyond its prompt and parameters.
#[derive(Clone, Debug, Default)]
pub struct Extras {
    /// Trace each choice, with that many candidates per list.
    pub trace: Option<usize>,
    /// Show special tokens in the text.
    pub show_special: bool,
    /// The shape of the output.
    pub grammar: Option<GrammarSource>,
}

/// The request of a prompt.
///
/// # Errors
/// When the prompt cannot be made, or a parameter does not go with the model.
pub fn request(
    model: &OpenModel,
    prompt: &Prompt,
    effective: &Effective,
    extras: Extras,
) -> Result<GenerateRequest, RequestError> {
    let is_set = |name: &str| effective.set_by(name) == SetBy::Request;
    model_profile::of(model).check_locked(&model.name(), is_set)?;
    effective.params.check_budget_fits()?;
    let Prepared { ids, thinking } = thinking::prepare(model, prompt, &effective.params)?;
    let vocab_size = model.file.config().vocab_size;
    effective.params.check_vocabulary(vocab_size)?;
    let seed = effective.params.seed().unwrap_or_else(fresh_seed);
    let asked = is_set("max_tokens");
    Ok(GenerateRequest {
        on_overflow: if asked { LimitOverflow::Refuse } else { LimitOverflow::Shrink },
        text: TextOptions {
            keep_special: extras.show_special,
            continues_prompt: prompt.is_continued(),
        },
        trace: extras.trace,
        thinking,
        ..GenerateRequest::new(ids, effective.params.clone(), seed)
    })
}

impl From<ParamError> for RequestError {
    fn from(error: ParamError) -> Self {
        RequestError::parameter(&error.param, error.message)
    }
}

/// A seed for a request without one; short enough to be typed again.
pub fn fresh_seed() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    // The standard library seeds its hash maps from the system's randomness.
    RandomState::new().build_hasher().finish() % 1_000_000_000
}
