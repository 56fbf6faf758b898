//! What clients may send: refused in one message, within a time, without a panic.

use crate::support::{byte_vocabulary, compile, mask};
use grammar::{GrammarError, GrammarSource};
use proptest::prelude::*;
use serde_json::{Value, json};

fn refused(source: GrammarSource) -> String {
    let vocabulary = byte_vocabulary(&[]);
    compile(&vocabulary, &source).expect_err("it is refused").to_string()
}

#[test]
fn regexes_that_explode_are_refused_or_cheap() {
    let explosive = [
        "(a|a)*b(a|aa){50}(a|b){400}c".to_string(),
        "(.*a.*b.*c.*d.*e.*f){40}".to_string(),
        "((((a{60}){60}){60}){60}){60}".to_string(),
        "(?:[01]*1[01]{24})".to_string(),
        format!("({})", vec!["[a-z]{1,900}x"; 200].join("|")),
        "a".repeat(100_000),
    ];
    let vocabulary = byte_vocabulary(&[]);
    for regex in explosive {
        let shown: String = regex.chars().take(40).collect();
        if let Ok(grammar) = compile(&vocabulary, &GrammarSource::Regex(regex)) {
            let mut matcher = grammar.matcher();
            for _ in 0..40 {
                let Some(&token) = mask(&mut matcher, 256).first() else { break };
                matcher.accept(token).expect("the mask allowed it");
            }
            println!("{shown}: followed");
        }
    }
}

#[test]
fn what_cannot_be_read_is_told() {
    let regex = |text: &str| refused(GrammarSource::Regex(text.to_string()));
    assert!(regex("a(").contains("unclosed group"), "{}", regex("a("));
    assert!(regex(r"(a)\1").starts_with("regex: "), "{}", regex(r"(a)\1"));
    for text in ["\\", "a\\", r"a\\\"] {
        assert!(regex(text).contains("backslash at its end"), "{text:?}: {}", regex(text));
    }
    let lark = |text: &str| refused(GrammarSource::Lark(text.to_string()));
    for text in [
        "",
        "start",
        "start: undefined_rule",
        "start: start",
        "a: \"b\"",
        "%import x",
        "start: <|x|>",
    ] {
        assert!(lark(text).starts_with("lark: "), "{text:?}: {}", lark(text));
        assert!(!lark(text).contains("panic"), "{text:?}: {}", lark(text));
    }
    assert!(lark("start: <|eos|>").starts_with("lark: "));
    assert!(lark("start[max_tokens=3]: /a+/").contains("max_tokens"));
    assert!(lark("start: %json {\"type\": \"null\"}").contains("inside of a grammar"));
    assert!(lark("start[stop=\"b\"]: /a+/").contains("stop"));
}

#[test]
fn schemas_that_contradict_or_never_end_are_refused() {
    let schema = |schema: Value| refused(GrammarSource::JsonSchema(schema));
    let contradictory = [
        json!(false),
        json!({"type": "string", "minLength": 5, "maxLength": 2}),
        json!({"type": "integer", "minimum": 5, "maximum": 2}),
        json!({"allOf": [{"type": "string"}, {"type": "null"}]}),
        json!({"type": "array", "items": false, "minItems": 1}),
        json!({"type": "object", "properties": {"a": false}, "required": ["a"]}),
        json!({"enum": []}),
        json!({"$ref": "#"}),
        json!({"$defs": {"n": {"type": "object", "properties": {"n": {"$ref": "#/$defs/n"}},
            "required": ["n"]}}, "$ref": "#/$defs/n"}),
        json!({"anyOf": [{"$ref": "#"}]}),
    ];
    for value in contradictory {
        let message = schema(value.clone());
        assert!(message.starts_with("json_schema: "), "{value}: {message}");
    }
    let overlapping = json!({"oneOf": [{"type": "integer"}, {"minimum": 2}]});
    assert!(schema(overlapping).contains("use `anyOf`"));
}

#[test]
fn large_schemas_are_refused_or_cheap() {
    let vocabulary = byte_vocabulary(&[]);
    let many: serde_json::Map<String, Value> =
        (0..900).map(|index| (format!("p{index}"), json!({"type": "string"}))).collect();
    let names: Vec<Value> = many.keys().map(|name| json!(name)).collect();
    let mut nested = json!({"type": "integer"});
    for _ in 0..9 {
        nested = json!({"type": "array", "items": nested, "minItems": 4096});
    }
    let schemas = [
        json!({"type": "object", "properties": many, "required": names}),
        json!({"type": "string", "minLength": 65536}),
        json!({"type": "array", "minItems": 4096, "maxItems": 4096, "items": {"type": "null"}}),
        nested,
        json!({"type": "string", "pattern": "^(([a-z])+.)+[A-Z]([a-z])+$", "maxLength": 60000}),
    ];
    for value in schemas {
        match compile(&vocabulary, &GrammarSource::JsonSchema(value)) {
            Ok(grammar) => assert!(grammar.document_tokens_min() > 1),
            Err(error) => assert!(error.to_string().starts_with("json_schema: "), "{error}"),
        }
    }
}

/// Values that look like schemas.
fn schema_like() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(true)),
        Just(json!(false)),
        Just(json!({})),
        Just(json!(null)),
        (-3i64..9).prop_map(|number| json!(number)),
        "[a-z$#/\u{e9}]{0,6}".prop_map(|text| json!(text)),
        Just(json!({"$ref": "#"})),
        Just(json!({"type": "integer"})),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let keyword = prop::sample::select(vec![
            "type",
            "properties",
            "items",
            "anyOf",
            "oneOf",
            "allOf",
            "enum",
            "const",
            "required",
            "minItems",
            "maxItems",
            "minLength",
            "pattern",
            "format",
            "minimum",
            "maximum",
            "multipleOf",
            "additionalProperties",
            "patternProperties",
            "$ref",
            "$defs",
            "prefixItems",
            "minProperties",
            "exclusiveMinimum",
            "not",
            "title",
        ]);
        let entries = prop::collection::vec((keyword, inner.clone()), 0..4);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::Array),
            entries.prop_map(|entries| {
                let named = entries.into_iter().map(|(name, value)| (name.to_string(), value));
                Value::Object(named.collect())
            }),
        ]
    })
}

fn cases(count: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(count) }
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn any_schema_is_refused_or_can_be_closed(value in schema_like()) {
        let vocabulary = byte_vocabulary(&[]);
        match compile(&vocabulary, &GrammarSource::JsonSchema(value)) {
            Err(GrammarError::TooLarge { .. } | GrammarError::Schema { .. }) => {}
            Err(error) => prop_assert!(error.to_string().starts_with("json_schema: ")),
            Ok(grammar) => {
                let closing = grammar.matcher().closing(usize::MAX).unwrap().expect("a closing");
                let mut matcher = grammar.matcher();
                for token in closing {
                    prop_assert!(mask(&mut matcher, 256).contains(&token));
                    matcher.accept(token).unwrap();
                }
                prop_assert!(matcher.is_accepting());
            }
        }
    }

    #[test]
    fn any_text_is_refused_or_compiles(text in "[a-c(){}\\[\\]|*+?.,:/\"\\\\ \n0-9%]{0,40}") {
        let vocabulary = byte_vocabulary(&[]);
        for source in [GrammarSource::Regex(text.clone()), GrammarSource::Lark(text)] {
            if let Ok(grammar) = compile(&vocabulary, &source) {
                prop_assert!(grammar.document_tokens_min() < 1000);
            }
        }
    }
}
