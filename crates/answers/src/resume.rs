//! Going on from a saved run, where nothing that shapes its tokens has changed.

use crate::computing::Computing;
use crate::effective::{Effective, SetBy};
use crate::open_model::OpenModel;
use crate::record::{Identity, Record};
use crate::thinking;
use engine::views::limit_shapes_tokens;
use engine::{GenerateRequest, LimitOverflow};
use grammar::GrammarSource;
use sampling::params::ParamValue;

/// A saved run, ready to go on.
pub struct Resumed {
    /// How it was computed.
    pub computing: Computing,
    /// What asks for more of it.
    pub request: GenerateRequest,
    /// Its parameters, with the new limit.
    pub effective: Effective,
    /// Whether its prompt was made with the chat template.
    pub template_used: bool,
}

/// Why a saved run cannot go on.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct ResumeError {
    /// What was wrong.
    pub message: String,
    /// What may help.
    pub hint: Option<&'static str>,
}

impl ResumeError {
    fn new(message: impl ToString) -> Self {
        ResumeError { message: message.to_string(), hint: None }
    }
}

/// Holds a saved run against the model and what is `given` to go on with.
///
/// # Errors
/// When it has ended by itself, or something that shapes its tokens is not as it was: which, as it
/// was saved and as it is given.
pub fn resumed(
    record: &Record,
    model: &OpenModel,
    given: &[(String, ParamValue)],
) -> Result<Resumed, ResumeError> {
    let [choice] = record.choices.as_slice() else {
        let count = record.choices.len();
        let message = format!("it holds {count} choices; only a single one is continued");
        return Err(ResumeError::new(message));
    };
    if choice.finish_reason == "stop" {
        let ending = &choice.stop_reason;
        let message = format!("its text ended by itself ({ending}); nothing is to be added");
        return Err(ResumeError::new(message));
    }
    let template_used = record.template_used();
    if let Some(message) = difference(record, model, template_used)? {
        let hint = "a run goes on only on the model it began on; name it with --model";
        return Err(ResumeError { message, hint: Some(hint) });
    }
    let values = record.parameters_with(given).map_err(ResumeError::new)?;
    let effective = Effective::resumed(values, given).map_err(ResumeError::new)?;
    let asked = effective.set_by("max_tokens") == SetBy::Request;
    let request = GenerateRequest {
        thinking: thinking::again(model, record, &effective.params),
        generated: choice.ids.clone(),
        stage_state: choice.stage_state.clone(),
        on_overflow: if asked { LimitOverflow::Refuse } else { LimitOverflow::Shrink },
        ..record.request(effective.params.clone(), choice)
    };
    let by_shape = record.grammar.as_ref().map(GrammarSource::kind);
    let shaped_by = limit_shapes_tokens(&request).or(by_shape);
    if let Some(cause) = shaped_by.or(record.shaped_by_limit.as_deref()) {
        let message = format!("its tokens were shaped by its limit (`{cause}`)");
        let hint = "more of it is another text: run it again with the larger limit";
        return Err(ResumeError { message, hint: Some(hint) });
    }
    Ok(Resumed { computing: record.computing.clone(), request, effective, template_used })
}

/// What is not as it was when the record was written, in words; none when all is.
fn difference(
    record: &Record,
    model: &OpenModel,
    template_used: bool,
) -> Result<Option<String>, ResumeError> {
    crate::record::recall_or_remember(&model.file);
    let now = Identity::of(model, template_used).map_err(ResumeError::new)?;
    if let Some((name, saved, given)) = record.identity.difference(&now) {
        return Ok(Some(format!("`{name}` is {saved} in it; of this model it is {given}")));
    }
    let law = u64::from(kernels::NUMERIC_LAW);
    if record.numeric_law != law {
        let saved = record.numeric_law;
        return Ok(Some(format!("`numeric_law` is {saved} in it; of this program it is {law}")));
    }
    let params = record.params().map_err(ResumeError::new)?;
    let eos_ids = params.eos_ids(&model.eos_ids);
    Ok((record.eos_ids != eos_ids).then(|| {
        let saved = &record.eos_ids;
        format!("`eos_ids` is {saved:?} in it; of this model it is {eos_ids:?}")
    }))
}
