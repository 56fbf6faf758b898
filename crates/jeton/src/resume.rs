//! Going on from a saved run, where nothing that shapes its tokens has changed.

use crate::computing::Computing;
use crate::effective::{Effective, SetBy};
use crate::failure::Failure;
use crate::open_model::OpenModel;
use crate::param_values;
use crate::record::{self, Identity, Kind, Record};
use crate::thinking;
use clap::ArgMatches;
use engine::views::limit_shapes_tokens;
use engine::{GenerateRequest, LimitOverflow};
use grammar::GrammarSource;

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

/// Reads the state at `path` and holds it against the model and the flags.
///
/// # Errors
/// When it cannot be read, has ended by itself, or something that shapes its tokens is not as it
/// was: which, as it was saved and as it is given.
pub fn open(path: &str, model: &OpenModel, flags: &ArgMatches) -> Result<Resumed, Failure> {
    let in_file = |message: String| Failure::new(format!("{path}: {message}"));
    let record = record::read(path, &[Kind::State])?;
    let [choice] = record.choices.as_slice() else {
        let count = record.choices.len();
        return Err(in_file(format!("it holds {count} choices; only a single one is continued")));
    };
    if choice.finish_reason == "stop" {
        let ending = &choice.stop_reason;
        return Err(in_file(format!(
            "its text ended by itself ({ending}); nothing is to be added"
        )));
    }
    let template_used = record.identity.template_sha256.is_some();
    if let Some(difference) = difference(&record, model, template_used)? {
        let hint = "a run goes on only on the model it began on; name it with --model";
        return Err(in_file(difference).with_hint(hint));
    }
    let computing = record.computing.agreed(flags)?;
    let given = param_values::from_matches(flags);
    let effective = Effective::resumed(record.parameters_with(&given)?, &given)?;
    let asked = effective.set_by("max_tokens") == SetBy::Request;
    let request = GenerateRequest {
        thinking: thinking::again(model, template_used, &record.prompt_ids, &effective.params),
        generated: choice.ids.clone(),
        stage_state: choice.stage_state.clone(),
        on_overflow: if asked { LimitOverflow::Refuse } else { LimitOverflow::Shrink },
        ..record.request(effective.params.clone(), choice)
    };
    let by_shape = record.grammar.as_ref().map(GrammarSource::kind);
    if let Some(cause) = limit_shapes_tokens(&request).or(by_shape) {
        let message = format!("its tokens were shaped by its limit (`{cause}`)");
        let hint = "more of it is another text: run it again with the larger limit";
        return Err(in_file(message).with_hint(hint));
    }
    Ok(Resumed { computing, request, effective, template_used })
}

/// What is not as it was when the record was written, in words; none when all is.
fn difference(
    record: &Record,
    model: &OpenModel,
    template_used: bool,
) -> Result<Option<String>, Failure> {
    crate::record::recall_or_remember(&model.file);
    let now = Identity::of(model, template_used)?;
    if let Some((name, saved, given)) = record.identity.difference(&now) {
        return Ok(Some(format!("`{name}` is {saved} in it; of this model it is {given}")));
    }
    let law = u64::from(kernels::NUMERIC_LAW);
    if record.numeric_law != law {
        let saved = record.numeric_law;
        return Ok(Some(format!("`numeric_law` is {saved} in it; of this program it is {law}")));
    }
    let params = record.params()?;
    let eos_ids = params.eos_ids(&model.eos_ids);
    Ok((record.eos_ids != eos_ids).then(|| {
        let saved = &record.eos_ids;
        format!("`eos_ids` is {saved:?} in it; of this model it is {eos_ids:?}")
    }))
}
