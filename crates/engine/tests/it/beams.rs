//! Beam searches among other requests, on a model without weights: the hypotheses are those of a
//! search that knows neither batches nor blocks.

use crate::paths::{Company, Path, all_paths};
use crate::world::{
    Recipe, VOCAB_SIZE, beam_oracle, bytes, int, params, request, texts, tokenizer,
};
use engine::collect::Collector;
use engine::{Completion, Engine, EngineConfig, Event, GenerateRequest, Interruption, Rejection};
use engine::{LimitOverflow, event_channel};
use model::{ScriptedModel, TokenId};
use sampling::candidates::ChooseError;
use sampling::params::ParamValue;
use sampling::stop::{FinishReason, StopReason};

/// A beam search that returns all its hypotheses.
fn beams<const N: usize>(
    prompt: &[TokenId],
    num_beams: usize,
    max_tokens: usize,
    values: [(&str, ParamValue); N],
) -> GenerateRequest {
    let base = [
        ("num_beams", int(num_beams)),
        ("num_return_sequences", int(num_beams)),
        ("max_tokens", int(max_tokens)),
    ];
    let values = base.into_iter().chain(values);
    let params = sampling::params::SamplingParams::from_values(values).expect("valid parameters");
    request(prompt, params)
}

/// What holds for every finished search.
fn check(recipe: &Recipe, request: &GenerateRequest, completion: &Completion) {
    let expected = beam_oracle(recipe, request);
    let finished = &completion.finished;
    assert_eq!(finished.interruption, None);
    assert_eq!(finished.beams.len(), expected.len());
    for (found, expected) in finished.beams.iter().zip(&expected) {
        assert_eq!(found.ids, expected.ids);
        assert_eq!(found.score.to_bits(), expected.score.to_bits(), "{found:?}");
        assert_eq!(found.sum_logprob.to_bits(), expected.sum_logprob.to_bits());
        assert_eq!(found.stop_reason, expected.stop);
    }
    let best = &finished.beams[0];
    assert_eq!((&finished.ids, &completion.text), (&best.ids, &best.text));
    assert_eq!(finished.stop_reason, best.stop_reason);
    assert_eq!(finished.usage.completion_tokens, best.ids.len());
    let told: Vec<TokenId> = completion.tokens.iter().map(|token| token.id).collect();
    assert_eq!(told, best.ids);
}

#[test]
fn hypotheses_are_the_same_on_every_path() {
    let recipe = Recipe::hashed(64);
    let penalty = ("length_penalty", ParamValue::Float(0.6));
    let never = ("early_stopping", ParamValue::Str("never".to_string()));
    let processed = [
        ("repetition_penalty", ParamValue::Float(1.3)),
        ("no_repeat_ngram_size", int(2)),
        ("min_tokens", int(3)),
    ];
    let requests = [
        beams(&[5; 12], 4, 12, []),
        beams(&[7; 9], 3, 20, [penalty, never]),
        beams(&[7; 9], 2, 9, processed),
        beams(&[5; 12], 6, 7, [("num_beam_groups", int(3)), ("diversity_penalty", int(1))]),
        beams(&[8; 5], 3, 6, [("beam_method", ParamValue::Str("textbook".to_string()))]),
        beams(&[8; 5], 4, 30, [("stop", texts(&["a", "the", "\u{e9}"]))]),
    ];
    let mut preempted_count = 0;
    for request in &requests {
        for path in all_paths() {
            let path = Path { step_tokens_max: path.step_tokens_max.max(6), ..path };
            if path.company == Company::TinyPool {
                continue;
            }
            let completion = path.run(&recipe, request);
            check(&recipe, request, &completion);
            preempted_count += completion.finished.usage.preempted_count;
        }
    }
    assert_eq!(preempted_count, 0, "these pools are large");
}

/// An engine whose pool holds a search alone and little more.
fn small_engine(recipe: &Recipe, kv_block_tokens: usize, prefix_sharing: bool) -> Engine {
    let config = EngineConfig {
        kv_block_tokens,
        kv_blocks_max: 128 / kv_block_tokens,
        step_tokens_max: 9,
        sequences_max: 9,
        prefix_sharing,
        ..EngineConfig::default()
    };
    Engine::new(Box::new(recipe.build()), tokenizer(), config).expect("a good configuration")
}

