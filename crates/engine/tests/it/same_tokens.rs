//! The promise of `docs/DETERMINISM.md` on a real model: whatever else runs, whatever the sizes of
//! chunks, blocks and pool, with and without shared prefixes and drafts, on any number of threads,
//! with any limit list and after any interruption, a request has the tokens of its lone run.
//!
//! Each day is drawn from a printed seed; `JETON_SIMULATION_SEED=n` runs one day again.

use crate::world::{Random, int, tokenizer};
use engine::collect::Collector;
use engine::views::replay;
use engine::{Completion, DraftModel, Engine, EngineConfig, GenerateRequest, Speculation};
use model::{LoadOptions, LoadedModel, ModelFile, TokenId};
use sampling::params::{ParamValue, SamplingParams};
use std::path::Path;

const DAYS: u64 = 10;
/// Longest prompt and output together, in tokens.
const CONTEXT_TOKENS: usize = 96;

fn model(threads: usize) -> LoadedModel {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/jeton-tiny.gguf");
    let file = ModelFile::open(&path).expect("the model that ships is in the repository");
    let context_tokens = Some(CONTEXT_TOKENS);
    let options = LoadOptions { threads, context_tokens, ..LoadOptions::default() };
    LoadedModel::load(&file, &options).expect("its weights are there")
}

/// Every way of choosing that has a memory or a draw of its own.
fn any_params(random: &mut Random) -> SamplingParams {
    let float = ParamValue::Float;
    let mut values = vec![("max_tokens", int(1 + random.below(28)))];
    values.extend(match random.below(10) {
        0 => vec![("temperature", int(0))],
        1 => vec![("temperature", float(0.9)), ("top_p", float(0.9)), ("top_k", int(50))],
        2 => vec![("frequency_penalty", float(1.2)), ("presence_penalty", float(0.4))],
        3 => vec![("repetition_penalty", float(1.3)), ("min_p", float(0.02))],
        4 => vec![("no_repeat_ngram_size", int(2)), ("typical_p", float(0.8))],
        5 => vec![("dry_multiplier", float(0.8)), ("repetition_penalty", float(1.1))],
        6 => vec![("xtc_probability", float(0.5)), ("xtc_threshold", float(0.1))],
        7 => vec![("dynatemp_range", float(0.5)), ("smoothing_factor", float(0.3))],
        8 => vec![("temperature", float(1.5)), ("top_n_sigma", float(1.5))],
        _ => Vec::new(),
    });
    if random.one_in(3) {
        let ids = (0..40).map(|_| int(random.below(3000))).collect();
        values.push(("stop_token_ids", ParamValue::List(ids)));
    }
    if random.one_in(2) {
        values.push(("ignore_eos", ParamValue::Bool(true)));
    }
    SamplingParams::from_values(values).expect("valid parameters")
}

fn any_request(random: &mut Random) -> GenerateRequest {
    let beginning: Vec<TokenId> = (0..random.pick(&[0, 16, 33])).map(|n| 300 + n % 7).collect();
    let own = (0..1 + random.below(20)).map(|_| random.below(3000) as TokenId);
    let prompt = beginning.into_iter().chain(own.collect::<Vec<_>>()).collect();
    let params = any_params(random);
    let mut request = GenerateRequest::new(prompt, params, random.next() % 4);
    request.choice_index = random.below(3) as u32;
    request.speculation = random.pick(&[Speculation::Off, Speculation::Lookup, Speculation::Model]);
    request.prompt_logprobs = random.one_in(8).then_some(1);
    request
}

fn any_engine(random: &mut Random) -> Engine {
    let kv_block_tokens = random.pick(&[1, 4, 16]);
    let longest = CONTEXT_TOKENS.div_ceil(kv_block_tokens);
    let step_tokens_max = random.pick(&[1, 7, 64]);
    let config = EngineConfig {
        kv_block_tokens,
        // One request always fits; two of them seldom do.
        kv_blocks_max: longest + random.below(longest / 2),
        step_tokens_max,
        sequences_max: step_tokens_max.min(5),
        prefix_sharing: !random.one_in(3),
        ..EngineConfig::default()
    };
    let model = Box::new(model(random.pick(&[1, 2, 3])));
    let engine = Engine::new(model, tokenizer(), config).expect("a good configuration");
    let name = "the same model".to_string();
    let draft = DraftModel { name, model: Box::new(self::model(1)), tokenizer: tokenizer() };
    engine.with_draft("the model", draft).expect("the same tokens")
}

