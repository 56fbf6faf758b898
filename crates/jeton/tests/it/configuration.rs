//! `jeton config`: checks, shows, and what it prints is right by its own word.

use super::{jeton, jeton_with_input};
use serde_json::Value;

#[test]
fn the_example_that_it_prints_is_right() {
    let example = jeton(&["config", "example"]);
    assert_eq!(example.code, 0, "{}", example.err);
    let check = jeton_with_input(&["config", "check", "-"], &example.out);
    assert_eq!((check.code, check.err.as_str()), (0, ""));
    let words =
        "standard input is right: 1 model, 3 presets, 8 default rules, 2 scenarios, 2 plans\n";
    assert_eq!(check.out, words);
    let shown = jeton_with_input(&["config", "show", "-"], &example.out);
    let shown: Value = serde_json::from_str(&shown.out).expect("JSON");
    assert_eq!(shown["limits"]["max_tokens"]["max"], 1000);
    assert_eq!(shown["server"]["body_bytes_max"], 8 << 20);
    let schema = jeton(&["config", "schema"]);
    let schema: Value = serde_json::from_str(&schema.out).expect("JSON");
    assert!(schema["properties"]["limits"].is_object());
}

#[test]
fn everything_that_is_wrong_is_told_with_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("jeton.yaml");
    std::fs::write(&path, "limits:\n  max_token: {max: 5}\nserver: {port: 99999}\n")
        .expect("a file");
    let path = path.to_string_lossy();
    let check = jeton(&["config", "check", &path]);
    assert_eq!((check.code, check.out.as_str()), (2, ""));
    let expected = format!(
        "{path}:2:3: limits.max_token: is not a key here; did you mean `max_tokens`?\n\
         {path}:3:16: server.port: must be a whole number from 0 to 65535; given 99999\n\
         error: {path}: 2 problems\n"
    );
    assert_eq!(check.err, expected);
    let check = jeton(&["config", "check", &path, "--json"]);
    let told: Value = serde_json::from_str(&check.out).expect("JSON");
    assert_eq!((check.code, &told["ok"]), (2, &Value::Bool(false)));
    assert_eq!(told["problems"][1]["line"], 3);
    assert_eq!(told["problems"][1]["path"], "server.port");
    assert_eq!(jeton(&["config", "check", "/nowhere/jeton.yaml"]).code, 2);
}
