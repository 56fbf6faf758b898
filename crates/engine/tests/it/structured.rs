//! A document is complete within every limit that its shortest form fits, through every path.

use crate::world::{END, THE, VOCAB_SIZE, bytes, greedy, int, params, tokenizer};
use engine::collect::Collector;
use engine::{Completion, Engine, EngineConfig, GenerateRequest, Rejection, Speculation};
use grammar::{Grammar, GrammarSource, GrammarVocabulary, Limits};
use model::{ScriptedModel, TokenId};
use proptest::prelude::*;
use sampling::params::ParamValue;
use sampling::stop::{FinishReason, StopReason};
use serde_json::{Value, json};
use std::sync::{Arc, OnceLock};

fn vocabulary() -> &'static Arc<GrammarVocabulary> {
    static VOCABULARY: OnceLock<Arc<GrammarVocabulary>> = OnceLock::new();
    VOCABULARY.get_or_init(|| Arc::new(GrammarVocabulary::new(&tokenizer()).expect("pieces")))
}

fn compiled(source: &GrammarSource) -> Arc<Grammar> {
    Arc::new(Grammar::compile(vocabulary(), source, &Limits::default()).expect("a good grammar"))
}

fn schema(schema: Value) -> Arc<Grammar> {
    compiled(&GrammarSource::JsonSchema(schema))
}

/// Small letters, as many as one likes.
pub fn letters() -> Arc<Grammar> {
    compiled(&GrammarSource::Regex("[a-z]*".to_owned()))
}

fn engine(config: EngineConfig, seed: u64) -> Engine {
    let model = ScriptedModel::new(VOCAB_SIZE, 400).with_seed(seed);
    Engine::new(Box::new(model), tokenizer(), config).expect("a good configuration")
}

fn run(engine: &mut Engine, requests: Vec<GenerateRequest>) -> Vec<Completion> {
    let collectors: Vec<Collector> = requests.iter().map(|_| Collector::default()).collect();
    for (request, collector) in requests.into_iter().zip(&collectors) {
        engine.submit(request, collector.sink()).expect("it is accepted");
    }
    engine.run_until_idle();
    collectors.iter().map(|collector| collector.take().expect("finished")).collect()
}

fn request(grammar: &Arc<Grammar>, max_tokens: usize, seed: u64) -> GenerateRequest {
    let params = params([("max_tokens", int(max_tokens))]);
    let request = GenerateRequest::new(bytes("tell me"), params, seed);
    GenerateRequest { grammar: Some(Arc::clone(grammar)), ..request }
}

/// Only what the schemas of [`any_schema`] use, as the specification says it.
fn is_valid(schema: &Value, value: &Value) -> bool {
    if let Some(options) = schema["anyOf"].as_array() {
        return options.iter().any(|option| is_valid(option, value));
    }
    if let Some(options) = schema["enum"].as_array() {
        return options.contains(value);
    }
    let count = |name: &str, default: u64| schema[name].as_u64().unwrap_or(default) as usize;
    match schema["type"].as_str() {
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.as_f64().is_some_and(|number| {
            // Digits without end are a whole number too.
            let minimum = schema["minimum"].as_f64().unwrap_or(f64::MIN);
            number.fract() == 0.0 && number >= minimum
        }),
        Some("string") => value.as_str().is_some_and(|text| {
            (count("minLength", 0)..=count("maxLength", 999)).contains(&text.chars().count())
        }),
        Some("array") => value.as_array().is_some_and(|entries| {
            (count("minItems", 0)..=count("maxItems", 999)).contains(&entries.len())
                && entries.iter().all(|entry| is_valid(&schema["items"], entry))
        }),
        _ => value.as_object().is_some_and(|entries| {
            let properties = schema["properties"].as_object().expect("an object's schema");
            let required = schema["required"].as_array().expect("an object's schema");
            required.iter().all(|name| entries.contains_key(name.as_str().expect("a name")))
                && entries.iter().all(|(name, entry)| {
                    properties.get(name).is_some_and(|property| is_valid(property, entry))
                })
        }),
    }
}

