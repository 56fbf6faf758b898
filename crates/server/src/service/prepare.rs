//! From words to a request of the engine: rendering, tokenizing and compiling, on threads that may
//! take their time, a bounded number of them.

use super::asked::Asked;
use super::govern::InForce;
use super::resume;
use super::served::ServedModel;
use crate::error::ApiError;
use answers::RequestError;
use answers::effective::Effective;
use answers::prompt::Prompt;
use answers::record::Record;
use answers::request::{Extras, request};
use engine::GenerateRequest;
use grammar::GrammarSource;
use sampling::params::{ParamError, ParamValue};
use serde_json::Value;

/// A prompt of more bytes than this many times what the context could hold at the most cannot
/// fit, however it is normalized; it is refused before it is tokenized.
const NORMALIZED_BYTES_FACTOR: usize = 4;

/// What is made of a prompt, its parameters and its shape.
pub(super) struct Wanted {
    prompt: Prompt,
    values: Vec<(String, ParamValue)>,
    shape: Option<GrammarSource>,
    trace: Option<usize>,
    prompt_logprobs: Option<usize>,
    show_special: bool,
    resume: Option<Value>,
}

/// A request of the engine, before its limit is decided.
pub(super) struct Prepared {
    /// The request.
    pub request: GenerateRequest,
    /// Its parameters and who set them.
    pub effective: Effective,
    /// Whether its prompt was made with the chat template.
    pub template_used: bool,
    /// The saved run that goes on, where one does.
    pub saved: Option<Record>,
}

impl Prepared {
    /// The same request with other values of parameters that shape no prompt.
    ///
    /// # Errors
    /// When they do not go together.
    pub fn under(
        mut self,
        model: &ServedModel,
        InForce { values, by_limit, shaped_by }: &InForce,
    ) -> Result<Prepared, RequestError> {
        let merged = |values: &[_]| Effective::merge(values, &model.model().recommended());
        self.effective = match &self.saved {
            Some(saved) => Effective::resumed(saved.parameters_with(values)?, values)?,
            None => merged(values)?,
        };
        self.request.params = self.effective.params.clone();
        self.request.shaped_by_limit = *shaped_by;
        let params = |values: &Vec<_>| Ok(merged(values)?.params);
        self.request.params_by_limit =
            by_limit.iter().map(params).collect::<Result<_, ParamError>>()?;
        Ok(self)
    }
}

impl Wanted {
    /// Takes out of a request what its account needs no more. `values` are those in force.
    pub fn of(asked: &mut Asked, values: Vec<(String, ParamValue)>) -> Wanted {
        let prompt = match std::mem::replace(&mut asked.prompt, Prompt::Ids(Vec::new())) {
            // Whoever speaks over the network is a stranger.
            Prompt::Chat(input) => Prompt::Strangers(input),
            other => other,
        };
        Wanted {
            prompt,
            values,
            shape: asked.shape.take(),
            trace: asked.trace,
            prompt_logprobs: asked.prompt_logprobs,
            show_special: asked.show_special,
            resume: asked.resume.take(),
        }
    }
}

/// Prepares a request. Takes its time.
///
/// # Errors
/// When the prompt cannot be made, or a parameter or the shape does not go with the model.
pub(super) fn prepare(model: &ServedModel, wanted: Wanted) -> Result<Prepared, ApiError> {
    if let Some(state) = &wanted.resume {
        let mut prepared = resume::prepare(model, state, &wanted.values)?;
        prepared.request.trace = wanted.trace;
        return Ok(prepared);
    }
    let effective = Effective::merge(&wanted.values, &model.model().recommended())
        .map_err(RequestError::from)?;
    check_size(model, &wanted.prompt)?;
    let grammar = wanted.shape.as_ref().map(|shape| model.grammar(shape)).transpose()?;
    let extras =
        Extras { trace: wanted.trace, show_special: wanted.show_special, ..Extras::default() };
    let made = request(model.model(), &wanted.prompt, &effective, extras)?;
    let request = GenerateRequest {
        grammar,
        prompt_logprobs: wanted.prompt_logprobs,
        speculation: model.speculation(),
        ..made
    };
    if let Some(grammar) = &request.grammar {
        // Its first search takes its time, and the engine asks for the result at the door.
        grammar.document_tokens_min();
    }
    let template_used = wanted.prompt.conversation().is_some();
    Ok(Prepared { request, effective, template_used, saved: None })
}

/// Refuses a text that cannot fit the context whatever its tokens are.
fn check_size(model: &ServedModel, prompt: &Prompt) -> Result<(), ApiError> {
    let (bytes, param) = match (prompt, prompt.conversation()) {
        (Prompt::Text(text), _) => (text.len(), "prompt"),
        (_, Some(input)) => (text_bytes(&input.messages), "messages"),
        _ => return Ok(()),
    };
    let context = model.engine().info().context_tokens_max;
    let per_token = model.longest_piece_bytes().max(1);
    let bytes_max = context.saturating_mul(per_token).saturating_mul(NORMALIZED_BYTES_FACTOR);
    if bytes <= bytes_max {
        return Ok(());
    }
    let at_least = bytes / (per_token * NORMALIZED_BYTES_FACTOR);
    let message = format!(
        "the prompt has more than {at_least} tokens ({bytes} bytes of text); at most {context} \
         tokens fit the context"
    );
    let kind = "context_length_exceeded";
    Err(RequestError { kind, message, param: Some(param.to_owned()) }.into())
}

/// Bytes of all texts in values, however deep.
fn text_bytes(values: &[Value]) -> usize {
    let of = |value: &Value| match value {
        Value::String(text) => text.len(),
        Value::Array(items) => text_bytes(items),
        Value::Object(entries) => {
            entries.values().map(|v| text_bytes(std::slice::from_ref(v))).sum()
        }
        _ => 0,
    };
    values.iter().map(of).sum()
}
