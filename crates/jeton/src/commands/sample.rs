//! `jeton sample`: the sampling pipeline alone, on logits that others computed.

use crate::failure::Failure;
use crate::jsonl;
use crate::open_flags;
use answers::RequestError;
use answers::json_numbers::{from_f64, to_f64};
use answers::param_values;
use clap::ArgMatches;
use engine::TokenizerVocabulary;
use sampling::TokenId;
use sampling::candidates::Candidates;
use sampling::params::{ParamError, ParamSpec, ParamValue, SamplingParams};
use sampling::pipeline::{Pipeline, SequenceStart};
use sampling::stages::StepContext;
use sampling::trace::{ChoiceTrace, StageTrace};
use serde_json::{Value, json};
use text::Tokenizer;

/// Serves requests from standard input.
///
/// # Errors
/// When the file with the tokenizer cannot be read, or standard input or output fails.
pub fn run(flags: &ArgMatches) -> Result<(), Failure> {
    let named = flags.contains_id("model");
    let tokenizer = named.then(|| open_flags::tokenizer(flags)).transpose()?;
    let mut candidates = Candidates::new();
    let answer = |request: &Value| answer(request, tokenizer.as_ref(), &mut candidates);
    Ok(jsonl::serve(std::io::stdin().lock(), std::io::stdout().lock(), answer)?)
}

fn answer(
    request: &Value,
    tokenizer: Option<&Tokenizer>,
    candidates: &mut Candidates,
) -> Result<Value, RequestError> {
    let logits = logits(&request["logits"])?;
    let prompt = token_ids("prompt", &request["prompt"])?;
    let previous = token_ids("previous", &request["previous"])?;
    let mut params = params(request, tokenizer)?;
    params.check_vocabulary(logits.len()).map_err(parameter_error)?;
    resolve_texts(&mut params, tokenizer)?;
    let step = match &request["step"] {
        Value::Null => previous.len() as u64,
        value => value
            .as_u64()
            .ok_or_else(|| RequestError::parameter("step", "`step` must be a whole number"))?,
    };
    let start = SequenceStart {
        prompt: &prompt,
        generated: &previous,
        eos_ids: &[],
        seed: params.seed().unwrap_or(0),
        choice_index: 0,
        stage_state: &[],
    };
    let mut pipeline = Pipeline::new(&params, &start);
    let mut trace = ChoiceTrace::new(0);
    let context = StepContext { prompt: &prompt, generated: &previous, step, mask: None };
    let choice = pipeline
        .choose(candidates, &logits, &context, Some(&mut trace))
        .map_err(|error| RequestError::parameter("logits", error.to_string()))?;
    let softmax = candidates.softmax();
    let probs: Vec<Value> =
        (0..softmax.ids.len()).map(|index| from_f64(softmax.probability(index))).collect();
    Ok(json!({
        "tokens": softmax.ids,
        "probs": probs,
        "chosen": choice.token,
        "trace": trace.stages.iter().map(stage_json).collect::<Vec<Value>>(),
    }))
}

fn stage_json(stage: &StageTrace) -> Value {
    json!({
        "name": stage.name,
        "kept": stage.kept_count,
        "mass": from_f64(stage.kept_mass),
        "threshold": stage.threshold.map_or(Value::Null, from_f64),
    })
}

/// Logits are f32, whatever decimals a file wrote for them: rounding them is what makes another
/// program's short decimals the numbers that it used.
fn logits(value: &Value) -> Result<Vec<f32>, RequestError> {
    let problem = || {
        let rule = "`logits` must be a list of numbers; \"-inf\" forbids a token";
        RequestError::parameter("logits", rule)
    };
    let items = value.as_array().filter(|items| !items.is_empty()).ok_or_else(problem)?;
    items.iter().map(|item| Ok(to_f64(item).ok_or_else(problem)? as f32)).collect()
}

/// A list of token ids under `name`; absent is empty.
pub fn token_ids(name: &str, value: &Value) -> Result<Vec<TokenId>, RequestError> {
    let problem = || RequestError::parameter(name, format!("`{name}` must be a list of token ids"));
    if value.is_null() {
        return Ok(Vec::new());
    }
    let id = |item: &Value| item.as_u64().and_then(|id| TokenId::try_from(id).ok());
    let items = value.as_array().ok_or_else(problem)?;
    items.iter().map(|item| id(item).ok_or_else(problem)).collect()
}

fn resolve_texts(
    params: &mut SamplingParams,
    tokenizer: Option<&Tokenizer>,
) -> Result<(), RequestError> {
    match (params.unresolved_text(), tokenizer) {
        (None, _) => Ok(()),
        (Some(_), Some(tokenizer)) => {
            params.resolve_texts(&TokenizerVocabulary(tokenizer)).map_err(parameter_error)
        }
        (Some(name), None) => {
            let message = format!("`{name}` holds a text: give a tokenizer with --model");
            Err(RequestError::parameter(name, message))
        }
    }
}

