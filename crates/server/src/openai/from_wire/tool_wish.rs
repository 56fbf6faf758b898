//! The tools of a request and how they may be used.

use crate::openai::fields::Fields;
use crate::openai::limits::{TOOL_NAME_BYTES_MAX, TOOL_SCHEMA_BYTES_MAX, TOOLS_MAX};
use answers::RequestError;
use serde_json::{Value, json};

/// What a request says about tools.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolWish {
    /// The tools, in the order given; those that `tool_choice` leaves out are not there.
    pub tools: Vec<Tool>,
    /// Whether they are used.
    pub choice: ToolChoice,
    /// Whether an answer may call more than once.
    pub parallel: bool,
}

/// A function that the model may call.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// The JSON Schema of its arguments; an empty object's where none was given.
    pub parameters: Value,
    /// Whether the arguments must be valid under the schema.
    pub strict: bool,
    /// As it was given, for the template.
    pub given: Value,
}

/// Whether tools are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolChoice {
    /// The model writes text, and is told of no tools.
    None,
    /// The model decides.
    Auto,
    /// The answer is a call of one of the tools.
    Required,
}

/// What the request says; none without tools.
///
/// # Errors
/// When a tool or the choice is not what it must be.
pub fn tool_wish(request: &Fields) -> Result<Option<ToolWish>, RequestError> {
    let list = request.list("tools", TOOLS_MAX)?.map(Vec::as_slice).unwrap_or_default();
    let tools = list.iter().enumerate().map(|(index, value)| tool(index, value));
    let tools: Vec<Tool> = tools.collect::<Result<_, _>>()?;
    for (index, tool) in tools.iter().enumerate() {
        if tools[..index].iter().any(|earlier| earlier.name == tool.name) {
            let rule = format!("must have different names; given {:?} twice", tool.name);
            return Err(request.refuse("tools", rule));
        }
    }
    let parallel = request.flag("parallel_tool_calls")?.unwrap_or(true);
    let wish = ToolWish { tools, choice: ToolChoice::Auto, parallel };
    let wish = chosen(request, wish)?;
    Ok(Some(wish).filter(|wish| !wish.tools.is_empty()))
}

fn tool(index: usize, value: &Value) -> Result<Tool, RequestError> {
    let path = format!("tools[{index}]");
    let fields = Fields::inside(value, "tools", &path)?;
    match fields.required_text("type")? {
        "function" => {}
        "custom" => {
            let rule = "must be function: tools with free text as their input are not supported";
            return Err(fields.refuse("type", rule));
        }
        _ => fields.word("type", &["function"]).map(|_| ())?,
    }
    let function = fields.get("function").ok_or_else(|| fields.missing("function"))?;
    let path = fields.path("function");
    let function = Fields::inside(function, "tools", &path)?;
    let name = function.required_text("name")?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !(1..=TOOL_NAME_BYTES_MAX).contains(&name.len()) || !name.bytes().all(is_plain) {
        let rule = format!(
            "must have 1 to {TOOL_NAME_BYTES_MAX} characters out of a-z, A-Z, 0-9, _ and -"
        );
        return Err(function.refuse("name", rule));
    }
    function.text("description")?;
    let parameters = match function.object("parameters")? {
        Some(schema) => Value::Object(schema.clone()),
        None => json!({"type": "object", "properties": {}}),
    };
    let bytes = parameters.to_string().len();
    if bytes > TOOL_SCHEMA_BYTES_MAX {
        let rule = format!("must have at most {TOOL_SCHEMA_BYTES_MAX} bytes; given {bytes}");
        return Err(function.refuse("parameters", rule));
    }
    let strict = function.flag("strict")?.unwrap_or(false);
    Ok(Tool { name: name.to_owned(), parameters, strict, given: value.clone() })
}

/// The wish under the request's `tool_choice`.
fn chosen(request: &Fields, wish: ToolWish) -> Result<ToolWish, RequestError> {
    const FIELD: &str = "tool_choice";
    let with = |choice| Ok(ToolWish { choice, ..wish.clone() });
    let Some(value) = request.get(FIELD) else { return Ok(wish) };
    if let Some(word) = value.as_str() {
        let choice = match word {
            "none" => ToolChoice::None,
            "auto" => ToolChoice::Auto,
            "required" => ToolChoice::Required,
            _ => {
                let shown: String = word.chars().take(40).collect();
                let rule = "must be none, auto, required or an object that names a tool; given";
                return Err(request.refuse(FIELD, format!("{rule} {shown:?}")));
            }
        };
        if choice == ToolChoice::Required && wish.tools.is_empty() {
            return Err(request.refuse(FIELD, "needs `tools` when it is required"));
        }
        return with(choice);
    }
    let fields = Fields::inside(value, FIELD, FIELD)?;
    match fields.required_text("type")? {
        "allowed_tools" => {
            let inner = fields.get("allowed_tools").unwrap_or(value);
            let path = fields.path("allowed_tools");
            let inner = Fields::inside(inner, FIELD, &path)?;
            let choice = match inner.word("mode", &["auto", "required"])? {
                Some("required") => ToolChoice::Required,
                _ => ToolChoice::Auto,
            };
            let list = inner.list("tools", TOOLS_MAX)?.ok_or_else(|| inner.missing("tools"))?;
            let names: Vec<&str> = list.iter().filter_map(|tool| function_name(tool)).collect();
            if names.len() < list.len() || names.is_empty() {
                return Err(inner.refuse("tools", "must name functions, at least one"));
            }
            only(&fields, wish.clone(), choice, &names)
        }
        "function" => {
            let name = function_name(value);
            let name = name.ok_or_else(|| fields.missing("function.name"))?;
            only(&fields, wish.clone(), ToolChoice::Required, &[name])
        }
        _ => {
            fields.word("type", &["function", "allowed_tools"])?;
            with(ToolChoice::Auto)
        }
    }
}