fn any_schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({"type": "null"})),
        Just(json!({"type": "boolean"})),
        (-9i64..300).prop_map(|minimum| json!({"type": "integer", "minimum": minimum})),
        (0u64..6, 0u64..6).prop_map(|(min, more)| {
            json!({"type": "string", "minLength": min, "maxLength": min + more})
        }),
        Just(json!({"enum": ["the", 12, null, ["x"], "a\"b"]})),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let list = (inner.clone(), 0u64..3, 0u64..3).prop_map(|(items, min, more)| {
            json!({"type": "array", "items": items, "minItems": min, "maxItems": min + more})
        });
        let properties = prop::collection::vec((inner.clone(), any::<bool>()), 0..4);
        let object = properties.prop_map(|properties| {
            let named = properties
                .iter()
                .enumerate()
                .map(|(index, (schema, _))| (format!("p{index}"), schema.clone()));
            let properties_json: serde_json::Map<String, Value> = named.collect();
            let wanted = properties.iter().enumerate().filter(|(_, (_, required))| *required);
            let required: Vec<String> = wanted.map(|(index, _)| format!("p{index}")).collect();
            json!({"type": "object", "properties": properties_json, "required": required,
                "additionalProperties": false})
        });
        let any_of = prop::collection::vec(inner, 1..3).prop_map(|any| json!({"anyOf": any}));
        prop_oneof![list, object, any_of]
    })
}

/// Configurations under which the tokens must be the same: small steps, memory that is soon full.
fn configurations() -> Vec<EngineConfig> {
    let config = |step_tokens_max, kv_blocks_max| EngineConfig {
        kv_block_tokens: 4,
        step_tokens_max,
        kv_blocks_max,
        sequences_max: 4.min(step_tokens_max),
        ..EngineConfig::default()
    };
    vec![config(512, 400), config(7, 400), config(4, 110)]
}

fn cases(count: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(count) }
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn a_document_is_valid_within_its_limit_or_refused(
        wish in any_schema(), spare in 0usize..60, seed in 0u64..1000,
    ) {
        let grammar = schema(wish.clone());
        let needed = grammar.document_tokens_min();
        let too_small = request(&grammar, needed.saturating_sub(1).max(1), seed);
        if needed > 1 {
            let mut engine = engine(EngineConfig::default(), seed);
            let refused = engine.submit(too_small, Collector::default().sink());
            let refused_rightly = matches!(
                refused,
                Err(Rejection::DocumentTooLong { needed_tokens, .. }) if needed_tokens == needed
            );
            prop_assert!(refused_rightly);
        }
        let mut expected: Option<Vec<Vec<TokenId>>> = None;
        for (index, config) in configurations().into_iter().enumerate() {
            let mut engine = engine(config, seed);
            let mut requests: Vec<GenerateRequest> =
                (0..3).map(|other| request(&grammar, needed + spare, seed + other)).collect();
            if index == 1 {
                requests.iter_mut().for_each(|request| request.speculation = Speculation::Lookup);
            }
            let completions = run(&mut engine, requests);
            for completion in &completions {
                let value: Value = serde_json::from_str(&completion.text)
                    .unwrap_or_else(|error| panic!("{wish}: {:?}: {error}", completion.text));
                prop_assert!(is_valid(&wish, &value), "{wish}: {}", completion.text);
                let report = completion.finished.grammar.expect("a grammar was asked for");
                prop_assert!(report.complete);
                prop_assert!(completion.finished.ids.len() <= needed + spare);
            }
            let ids: Vec<Vec<TokenId>> =
                completions.iter().map(|completion| completion.finished.ids.clone()).collect();
            prop_assert_eq!(expected.get_or_insert_with(|| ids.clone()), &ids);
        }
    }
}

