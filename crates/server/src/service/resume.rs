//! Going on from an answer that was cut: its state comes back from the client, is held against the
//! model, and the run goes on as if it had never stopped.

use super::prepare::Prepared;
use super::served::ServedModel;
use crate::error::ApiError;
use answers::RequestError;
use answers::record::{Kind, record_from_json};
use answers::resume::{Resumed, resumed};
use engine::GenerateRequest;
use sampling::params::ParamValue;
use serde_json::Value;

/// The request that goes on from `state`. `values` may ask for a larger `max_tokens`; what shapes
/// tokens must be as it was.
///
/// # Errors
/// When it is no state, was changed, is of another model, has ended by itself, or something that
/// shapes its tokens is asked for differently.
pub(super) fn prepare(
    model: &ServedModel,
    state: &Value,
    values: &[(String, ParamValue)],
) -> Result<Prepared, ApiError> {
    let refused =
        |message: String| RequestError::parameter("resume", format!("`resume`: {message}"));
    let record = record_from_json(state, &[Kind::State]).map_err(refused)?;
    if record.computing != *model.computing() {
        let message = "it was computed in another way (`computing`) than this server's".to_owned();
        return Err(refused(message).into());
    }
    let resumed = resumed(&record, model.model(), values).map_err(|error| {
        let hint = error.hint.map_or(String::new(), |hint| format!("; {hint}"));
        refused(format!("{}{hint}", error.message))
    })?;
    let request = GenerateRequest { speculation: model.speculation(), ..resumed.request.clone() };
    let Resumed { effective, template_used, .. } = resumed;
    Ok(Prepared { request, effective, template_used, saved: Some(record) })
}