fn function_name(value: &Value) -> Option<&str> {
    value.get("function")?.get("name")?.as_str()
}

/// The wish with these of its tools alone.
fn only(
    fields: &Fields,
    mut wish: ToolWish,
    choice: ToolChoice,
    names: &[&str],
) -> Result<ToolWish, RequestError> {
    let is_known = |name: &&&str| wish.tools.iter().any(|tool| tool.name == **name);
    if let Some(name) = names.iter().find(|name| !is_known(name)) {
        let shown: String = name.chars().take(TOOL_NAME_BYTES_MAX).collect();
        let message = format!("`tool_choice` must name one of `tools`; given {shown:?}");
        let _ = fields;
        return Err(RequestError::parameter("tool_choice", message));
    }
    wish.tools.retain(|tool| names.contains(&tool.name.as_str()));
    Ok(ToolWish { choice, ..wish })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(name: &str) -> Value {
        json!({"type": "function", "function": {"name": name, "parameters": {"type": "object"}}})
    }

    fn read(request: Value) -> Result<Option<ToolWish>, RequestError> {
        tool_wish(&Fields::top(request.as_object().expect("an object")))
    }

    fn wish(choice: Value) -> ToolWish {
        let tools = [function("f"), function("g")];
        let wish = read(json!({"tools": tools, "tool_choice": choice}));
        wish.expect("valid").expect("there are tools")
    }

    #[test]
    fn choices_say_which_tools_and_whether() {
        let names = |wish: &ToolWish| -> Vec<String> {
            wish.tools.iter().map(|tool| tool.name.clone()).collect()
        };
        for (given, choice) in [
            (Value::Null, ToolChoice::Auto),
            (json!("auto"), ToolChoice::Auto),
            (json!("none"), ToolChoice::None),
            (json!("required"), ToolChoice::Required),
        ] {
            let wish = wish(given);
            assert_eq!((wish.choice, names(&wish).len()), (choice, 2));
        }
        let named = wish(json!({"type": "function", "function": {"name": "g"}}));
        assert_eq!((named.choice, names(&named)), (ToolChoice::Required, vec!["g".to_owned()]));
        let allowed = json!({"mode": "auto", "tools": [function("f")]});
        let allowed = wish(json!({"type": "allowed_tools", "allowed_tools": allowed}));
        assert_eq!((allowed.choice, names(&allowed)), (ToolChoice::Auto, vec!["f".to_owned()]));
        assert_eq!(read(json!({"tools": [], "tool_choice": "auto"})), Ok(None));
        assert_eq!(read(json!({})), Ok(None));
    }

    #[test]
    fn tools_without_parameters_take_none() {
        let tools = json!([{"type": "function", "function": {"name": "f"}}]);
        let wish = read(json!({"tools": tools})).expect("valid").expect("a tool");
        assert_eq!(wish.tools[0].parameters, json!({"type": "object", "properties": {}}));
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        let many: Vec<Value> = (0..129).map(|index| function(&format!("f{index}"))).collect();
        let unknown = json!({"type": "function", "function": {"name": "x"}});
        for (request, param, words) in [
            (json!({"tools": many}), "tools", "at most 128"),
            (json!({"tools": [function("f"), function("f")]}), "tools", "\"f\" twice"),
            (json!({"tools": [function("a b")]}), "tools", "`tools[0].function.name`"),
            (json!({"tools": [function("")]}), "tools", "1 to 64 characters"),
            (json!({"tools": [{"type": "custom"}]}), "tools", "must be function"),
            (json!({"tools": [{"type": "function"}]}), "tools", "`tools[0].function` is missing"),
            (json!({"tools": [function("f")], "tool_choice": "any"}), "tool_choice", "\"any\""),
            (json!({"tools": [function("f")], "tool_choice": unknown}), "tool_choice", "\"x\""),
            (json!({"tool_choice": "required"}), "tool_choice", "needs `tools`"),
            (json!({"parallel_tool_calls": 1}), "parallel_tool_calls", "a boolean"),
        ] {
            let error = read(request).expect_err(words);
            assert_eq!(error.param.as_deref(), Some(param));
            assert!(error.message.contains(words), "{}", error.message);
        }
    }
}
