//! Whatever a body holds: it is read, or refused with a field and a reason, and nothing panics.

use super::chat::chat_request;
use super::completion::completion_request;
use super::field_table::WIRE_FIELDS;
use proptest::prelude::*;
use sampling::params::PARAMS;
use serde_json::{Map, Value, json};

/// Any JSON, small.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0u64..300).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z_{}<>\"é]{0,8}".prop_map(Value::from),
        prop_oneof![Just("text"), Just("function"), Just("json_schema"), Just("user")]
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        let key = prop_oneof![
            Just("type"),
            Just("function"),
            Just("name"),
            Just("schema"),
            Just("json_schema"),
            Just("role"),
            Just("content"),
            Just("text"),
            Just("tools"),
            Just("mode"),
            Just("x"),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..5).prop_map(|entries| {
                entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            }),
        ]
    })
}

/// The name of any field that a reader knows, or of none.
fn any_name() -> impl Strategy<Value = String> {
    let fields = WIRE_FIELDS.iter().map(|field| field.name);
    let params = PARAMS.iter().flat_map(|spec| spec.names());
    let names: Vec<&'static str> = fields.chain(params).chain(["unknown"]).collect();
    prop::sample::select(names).prop_map(str::to_owned)
}

proptest! {
    #[test]
    fn any_body_is_read_or_refused_by_name(
        fields in prop::collection::vec((any_name(), any_json()), 0..4),
        is_valid_else in any::<bool>(),
    ) {
        let mut body = Map::new();
        if is_valid_else {
            body.insert("messages".to_owned(), json!([{"role": "user", "content": "Hi"}]));
            body.insert("prompt".to_owned(), json!("Hi"));
        }
        body.extend(fields);
        for error in [chat_request(&body).err(), completion_request(&body).err()] {
            let Some(error) = error else { continue };
            let param = error.param.expect("a field");
            prop_assert!(!error.message.is_empty() && error.message.len() < 2_000);
            prop_assert!(!param.contains('.') && !param.contains('['), "{param}");
        }
    }
}