/// The lone run: one request after the other, one thread, no drafts, nothing shared.
struct Alone(Engine);

impl Alone {
    fn new() -> Self {
        let config = EngineConfig { prefix_sharing: false, ..EngineConfig::default() };
        Alone(Engine::new(Box::new(model(1)), tokenizer(), config).expect("a good configuration"))
    }

    fn run(&mut self, request: &GenerateRequest) -> Completion {
        let mut request = request.clone();
        request.speculation = Speculation::Off;
        request.generated.clear();
        self.0.complete(request).expect("accepted")
    }
}

/// One day; its preemptions, right guesses, and tokens that were not generated again.
fn day(alone: &mut Alone, seed: u64) -> [usize; 3] {
    println!("JETON_SIMULATION_SEED={seed}");
    let mut random = Random(seed);
    let mut engine = any_engine(&mut random);
    let mut callers = Vec::new();
    let mut to_come = 6;
    while to_come > 0 || !engine.is_idle() {
        if to_come > 0 && random.one_in(3) {
            to_come -= 1;
            let mut request = any_request(&mut random);
            let expected = alone.run(&request);
            if random.one_in(4) {
                let cut = random.below(expected.finished.ids.len());
                request.generated = expected.finished.ids[..cut].to_vec();
            }
            let collector = Collector::default();
            let id = engine.submit(request.clone(), collector.sink()).expect("accepted");
            callers.push((id, request, expected, collector));
        }
        engine.step();
        if let Some((id, ..)) = callers.last().filter(|_| random.one_in(60)) {
            engine.cancel(*id);
        }
    }
    let mut seen = [0; 3];
    for (_, request, expected, collector) in callers {
        let completion = collector.take().expect("every request is finished");
        judge(alone, &mut random, &request, &expected, &completion);
        let usage = completion.finished.usage;
        seen[0] += usage.preempted_count;
        seen[1] += usage.accepted_draft_tokens;
        seen[2] += usage.resumed_tokens;
    }
    seen
}

fn judge(
    alone: &mut Alone,
    random: &mut Random,
    request: &GenerateRequest,
    expected: &Completion,
    completion: &Completion,
) {
    let (finished, wanted) = (&completion.finished, &expected.finished);
    if finished.interruption.is_some() {
        assert!(wanted.ids.starts_with(&finished.ids), "{request:?}");
        return;
    }
    assert_eq!(finished.ids, wanted.ids, "{request:?}");
    assert_eq!(completion.text, expected.text, "{request:?}");
    assert_eq!(finished.stop_reason, wanted.stop_reason, "{request:?}");
    let skipped = request.generated.len();
    let bits = |completion: &Completion, skipped: usize| -> Vec<u64> {
        let tokens = completion.tokens.iter().skip(skipped);
        tokens.map(|token| token.probability.to_bits()).collect()
    };
    assert_eq!(bits(completion, 0), bits(expected, skipped), "{request:?}");
    // What a smaller limit gives is known without running it.
    let limit = 1 + random.below(finished.ids.len());
    let view = replay(request, completion, &[limit], &tokenizer(), alone.0.info()).remove(0);
    let params = request.params.with_max_tokens(limit).expect("a good limit");
    let smaller = alone.run(&GenerateRequest { params, ..request.clone() });
    assert_eq!((view.ids, view.text), (smaller.finished.ids, smaller.text), "{request:?}");
    assert_eq!(view.stop_reason, smaller.finished.stop_reason, "{request:?}");
}

#[test]
fn a_request_has_the_tokens_of_its_lone_run() {
    let mut alone = Alone::new();
    if let Ok(seed) = std::env::var("JETON_SIMULATION_SEED") {
        day(&mut alone, seed.parse().expect("JETON_SIMULATION_SEED is a number"));
        return;
    }
    let days: Vec<[usize; 3]> = (0..DAYS).map(|seed| day(&mut alone, seed)).collect();
    for (index, what) in ["preemptions", "right guesses", "resumed tokens"].iter().enumerate() {
        let total: usize = days.iter().map(|day| day[index]).sum();
        assert!(total > 0, "too quiet: no {what} in {DAYS} days");
    }
}