#[test]
fn a_search_that_is_preempted_goes_on_as_if_nothing_had_been() {
    let recipe = Recipe::hashed(100);
    let search = beams(&[5; 22], 4, 18, [("length_penalty", ParamValue::Float(0.0))]);
    let mut preempted_count = 0;
    for (kv_block_tokens, prefix_sharing) in [(1, true), (4, false), (4, true), (8, true)] {
        let mut engine = small_engine(&recipe, kv_block_tokens, prefix_sharing);
        let ignore = ("ignore_eos", ParamValue::Bool(true));
        let first = request(&[6; 10], params([("max_tokens", int(80)), ignore]));
        let others = Collector::default();
        engine.submit(first, others.sink()).expect("accepted");
        // When the search comes, the other holds half of the memory.
        for _ in 0..50 {
            engine.step();
        }
        let collector = Collector::default();
        engine.submit(search.clone(), collector.sink()).expect("accepted");
        while !engine.is_idle() {
            engine.step();
            engine.check_accounts();
        }
        let completion = collector.take().expect("finished");
        check(&recipe, &search, &completion);
        preempted_count += completion.finished.usage.preempted_count;
        assert_eq!(engine.report().kv_blocks_free, 128 / kv_block_tokens, "all is given back");
    }
    assert!(preempted_count >= 3, "{preempted_count}");
}

#[test]
fn common_beginnings_are_computed_once_also_after_a_preemption() {
    let model = ScriptedModel::new(VOCAB_SIZE, 200);
    let counters = model.counters();
    let config = EngineConfig {
        kv_block_tokens: 4,
        kv_blocks_max: 40,
        prefix_sharing: false,
        ..EngineConfig::default()
    };
    let mut engine = Engine::new(Box::new(model), tokenizer(), config).expect("good");
    let ignore = || ("ignore_eos", ParamValue::Bool(true));
    let first = request(&[6; 10], params([("max_tokens", int(100)), ignore()]));
    let others = Collector::default();
    engine.submit(first, others.sink()).expect("accepted");
    for _ in 0..55 {
        engine.step();
    }
    let collector = Collector::default();
    let search = beams(&[5; 61], 4, 20, [ignore()]);
    engine.submit(search, collector.sink()).expect("accepted");
    engine.run_until_idle();
    let finished = collector.take().expect("finished").finished;
    let preempted_count = finished.usage.preempted_count;
    assert!(preempted_count > 0);
    // The prompt once per run, and per step a row for each of four hypotheses; a preemption has at
    // most four texts of 20 tokens computed again.
    let most = 110 + (61 + 4 * 20) * (1 + preempted_count);
    assert!(counters.rows() <= most, "{} rows; {preempted_count} preemptions", counters.rows());
}

#[test]
fn hypotheses_share_the_blocks_of_what_they_have_in_common() {
    let recipe = Recipe::hashed(400);
    let config = EngineConfig { kv_block_tokens: 4, kv_blocks_max: 300, ..EngineConfig::default() };
    let mut engine =
        Engine::new(Box::new(recipe.build()), tokenizer(), config).expect("a good configuration");
    let collector = Collector::default();
    let ignore = ("ignore_eos", ParamValue::Bool(true));
    engine.submit(beams(&[9; 200], 8, 24, [ignore]), collector.sink()).expect("accepted");
    let mut most_held = 0;
    while !engine.is_idle() {
        engine.step();
        most_held = most_held.max(300 - engine.report().kv_blocks_free);
    }
    // 50 blocks of the prompt, and at most 6 for each of eight texts; unshared it would be 448.
    assert!((50..=98).contains(&most_held), "{most_held} blocks");
    assert_eq!(engine.report().kv_blocks_free, 300);
}

#[test]
fn a_search_can_be_cancelled_at_any_step() {
    let recipe = Recipe::hashed(100);
    for steps in 0..8 {
        let mut engine = small_engine(&recipe, 4, true);
        let collector = Collector::default();
        let ignore = ("ignore_eos", ParamValue::Bool(true));
        let id =
            engine.submit(beams(&[9; 20], 4, 9, [ignore]), collector.sink()).expect("accepted");
        for _ in 0..steps {
            engine.step();
        }
        assert!(engine.cancel(id));
        let finished = collector.take().expect("finished").finished;
        assert_eq!(finished.interruption, Some(Interruption::Cancelled));
        assert!(finished.ids.is_empty() && finished.beams.is_empty());
        assert_eq!(engine.report().kv_blocks_free, 32);
        engine.check_accounts();
    }
}

