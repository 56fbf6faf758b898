//! What requests for chats and for plain completions have in common.

use super::field_table::{self, Routes, Treatment};
use crate::openai::fields::{Fields, wrong_type};
use crate::openai::limits::{
    COMPLETION_LOGPROBS_MAX, DEADLINE_MS_MAX, METADATA_CHARS_MAX, METADATA_MAX, NAME_BYTES_MAX,
    STOPS_MAX, UNKNOWN_FIELDS_MAX,
};
use answers::{RequestError, param_values, structured};
use engine::limits::TRACE_CANDIDATES_MAX;
use grammar::GrammarSource;
use sampling::params::{ParamError, ParamSpec, ParamValue, SamplingParams};
use serde_json::{Map, Value, json};

/// Candidates per list of a trace whose request says only that it wants one.
const TRACE_CANDIDATES: usize = 10;

/// The fields that both routes have, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Wishes {
    /// The model's name.
    pub model: Option<String>,
    /// Parameters, under the names they were given.
    pub values: Vec<(String, ParamValue)>,
    /// The shape of the answer.
    pub shape: Option<GrammarSource>,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// Whether a last chunk counts the tokens.
    pub include_usage: bool,
    /// A preset of the limit.
    pub length: Option<String>,
    /// A word for the ledger.
    pub tag: Option<String>,
    /// What the answer is for.
    pub scenario: Option<String>,
    /// Candidates per list of the trace, where one is wanted.
    pub trace: Option<usize>,
    /// When the answer ends at the latest, in milliseconds from now.
    pub deadline_ms: Option<u64>,
    /// A saved state to go on from.
    pub resume: Option<Value>,
    /// Whether a state to go on from is wanted.
    pub return_state: bool,
    /// Whether a receipt is wanted.
    pub receipt: bool,
    /// What changes nothing here, as entries of `jeton.warnings`.
    pub warnings: Vec<Value>,
    /// Fields that nobody knows, the first of them.
    pub unknown_fields: Vec<String>,
}

/// Reads the common fields of a request for that route.
///
/// # Errors
/// When a field has the wrong type, is out of range, or is one that is refused.
pub fn wishes(object: &Map<String, Value>, route: Routes) -> Result<Wishes, RequestError> {
    let read = own_wishes(object, route)?;
    check_values(&read.values)?;
    Ok(read)
}

/// Reads the same fields for a route that is not OpenAI's: the ranges of the table of parameters
/// count, which are wider.
///
/// # Errors
/// As [`wishes`], but for values that only OpenAI's API refuses.
pub fn own_wishes(object: &Map<String, Value>, route: Routes) -> Result<Wishes, RequestError> {
    let fields = Fields::top(object);
    refuse_fields(object, &fields, route)?;
    let values = values(object, &fields, route)?;
    let stream = fields.flag("stream")?.unwrap_or(false);
    let tag = fields.short_text("tag", NAME_BYTES_MAX)?;
    let tag = tag.or(metadata_tag(&fields, route)?);
    check_response_format(&fields)?;
    let resume = fields.object("resume")?.map(|state| Value::Object(state.clone()));
    Ok(Wishes {
        model: fields.short_text("model", NAME_BYTES_MAX)?,
        values,
        shape: shape(object)?,
        stream,
        include_usage: include_usage(&fields, stream)?,
        length: fields.short_text("length", NAME_BYTES_MAX)?,
        tag,
        scenario: fields.short_text("scenario", NAME_BYTES_MAX)?,
        trace: trace(&fields)?,
        deadline_ms: fields.whole("deadline_ms", 1, DEADLINE_MS_MAX)?,
        resume,
        return_state: fields.flag("return_state")?.unwrap_or(false),
        receipt: fields.flag("receipt")?.unwrap_or(false),
        warnings: warnings(object, route),
        unknown_fields: unknown_fields(object, route),
    })
}

impl Wishes {
    /// How many alternatives are wanted with each log-probability; none where none are wanted.
    pub fn top_logprobs(&self) -> Option<usize> {
        let is_wanted = ("logprobs".to_owned(), ParamValue::Bool(true));
        self.values.contains(&is_wanted).then(|| self.count("top_logprobs").unwrap_or(0))
    }

