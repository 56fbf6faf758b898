//! What the lint says about a request, as results and summaries show it.

use crate::effective::Effective;
use crate::open_model::OpenModel;
use sampling::lint::{Kind, Request, Warning, lint};
use serde_json::{Value, json};

/// The warnings about a request of this model.
pub fn of(model: &OpenModel, effective: &Effective) -> Vec<Warning> {
    let heeds_models = effective.params.profile().model_first;
    let recommended = if heeds_models { model.recommended() } else { Vec::new() };
    lint(&Request {
        params: &effective.params,
        given: effective.given(),
        recommended: &recommended,
        eos_ids: &model.eos_ids,
    })
}

/// The warnings as a list of objects.
pub fn to_json(warnings: &[Warning]) -> Value {
    let entry = |warning: &Warning| {
        json!({
            "code": warning.code,
            "kind": warning.kind.as_str(),
            "parameters": warning.params,
            "message": warning.message,
        })
    };
    warnings.iter().map(entry).collect()
}

/// One line about settings that did not do what they say, for the summary of an answer; none if
/// there are none. Mere advice is left to `jeton lint`.
pub fn line(warnings: &[Warning]) -> Option<String> {
    let mut wrong = warnings.iter().filter(|warning| warning.kind != Kind::Advice);
    let first = wrong.next()?;
    let more = match wrong.count() {
        0 => String::new(),
        1 => " (and 1 more: jeton lint)".to_owned(),
        count => format!(" (and {count} more: jeton lint)"),
    };
    Some(format!("warning: {}{more}", first.message))
}