#[test]
fn a_reader_with_little_room_gets_the_rest_with_the_end() {
    let recipe = Recipe::hashed(100);
    let mut engine = small_engine(&recipe, 4, true);
    let ignore = ("ignore_eos", ParamValue::Bool(true));
    let search = beams(&bytes("once"), 3, 12, [ignore]);
    let (sink, events) = event_channel(5);
    engine.submit(search.clone(), sink).expect("accepted");
    engine.run_until_idle();
    let (mut text, mut told, mut best) = (String::new(), 0, None);
    for event in events {
        match event {
            Event::Token(token) => {
                text.push_str(&token.text);
                told += 1;
            }
            Event::Finished(finished) => {
                text.push_str(&finished.text);
                best = Some(finished.beams[0].clone());
                assert_eq!(finished.finish_reason, FinishReason::Length);
                assert_eq!(finished.ids.len(), 12);
            }
            _ => {}
        }
    }
    assert_eq!(told, 4, "one place was for the start");
    assert_eq!(text, best.expect("finished").text);
}

#[test]
fn the_tree_leads_to_every_hypothesis() {
    let recipe = Recipe::hashed(100);
    let mut engine = small_engine(&recipe, 4, true);
    let mut search = beams(&bytes("once"), 4, 10, []);
    search.beam_tree = true;
    let finished = engine.complete(search).expect("accepted").finished;
    let tree = finished.beam_tree.expect("it was asked for");
    assert!(!tree.is_cut && tree.steps.len() <= 10);
    let mut ended = Vec::new();
    let mut live: Vec<Vec<TokenId>> = vec![Vec::new()];
    for step in &tree.steps {
        let grown = |parent: usize, token| [live[parent].as_slice(), &[token]].concat();
        ended.extend(step.ended.iter().map(|end| (grown(end.parent, end.token), end.score)));
        live = step.live.iter().map(|next| grown(next.parent, next.token)).collect();
    }
    assert!(live.is_empty(), "nothing lives past the end");
    for hypothesis in &finished.beams {
        assert!(ended.contains(&(hypothesis.ids.clone(), hypothesis.score)));
    }
}

#[test]
fn what_a_search_cannot_be_is_refused_by_name() {
    let recipe = Recipe::hashed(100);
    let mut engine = small_engine(&recipe, 4, true);
    let mut refused = |param: &str, says: &str, request: GenerateRequest| {
        let rejection = engine.submit(request, Collector::default().sink()).expect_err(param);
        assert_eq!(rejection.param(), Some(param), "{rejection}");
        assert!(rejection.to_string().contains(says), "{rejection}");
        assert!(matches!(rejection, Rejection::Param(_)));
    };
    let good = beams(&[1; 9], 4, 5, []);
    refused("trace", "`num_beams` above 1", GenerateRequest { trace: Some(1), ..good.clone() });
    let scored = GenerateRequest { prompt_logprobs: Some(1), ..good.clone() };
    refused("prompt_logprobs", "`num_beams` above 1", scored);
    let resumed = GenerateRequest { generated: vec![4], ..good.clone() };
    refused("generated", "`num_beams` above 1", resumed);
    refused("num_beams", "at most 9", beams(&[1; 9], 10, 5, []));
    // 128 positions: 8 shared, and 12 for each of nine hypotheses and the rest of the prompt.
    let large = GenerateRequest { on_overflow: LimitOverflow::Refuse, ..beams(&[1; 9], 9, 12, []) };
    refused("num_beams", "room for 11 new tokens", large.clone());
    let shrunk = GenerateRequest { on_overflow: LimitOverflow::Shrink, ..large };
    let completion = engine.complete(shrunk).expect("its limit is fitted");
    assert_eq!(completion.started.expect("it ran").completion_tokens_max, 11);
    assert!(completion.finished.beams.iter().all(|beam| beam.ids.len() <= 11));
    let at_limit = |beam: &&engine::BeamHypothesis| beam.ids.len() == 11;
    for beam in completion.finished.beams.iter().filter(at_limit) {
        assert!(matches!(beam.stop_reason, StopReason::ContextFull | StopReason::Eos(_)));
    }
}

#[test]
fn logits_that_are_no_numbers_end_a_search() {
    let script = |history: &[u32], logits: &mut [f32]| {
        if history.len() == 7 {
            logits[5] = f32::NAN;
        }
    };
    let model = ScriptedModel::new(VOCAB_SIZE, 96).with_script(script);
    let mut engine = Engine::new(Box::new(model), tokenizer(), EngineConfig::default())
        .expect("a good configuration");
    let finished = engine.complete(beams(&[1; 4], 3, 9, [])).expect("accepted").finished;
    let bad = Interruption::BadLogits(ChooseError::NotANumber { id: 5 });
    assert_eq!(finished.interruption, Some(bad));
    assert!(finished.beams.is_empty() && engine.is_idle());
}