    /// The whole number that the request gave for a parameter, under any of its names.
    pub fn count(&self, name: &str) -> Option<usize> {
        let is_it = |given: &str| ParamSpec::find(given).is_some_and(|spec| spec.name == name);
        let (_, value) = self.values.iter().find(|(given, _)| is_it(given))?;
        usize::try_from(value.integer()?).ok()
    }
}

fn refuse_fields(
    object: &Map<String, Value>,
    fields: &Fields,
    route: Routes,
) -> Result<(), RequestError> {
    for (name, value) in object.iter().filter(|(_, value)| !value.is_null()) {
        let Some(field) = field_table::find(name, route) else { continue };
        // An empty suffix asks for nothing.
        if field.treatment == Treatment::Refused && value != "" {
            return Err(fields.refuse(name, field.help));
        }
    }
    Ok(())
}

/// The parameters of the table that the request names, in its order.
fn values(
    object: &Map<String, Value>,
    fields: &Fields,
    route: Routes,
) -> Result<Vec<(String, ParamValue)>, RequestError> {
    let mut values = Vec::new();
    let both = [fields.get("max_tokens"), fields.get("max_completion_tokens")];
    if let [Some(one), Some(other)] = both
        && one != other
    {
        let rule = "and `max_completion_tokens` are the same limit: give one of them, or the same";
        return Err(fields.refuse("max_tokens", rule));
    }
    for (name, value) in object {
        let is_said = name == "max_completion_tokens" && fields.get("max_tokens").is_some();
        if ParamSpec::find(name).is_none() || is_said {
            continue;
        }
        if name == "logprobs" && route == Routes::Completions {
            let count = fields.whole(name, 0, COMPLETION_LOGPROBS_MAX)?;
            if let Some(count) = count {
                values.push((name.clone(), ParamValue::Bool(true)));
                values.push(("top_logprobs".to_owned(), ParamValue::Int(i128::from(count))));
            }
        } else if let Some(value) = param_values::from_json(value) {
            values.push((name.clone(), value));
        }
    }
    Ok(values)
}

/// Holds the parameters against the table, and against OpenAI's narrower ranges unless the request
/// names a profile: who names one knows whose ranges are meant.
fn check_values(values: &[(String, ParamValue)]) -> Result<(), RequestError> {
    let refused = |error: ParamError| RequestError::parameter(&error.param, error.message);
    let params = SamplingParams::from_values(values.to_vec()).map_err(refused)?;
    if values.iter().any(|(name, _)| name == "profile") {
        return Ok(());
    }
    params.check_openai_ranges().map_err(refused)?;
    let count = params.stop().len();
    if count > STOPS_MAX {
        let message = format!("`stop` must have at most {STOPS_MAX} texts; given {count}");
        return Err(RequestError::parameter("stop", message));
    }
    Ok(())
}

fn include_usage(fields: &Fields, stream: bool) -> Result<bool, RequestError> {
    const FIELD: &str = "stream_options";
    let Some(options) = fields.get(FIELD) else { return Ok(false) };
    if !stream {
        return Err(fields.refuse(FIELD, "is only allowed when `stream` is true"));
    }
    let options = Fields::inside(options, FIELD, FIELD)?;
    options.flag("include_obfuscation")?;
    Ok(options.flag("include_usage")?.unwrap_or(false))
}

fn trace(fields: &Fields) -> Result<Option<usize>, RequestError> {
    match fields.get("trace") {
        None | Some(Value::Bool(false)) => Ok(None),
        Some(Value::Bool(true)) => Ok(Some(TRACE_CANDIDATES)),
        Some(value @ Value::Number(_)) => {
            let count = value.as_u64().and_then(|count| usize::try_from(count).ok());
            let count = count.filter(|count| *count <= TRACE_CANDIDATES_MAX);
            let rule = format!("true, false or a whole number in [0, {TRACE_CANDIDATES_MAX}]");
            count.map(Some).ok_or_else(|| wrong_type("trace", "trace", &rule, value))
        }
        Some(other) => Err(wrong_type("trace", "trace", "true, false or a whole number", other)),
    }
}

