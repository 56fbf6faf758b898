//! What requests need: told before they run, and never taken in advance.

use crate::world::{Recipe, greedy, int, request, tokenizer};
use engine::collect::Collector;
use engine::{Engine, EngineConfig, LimitOverflow, LimitSetBy, Rejection};
use sampling::params::ParamValue;

fn engine_with(config: EngineConfig, recipe: &Recipe) -> Engine {
    Engine::new(Box::new(recipe.build()), tokenizer(), config).expect("a good configuration")
}

/// How 64 requests went that end after about 100 tokens.
#[derive(Debug, PartialEq)]
struct Course {
    steps: usize,
    rows: usize,
    blocks_held_max: usize,
    kv_taken_bytes: usize,
}

fn course(max_tokens: usize, has_schema: bool) -> Course {
    let prompts: Vec<Vec<u32>> = (0..64).map(|index| vec![97, index, 98]).collect();
    let outputs = prompts.iter().enumerate().map(|(index, prompt)| {
        // Its own letter some 100 times, then the end.
        let letter = b'a' as u32 + (index % 20) as u32;
        let mut output = vec![letter; 90 + index % 20];
        output.push(crate::world::END);
        (prompt.clone(), output)
    });
    let recipe = Recipe { context_tokens_max: 1 << 17, outputs: outputs.collect() };
    let config = EngineConfig { kv_blocks_max: 1024, ..EngineConfig::default() };
    let block_count = config.kv_blocks_max;
    let mut engine = engine_with(config, &recipe);
    let grammar = has_schema.then(crate::structured::letters);
    let collectors = prompts.iter().map(|prompt| {
        let mut asked = request(prompt, greedy(max_tokens, []));
        asked.grammar = grammar.clone();
        let collector = Collector::default();
        engine.submit(asked, collector.sink()).expect("accepted");
        collector
    });
    let collectors: Vec<Collector> = collectors.collect();
    let mut course = Course { steps: 0, rows: 0, blocks_held_max: 0, kv_taken_bytes: 0 };
    while !engine.is_idle() {
        let report = engine.step();
        course.steps += 1;
        course.rows += report.row_count;
        course.blocks_held_max = course.blocks_held_max.max(block_count - report.kv_blocks_free);
    }
    course.kv_taken_bytes = engine.kv_taken_bytes();
    for (index, collector) in collectors.iter().enumerate() {
        let ids = collector.take().expect("finished").finished.ids;
        assert_eq!(ids.len(), 91 + index % 20);
    }
    course
}

#[test]
fn a_large_limit_changes_neither_steps_nor_blocks() {
    let small = course(128, false);
    assert_eq!(course(16_000, false), small);
    assert!(small.steps < 140 && small.blocks_held_max < 64 * 8, "{small:?}");
}

#[test]
fn nor_does_it_where_a_grammar_watches_the_limit() {
    let small = course(128, true);
    assert_eq!(course(16_000, true), small);
}

#[test]
fn needs_are_told_with_their_numbers() {
    let config = EngineConfig { kv_blocks_max: 100, ..EngineConfig::default() };
    let engine = engine_with(config, &Recipe::hashed(2000));
    let info = engine.info();
    assert_eq!((info.kv_block_tokens, info.context_tokens_max), (16, 1600));
    let plain = info.memory_need(&request(&[1; 40], greedy(60, [])));
    assert_eq!((plain.completion_tokens_max, plain.kv_tokens, plain.kv_blocks), (60, 100, 7));
    assert_eq!((plain.kv_bytes, plain.kv_blocks_at_first), (7 * info.kv_block_bytes, 3));
    // Two whole blocks of the prompt are shared; each answer has five of its own.
    let many = info.memory_need(&request(&[1; 40], greedy(60, [("n", int(4))])));
    assert_eq!((many.kv_tokens, many.kv_blocks), (40 + 4 * 60, 2 + 4 * 5));
    assert_eq!((many.kv_blocks_at_first, many.event_bytes), (2 + 4, 4 * plain.event_bytes));
    let beams = info.memory_need(&request(&[1; 40], greedy(60, [("num_beams", int(4))])));
    assert_eq!(beams.kv_blocks, many.kv_blocks);
    let logprobs = [("logprobs", ParamValue::Bool(true)), ("top_logprobs", int(20))];
    let told = info.memory_need(&request(&[1; 40], greedy(60, logprobs)));
    assert!(told.event_bytes >= plain.event_bytes + 60 * 21 * 16, "{told:?}");
    let endless = info.memory_need(&request(&[1; 40], greedy(u32::MAX as usize, [])));
    assert_eq!((endless.completion_tokens_max, endless.kv_blocks), (1560, 100));
}

#[test]
fn what_cannot_be_kept_is_refused_or_shrunk() {
    let config = EngineConfig { request_event_bytes_max: 1 << 20, ..EngineConfig::default() };
    let mut engine = engine_with(config, &Recipe::hashed(40_000));
    let mut traced = request(&[1; 4], greedy(20_000, []));
    traced.on_overflow = LimitOverflow::Refuse;
    traced.trace = Some(64);
    let needed_bytes = engine.info().memory_need(&traced).event_bytes;
    let rejection = engine.submit(traced.clone(), Collector::default().sink());
    let Err(Rejection::EventsTooLarge { fitting, .. }) = rejection.clone() else {
        panic!("{rejection:?}");
    };
    assert!((5..100).contains(&fitting), "{fitting}");
    assert_eq!(
        rejection.expect_err("it is refused").to_string(),
        format!(
            "what is asked about each of 20000 tokens can take {needed_bytes} bytes; 1048576 may \
             be kept, which is enough for {fitting} tokens"
        )
    );
    traced.on_overflow = LimitOverflow::Shrink;
    let completion = engine.complete(traced.clone()).expect("it is shrunk");
    let started = completion.started.expect("it ran");
    assert_eq!(
        (started.completion_tokens_max, started.limit_set_by),
        (fitting, LimitSetBy::Context)
    );
    traced.params = greedy(fitting, []);
    assert!(engine.info().memory_need(&traced).event_bytes <= 1 << 20);
    engine.submit(traced, Collector::default().sink()).expect("so many fit");
    engine.run_until_idle();
    let plain = request(&[1; 4], greedy(3000, []));
    engine.submit(plain, Collector::default().sink()).expect("tokens alone are small");
    engine.run_until_idle();
}