#[test]
fn a_complete_document_ends_the_request() {
    let grammar = compiled(&GrammarSource::Choice(vec!["the".into(), "thing".into()]));
    let model = ScriptedModel::new(VOCAB_SIZE, 100)
        .with_outputs(vec![(bytes("say"), [bytes("thing"), vec![END]].concat())]);
    let mut engine = Engine::new(Box::new(model), tokenizer(), EngineConfig::default()).unwrap();
    let mut wish = GenerateRequest::new(bytes("say"), greedy(9, []), 0);
    wish.grammar = Some(Arc::clone(&grammar));
    let completion = run(&mut engine, vec![wish.clone()]).remove(0);
    assert_eq!(completion.text, "thing");
    assert_eq!(completion.finished.stop_reason, StopReason::GrammarComplete);
    assert_eq!(completion.finished.finish_reason, FinishReason::Stop);
    assert!(!wish.prefix_safe());
    // With two tokens only the short text can be closed: `the` is one token.
    wish.params = greedy(2, []);
    let completion = run(&mut engine, vec![wish]).remove(0);
    assert_eq!(completion.finished.ids, [THE]);
    let report = completion.finished.grammar.expect("a grammar was asked for");
    assert_eq!((report.complete, report.closing_tokens), (true, 1));
}

#[test]
fn the_end_token_comes_only_where_the_document_is_complete() {
    let grammar = compiled(&GrammarSource::Regex("(ab)+".to_string()));
    // A model that wants nothing but to end.
    let model = ScriptedModel::new(VOCAB_SIZE, 100)
        .with_script(|_, logits| logits[END as usize] = ScriptedModel::FAVOURED_LOGIT);
    let mut engine = Engine::new(Box::new(model), tokenizer(), EngineConfig::default()).unwrap();
    let mut wish = GenerateRequest::new(bytes("say"), greedy(9, []), 0);
    wish.grammar = Some(Arc::clone(&grammar));
    let completion = run(&mut engine, vec![wish.clone()]).remove(0);
    assert_eq!((completion.text.as_str(), completion.finished.ids.len()), ("ab", 3));
    assert_eq!(completion.finished.stop_reason, StopReason::Eos(END));
    // Where it is ignored the text goes on to the last place where it is complete.
    wish.params = greedy(9, [("ignore_eos", ParamValue::Bool(true))]);
    let completion = run(&mut engine, vec![wish.clone()]).remove(0);
    assert_eq!(completion.text, "abababab");
    assert!(completion.finished.grammar.expect("asked for").complete);
    // A token of text cannot be what ends it.
    wish.params = greedy(9, [("stop_token_ids", ParamValue::List(vec![int(b'a'.into())]))]);
    let refused = engine.submit(wish, Collector::default().sink()).unwrap_err();
    assert_eq!(refused.param(), Some("stop_token_ids"));
}

#[test]
fn a_document_goes_on_where_it_was_left() {
    let grammar = schema(json!({"type": "array", "items": {"type": "integer"}, "maxItems": 9}));
    let whole = run(&mut engine(EngineConfig::default(), 5), vec![request(&grammar, 30, 5)]);
    let whole = &whole[0].finished.ids;
    let mut rest = request(&grammar, 30, 5);
    rest.generated = whole[..whole.len() / 2].to_vec();
    let resumed = run(&mut engine(EngineConfig::default(), 5), vec![rest.clone()]).remove(0);
    assert_eq!(&resumed.finished.ids, whole);
    rest.generated = whole.clone();
    rest.params = params([("max_tokens", int(40))]);
    let ended = run(&mut engine(EngineConfig::default(), 5), vec![rest.clone()]).remove(0);
    assert_eq!(ended.finished.stop_reason, StopReason::GrammarComplete);
    rest.generated = bytes("x");
    let unfit = run(&mut engine(EngineConfig::default(), 5), vec![rest]).remove(0);
    assert_eq!(unfit.finished.finish_reason, FinishReason::Error);
}