/// Checks what OpenAI requires of a `response_format` beyond what makes a grammar.
fn check_response_format(fields: &Fields) -> Result<(), RequestError> {
    const FIELD: &str = "response_format";
    let Some(value) = fields.get(FIELD) else { return Ok(()) };
    let format = Fields::inside(value, FIELD, FIELD)?;
    let kinds = ["text", "json_object", "json_schema"];
    let kind = format.word("type", &kinds)?.ok_or_else(|| format.missing("type"))?;
    if kind != "json_schema" {
        return Ok(());
    }
    let inner = format.get("json_schema").ok_or_else(|| format.missing("json_schema"))?;
    let inner = Fields::inside(inner, FIELD, "response_format.json_schema")?;
    let name = inner.short_text("name", 64)?.ok_or_else(|| inner.missing("name"))?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !name.bytes().all(is_plain) {
        return Err(inner.refuse("name", "may have only a-z, A-Z, 0-9, _ and -"));
    }
    inner.flag("strict")?;
    inner.text("description")?;
    inner.object("schema")?.ok_or_else(|| inner.missing("schema"))?;
    Ok(())
}

/// The tag among the request's metadata, which is checked as a whole.
fn metadata_tag(fields: &Fields, route: Routes) -> Result<Option<String>, RequestError> {
    const FIELD: &str = "metadata";
    let Some(entries) = fields.object(FIELD)?.filter(|_| route == Routes::Chat) else {
        return Ok(None);
    };
    if entries.len() > METADATA_MAX {
        let rule = format!("must have at most {METADATA_MAX} entries; given {}", entries.len());
        return Err(fields.refuse(FIELD, rule));
    }
    let (key_max, value_max) = METADATA_CHARS_MAX;
    for (key, value) in entries {
        let text = value.as_str().filter(|text| text.chars().count() <= value_max);
        if key.chars().count() > key_max || text.is_none() {
            let rule = format!(
                "must map names of at most {key_max} characters to texts of at most {value_max}"
            );
            return Err(fields.refuse(FIELD, rule));
        }
    }
    let inner = Fields::inside(fields.get(FIELD).unwrap_or(&Value::Null), FIELD, FIELD)?;
    inner.short_text("tag", NAME_BYTES_MAX)
}

/// The shape that the request asks for, under whichever of its names.
fn shape(object: &Map<String, Value>) -> Result<Option<GrammarSource>, RequestError> {
    let given = structured::FIELDS.iter().filter_map(|name| Some((*name, object.get(*name)?)));
    let given: Map<String, Value> =
        given.map(|(name, value)| (name.to_owned(), value.clone())).collect();
    structured::from_json(&Value::Object(given))
}

/// Known fields that change nothing, where somebody may think that they do.
fn warnings(object: &Map<String, Value>, route: Routes) -> Vec<Value> {
    let given = object.iter().filter(|(_, value)| !value.is_null() && **value != false);
    let warned = given.filter_map(|(name, _)| {
        let field = field_table::find(name, route)?;
        let message = format!("`{name}` changes nothing here. {}", field.help);
        (field.treatment == Treatment::Warned).then(|| warning(&[name], &message))
    });
    warned.collect()
}

/// An entry of `jeton.warnings` about something that changes nothing.
pub fn warning(names: &[&str], message: &str) -> Value {
    json!({
        "code": "field_without_effect",
        "kind": "no_effect",
        "parameters": names,
        "message": message,
    })
}

/// Names that are in no table, the first few, cut where they are long.
fn unknown_fields(object: &Map<String, Value>, route: Routes) -> Vec<String> {
    let is_known =
        |name: &str| field_table::find(name, route).is_some() || ParamSpec::find(name).is_some();
    let unknown = object.iter().filter(|(name, value)| !value.is_null() && !is_known(name));
    let shown = unknown.map(|(name, _)| name.chars().take(64).collect());
    shown.take(UNKNOWN_FIELDS_MAX).collect()
}

#[cfg(test)]
#[path = "wishes_tests.rs"]
mod tests;
