//! What is refused, and what the refusal says.

use crate::world::{END, Recipe, VOCAB_SIZE, greedy, int, params, request, tokenizer};
use engine::collect::Collector;
use engine::rejection::ContextSetBy;
use engine::{ConfigError, Engine, EngineConfig, GenerateRequest, LimitOverflow, LimitSetBy};
use engine::{Rejection, event_channel};
use sampling::params::ParamValue;

fn small_engine() -> Engine {
    let config = EngineConfig {
        kv_blocks_max: 2,
        sequences_max: 1,
        queue_requests_max: 2,
        ..EngineConfig::default()
    };
    engine_with(config, 100)
}

fn engine_with(config: EngineConfig, context_tokens_max: usize) -> Engine {
    let model = Recipe::hashed(context_tokens_max).build();
    Engine::new(Box::new(model), tokenizer(), config).expect("a good configuration")
}

fn refusal(engine: &mut Engine, request: GenerateRequest) -> Rejection {
    let (sink, mut events) = event_channel(10);
    let rejection = engine.submit(request, sink).expect_err("it must be refused");
    assert!(events.next().is_none(), "nothing is told about a refused request");
    assert!(engine.is_idle());
    rejection
}

#[test]
fn prompts_are_checked() {
    let mut engine = small_engine();
    assert_eq!(refusal(&mut engine, request(&[], greedy(1, []))), Rejection::EmptyPrompt);
    let outside = refusal(&mut engine, request(&[1, VOCAB_SIZE as u32], greedy(1, [])));
    let message = "the prompt must hold token ids below 262; given 262 at index 1";
    assert_eq!((outside.to_string().as_str(), outside.param()), (message, Some("prompt")));
}

#[test]
fn what_does_not_fit_is_refused_with_the_numbers() {
    let mut engine = small_engine();
    assert_eq!(engine.info().context_tokens_max, 32);
    let mut asked = request(&[1; 20], greedy(13, []));
    asked.on_overflow = LimitOverflow::Refuse;
    let rejection = refusal(&mut engine, asked.clone());
    assert_eq!(
        rejection.to_string(),
        "20 prompt tokens and 13 to generate are 33 tokens; \
         at most 32 fit the key-value memory of this engine"
    );
    assert_eq!(rejection.kind(), "context_length_exceeded");
    asked.params = greedy(12, []);
    let completion = engine.complete(asked).expect("12 fit");
    let started = completion.started.expect("it ran");
    assert_eq!(started.completion_tokens_max, 12);
    assert_eq!(started.limit_set_by, LimitSetBy::MaxTokens);

    // A prompt as long as the context leaves no room for an answer, whatever the limit.
    let full = request(&[1; 32], params([]));
    let expected = Rejection::ContextLengthExceeded {
        prompt_tokens: 32,
        completion_tokens: 1,
        context_tokens_max: 32,
        window: ContextSetBy::KvMemory,
    };
    assert_eq!(refusal(&mut engine, full), expected);
    let mut engine = engine_with(EngineConfig::default(), 40);
    let huge = request(&[1; 41], greedy(u32::MAX as usize, []));
    let message = refusal(&mut engine, huge).to_string();
    assert!(message.ends_with("at most 40 fit the model's context window"), "{message}");
}

#[test]
fn a_default_limit_is_shrunk_and_said_so() {
    let mut engine = small_engine();
    for params in [greedy(500, []), params([("temperature", int(0))])] {
        let completion = engine.complete(request(&[1; 20], params)).expect("accepted");
        let started = completion.started.expect("it ran");
        assert_eq!(started.completion_tokens_max, 12);
        assert_eq!(started.limit_set_by, LimitSetBy::Context);
        assert_eq!(completion.finished.ids.len(), 12);
    }
}

#[test]
fn ids_and_counts_out_of_range_are_refused_by_name() {
    let mut engine = small_engine();
    let mut scored = request(&[1], greedy(1, []));
    scored.prompt_logprobs = Some(21);
    let mut traced = request(&[1], greedy(1, []));
    traced.trace = Some(65);
    let stop_token = request(&[1], greedy(1, [("stop_token_ids", int(4000))]));
    let bias = ParamValue::Map(vec![("262".to_string(), ParamValue::Int(1))]);
    let bias = request(&[1], greedy(1, [("logit_bias", bias)]));
    for (request, param) in [
        (scored, "prompt_logprobs"),
        (traced, "trace"),
        (stop_token, "stop_token_ids"),
        (bias, "logit_bias"),
    ] {
        let rejection = refusal(&mut engine, request);
        assert_eq!(rejection.param(), Some(param));
        assert_eq!(rejection.kind(), "invalid_parameter");
        assert!(rejection.to_string().contains(param), "{rejection}");
    }
}

#[test]
fn a_full_queue_refuses_until_a_place_is_free() {
    let mut engine = small_engine();
    let collectors = [(); 3].map(|()| Collector::default());
    for collector in &collectors {
        engine.submit(request(&[1], greedy(2, [])), collector.sink()).expect("three places");
    }
    let fourth = request(&[1], greedy(2, []));
    let rejection = engine.submit(fourth.clone(), Collector::default().sink());
    assert_eq!(rejection, Err(Rejection::QueueFull { requests_max: 3 }));
    engine.step();
    engine.step();
    assert!(collectors[0].take().is_some());
    engine.submit(fourth, Collector::default().sink()).expect("a place is free again");
    engine.run_until_idle();
}

#[test]
fn engines_that_cannot_work_are_not_built() {
    let build = |config| {
        let model = Box::new(Recipe::hashed(10).build());
        Engine::new(model, tokenizer(), config).err()
    };
    let tokens = EngineConfig { kv_block_tokens: 24, ..EngineConfig::default() };
    assert_eq!(build(tokens), Some(ConfigError::NotAPowerOfTwo { given: 24 }));
    let eos = EngineConfig { eos_ids: Some(vec![END, 5000]), ..EngineConfig::default() };
    let error = ConfigError::EosOutsideVocabulary { id: 5000, vocab_size: VOCAB_SIZE };
    assert_eq!(build(eos), Some(error));
    let none = EngineConfig { kv_blocks_max: 0, ..EngineConfig::default() };
    let message = build(none).expect("it must be refused").to_string();
    assert_eq!(message, "`kv_blocks_max` must be in [1, 16777216]; given 0");
}

#[test]
fn the_end_ids_are_the_tokenizers_unless_told() {
    assert_eq!(engine_with(EngineConfig::default(), 10).info().eos_ids, [END]);
    let told = EngineConfig { eos_ids: Some(vec![65, 66]), ..EngineConfig::default() };
    assert_eq!(engine_with(told, 10).info().eos_ids, [65, 66]);
}