fn params(request: &Value, tokenizer: Option<&Tokenizer>) -> Result<SamplingParams, RequestError> {
    let mut values = Vec::new();
    match &request["params"] {
        Value::Null => {}
        Value::Object(entries) => values.extend(entries.iter()),
        _ => {
            let rule = "`params` must be an object of parameters";
            return Err(RequestError::parameter("params", rule));
        }
    }
    // Parameters count wherever they stand.
    let outside = request.as_object().into_iter().flatten();
    values.extend(outside.filter(|(name, _)| ParamSpec::find(name).is_some()));
    let breakers = ParamSpec::find("dry_sequence_breakers").expect("the table has it");
    let given = values.iter().any(|(name, _)| breakers.names().any(|known| known == name.as_str()));
    // The usual breakers are texts, which nobody here can look up without a tokenizer.
    let no_breakers =
        (!given && tokenizer.is_none()).then(|| (breakers.name, ParamValue::List(Vec::new())));
    let values = values
        .into_iter()
        .filter_map(|(name, value)| Some((name.as_str(), param_values::from_json(value)?)));
    let values: Vec<(&str, ParamValue)> = values.chain(no_breakers).collect();
    let params = SamplingParams::from_values(values.clone()).map_err(parameter_error)?;
    match &request["defaults"] {
        Value::Null | Value::Bool(false) => Ok(params),
        Value::Bool(true) => with_defaults(values, params),
        _ => Err(RequestError::parameter("defaults", "`defaults` must be true or false")),
    }
}

/// The parameters with the defaults of their profile, where the request names nothing.
fn with_defaults(
    mut values: Vec<(&str, ParamValue)>,
    params: SamplingParams,
) -> Result<SamplingParams, RequestError> {
    let canonical = |name: &str| ParamSpec::find(name).map(|spec| spec.name);
    let given: Vec<_> = values.iter().filter_map(|(name, _)| canonical(name)).collect();
    let defaults = params.profile().defaults.iter().cloned();
    values.extend(defaults.filter(|(name, _)| !given.contains(name)));
    SamplingParams::from_values(values).map_err(parameter_error)
}

/// An error of the parameter table as a line's error.
pub fn parameter_error(error: ParamError) -> RequestError {
    RequestError::parameter(&error.param, error.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(request: Value) -> Value {
        answer(&request, None, &mut Candidates::new()).unwrap_or_else(|error| error.to_json())
    }

    #[test]
    fn top_k_then_softmax() {
        let reply = ask(json!({
            "logits": [2.0, 1.0, "-inf", 0.0], "params": {"top_k": 2, "seed": 7}
        }));
        assert_eq!(reply["tokens"], json!([0, 1]));
        let first = reply["probs"][0].as_f64().expect("a number");
        assert!((first - 0.731_058_578_630_004_9).abs() < 1e-9, "{first}");
        assert_eq!(reply["trace"][0]["name"], "top_k");
        assert_eq!(reply["trace"][0]["kept"], 2);
    }

    #[test]
    fn dry_without_breakers_needs_no_tokenizer() {
        let mut request = json!({
            "logits": [1.0, 1.0, 1.0], "previous": [0, 1, 2, 0, 1], "dry_multiplier": 1.0,
            "dry_allowed_length": 2, "dry_base": 2.0
        });
        let probability = |reply: &Value| reply["probs"][2].as_f64().expect("a number");
        assert!((probability(&ask(request.clone())) - 0.155_362).abs() < 1e-6);
        request["dry_sequence_breakers"] = json!(["x"]);
        assert_eq!(ask(request)["error"]["param"], "dry_sequence_breakers");
    }

    #[test]
    fn a_profile_sets_ties_scopes_and_on_request_its_defaults() {
        let request = |profile: &str, params: Value| {
            let logits = [1.0, 0.5, 0.5, 0.0];
            json!({"logits": logits, "profile": profile, "params": params})
        };
        assert_eq!(ask(request("vllm", json!({"top_k": 2})))["tokens"], json!([0, 1, 2]));
        assert_eq!(ask(request("llama.cpp", json!({"top_k": 2})))["tokens"], json!([0, 1]));
        let mut repeated = request("vllm", json!({"presence_penalty": 1, "top_k": 1}));
        repeated["prompt"] = json!([0]);
        assert_eq!(ask(repeated.clone())["tokens"], json!([0]));
        repeated["profile"] = json!("llama.cpp");
        assert_eq!(ask(repeated)["tokens"], json!([1]), "its penalties see the prompt");
        let mut greedy = request("hf", json!({}));
        assert_eq!(ask(greedy.clone())["tokens"], json!([0, 1, 2, 3]));
        greedy["defaults"] = json!(true);
        assert_eq!(ask(greedy)["tokens"], json!([0]));
    }

    #[test]
    fn what_cannot_be_sampled_is_refused_by_name() {
        for (request, param) in [
            (json!({"logits": [1.0, "nan"]}), "logits"),
            (json!({"logits": ["-inf"]}), "logits"),
            (json!({"logits": []}), "logits"),
            (json!({"logits": [1.0], "params": {"top_p": -1}}), "top_p"),
            (json!({"logits": [1.0], "profile": "ollama"}), "profile"),
            (json!({"logits": [1.0], "profile": 3}), "profile"),
            (json!({"logits": [1.0], "previous": ["a"]}), "previous"),
            (json!({"logits": [1.0], "temperature": -1}), "temperature"),
            (json!({"logits": [1.0], "params": {"samplers": [null]}}), "samplers"),
            (json!({"logits": [1.0], "params": {"logit_bias": {"9": 1}}}), "logit_bias"),
            (json!({"logits": [1.0], "params": {"logit_bias": {"a": 1}}}), "logit_bias"),
        ] {
            assert_eq!(ask(request)["error"]["param"], param);
        }
    }
}
