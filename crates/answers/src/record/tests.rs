use super::read::record_from_json;
use super::*;
use proptest::prelude::*;
use serde_json::json;

/// A receipt that an earlier build wrote.
const RECEIPT: &str = include_str!("receipt.json");

fn receipt() -> Value {
    serde_json::from_str(RECEIPT).expect("it is JSON")
}

fn read(json: &Value) -> Result<Record, String> {
    record_from_json(json, &[Kind::Receipt, Kind::State])
}

/// Every place in a value, as a path of keys and indices.
fn places(value: &Value, here: &str, out: &mut Vec<String>) {
    out.push(here.to_owned());
    match value {
        Value::Object(entries) => {
            entries.iter().for_each(|(name, value)| places(value, &format!("{here}/{name}"), out));
        }
        Value::Array(items) => {
            let items = items.iter().enumerate().take(3);
            items.for_each(|(index, value)| places(value, &format!("{here}/{index}"), out));
        }
        _ => {}
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!({"regex": "a", "choice": ["b"]})),
        Just(json!([4_294_967_296_u64])),
    ]
}

proptest! {
    #[test]
    fn a_record_with_anything_anywhere_is_read_or_refused(
        place in any::<prop::sample::Index>(),
        value in any_value(),
    ) {
        let mut json = receipt();
        let mut all = Vec::new();
        places(&json, "", &mut all);
        let place: &String = place.get(&all);
        *json.pointer_mut(place).expect("the place is there") = value;
        if json.is_object() {
            json["sha256"] = Value::from(digest(&json));
        }
        if let Ok(record) = read(&json) {
            // What was read is refused or checked before anything is run.
            let _ = record.params();
        }
    }

    #[test]
    fn a_record_comes_back_as_it_was_written(
        prompt_ids in prop::collection::vec(any::<TokenId>(), 0..9),
        ids in prop::collection::vec(any::<TokenId>(), 0..9),
        seed in any::<u64>(),
        temperature in 0.0..100.0f64,
        number in prop::num::f64::NORMAL,
        is_state in any::<bool>(),
        start in prop::option::of(prop::sample::select(THINKING_STARTS.to_vec())),
    ) {
        let mut record = read(&receipt()).expect("a good receipt");
        let kind = if is_state { Kind::State } else { Kind::Receipt };
        record.prompt_ids = prompt_ids;
        record.thinking_start = start;
        record.seed = seed;
        // As a program with one kind of number would hand it on.
        let as_float = record.to_json(Kind::State, "")["seed"].as_f64();
        prop_assert!(as_float.is_none_or(|number| number as u64 == seed));
        record.choices[0].ids = ids;
        record.parameters.retain(|(name, _)| name != "temperature");
        record.parameters.push(("temperature".to_owned(), ParamValue::Float(temperature)));
        if is_state {
            record.choices[0].stage_state = vec![("mirostat.mu".to_owned(), number)];
        }
        let text = record.to_json(kind, "said").to_string();
        let again = serde_json::from_str(&text).expect("JSON");
        prop_assert_eq!(read(&again), Ok(record));
    }
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    assert_eq!(read(&json!(7)), Err("`format` must be jeton-receipt or jeton-state".to_owned()));
    for (place, value, says) in [
        ("/version", json!(2), "`version` must be 1; it is 2"),
        ("/prompt_ids", json!(["a"]), "`prompt_ids` is not as"),
        ("/model/weights_sha256", json!(1), "`model` is not as"),
        ("/computing/precision", json!("f8"), "`computing` is not as"),
        ("/computing/context", json!(0), "`computing` is not as"),
        ("/choices", json!([]), "`choices` must hold 1 to 1024"),
        ("/choices/0/ids/0", json!(-1), "`ids` is not as"),
        ("/text/keep_special", Value::Null, "`keep_special` is not as"),
        ("/thinking_start", json!("perhaps"), "`thinking_start` is not as"),
    ] {
        let mut json = receipt();
        json["thinking_start"] = Value::Null;
        *json.pointer_mut(place).expect(place) = value;
        json["sha256"] = Value::from(digest(&json));
        let message = read(&json).expect_err(place);
        assert!(message.contains(says), "{place}: {message}");
    }
    let state_only = record_from_json(&receipt(), &[Kind::State]);
    assert_eq!(state_only, Err("`format` must be jeton-state".to_owned()));
}

/// What JavaScript makes of a document that it reads and writes again: it has one kind of number.
fn through_javascript(value: &Value) -> Value {
    match value {
        Value::Number(number) => {
            let double = number.as_f64().expect("finite");
            let whole = double.fract() == 0.0 && double.abs() < 1e15;
            if whole { Value::from(double as i64) } else { Value::from(double) }
        }
        Value::Array(items) => items.iter().map(through_javascript).collect(),
        Value::Object(entries) => {
            entries.iter().map(|(name, value)| (name.clone(), through_javascript(value))).collect()
        }
        other => other.clone(),
    }
}

#[test]
fn a_record_survives_a_program_that_knows_one_kind_of_number() {
    let mut record = read(&receipt()).expect("a receipt");
    record.parameters.push(("temperature".to_owned(), ParamValue::Float(1.0)));
    record.parameters.push(("frequency_penalty".to_owned(), ParamValue::Float(-0.0)));
    record.choices[0].stage_state = vec![("mu".to_owned(), 10.0), ("nu".to_owned(), 0.1)];
    let written = record.to_json(Kind::State, "text");
    let back = read(&through_javascript(&written)).expect("its digest still fits");
    assert_eq!(back.choices, record.choices);
    let temperature = back.params().expect("valid").temperature();
    assert_eq!(temperature, 1.0);
}
