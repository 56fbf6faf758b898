//! The same request through every way in which the engine can come to its tokens.

use crate::world::{Expected, Recipe, VOCAB_SIZE, greedy, int, params, request, tokenizer};
use engine::collect::Collector;
use engine::{Completion, Engine, EngineConfig, GenerateRequest};
use model::TokenId;
use sampling::params::ParamValue;
use sampling::stop::FinishReason;

/// One way.
#[derive(Clone, Copy, Debug)]
pub struct Path {
    pub step_tokens_max: usize,
    pub kv_block_tokens: usize,
    pub prefix_sharing: bool,
    pub company: Company,
}

/// Who else is there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Company {
    Alone,
    /// Other requests, some with the same beginning, before and behind.
    Neighbours,
    /// The same, in a pool that holds the longest sequence and nothing more.
    TinyPool,
}

pub fn all_paths() -> Vec<Path> {
    let mut paths = Vec::new();
    for step_tokens_max in [1, 7, 64] {
        for kv_block_tokens in [4, 16] {
            for prefix_sharing in [false, true] {
                for company in [Company::Alone, Company::Neighbours, Company::TinyPool] {
                    paths.push(Path { step_tokens_max, kv_block_tokens, prefix_sharing, company });
                }
            }
        }
    }
    paths
}

impl Path {
    pub fn engine(self, recipe: &Recipe) -> Engine {
        let config = EngineConfig {
            kv_block_tokens: self.kv_block_tokens,
            kv_blocks_max: self.block_count(recipe),
            step_tokens_max: self.step_tokens_max,
            sequences_max: self.step_tokens_max.min(8),
            prefix_sharing: self.prefix_sharing,
            ..EngineConfig::default()
        };
        Engine::new(Box::new(recipe.build()), tokenizer(), config).expect("a good configuration")
    }

    fn block_count(self, recipe: &Recipe) -> usize {
        let longest = recipe.context_tokens_max.div_ceil(self.kv_block_tokens);
        if self.company == Company::TinyPool { longest } else { 20 * longest }
    }

    /// Runs `request` and its company to the end.
    pub fn run(self, recipe: &Recipe, request: &GenerateRequest) -> Completion {
        self.run_in(self.engine(recipe), recipe, request)
    }

    /// The same in an engine that [`Path::engine`] made.
    pub fn run_in(
        self,
        mut engine: Engine,
        recipe: &Recipe,
        request: &GenerateRequest,
    ) -> Completion {
        let collector = Collector::default();
        let company = match self.company {
            Company::Alone => Vec::new(),
            Company::Neighbours | Company::TinyPool => neighbours(recipe, request),
        };
        // One before it is enough to be preempted in a tiny pool, and few enough to be let in.
        let before_count = if self.company == Company::TinyPool { 1 } else { company.len() / 2 };
        let (before, behind) = company.split_at(before_count);
        let submit = |engine: &mut Engine, request: &GenerateRequest, collector: &Collector| {
            engine.submit(request.clone(), collector.sink()).expect("it fits");
        };
        let others = Collector::default();
        before.iter().for_each(|neighbour| submit(&mut engine, neighbour, &others));
        submit(&mut engine, request, &collector);
        behind.iter().for_each(|neighbour| submit(&mut engine, neighbour, &others));
        engine.run_until_idle();
        assert_eq!(engine.report().kv_blocks_free, self.block_count(recipe), "all is given back");
        collector.take().expect("an idle engine has finished everything")
    }
}

/// Requests around this one: with its prompt's beginning, its whole, others.
fn neighbours(recipe: &Recipe, around: &GenerateRequest) -> Vec<GenerateRequest> {
    let prompt = &around.prompt;
    let half = prompt.len().div_ceil(2);
    let mut longer = prompt.to_vec();
    longer.extend([65, 66]);
    [prompt[..half].to_vec(), vec![1; 30], prompt.to_vec(), longer, vec![2; 17], prompt.to_vec()]
        .into_iter()
        .filter(|prompt| prompt.len() < recipe.context_tokens_max)
        .enumerate()
        .map(|(index, prompt)| {
            let max_tokens = int([40, 3, 17, 24, 9, 31][index]);
            let on = ("ignore_eos", ParamValue::Bool(true));
            let params = params([("max_tokens", max_tokens), ("top_k", int(40)), on]);
            let mut neighbour = request(&prompt, params);
            neighbour.seed = 100 + index as u64;
            neighbour.speculation = around.speculation;
            neighbour
        })
        .collect()
}

/// Runs through all paths; each must give `expected`, and its events must obey the laws.
pub fn check(recipe: &Recipe, request: &GenerateRequest, expected: &Expected) {
    for path in all_paths() {
        let completion = path.run(recipe, request);
        assert_eq!(&Expected::of(&completion), expected, "{path:?}");
        check_laws(request, &completion);
    }
}

/// What holds for every finished answer.
pub fn check_laws(request: &GenerateRequest, completion: &Completion) {
    let finished = &completion.finished;
    let told: Vec<TokenId> = completion.tokens.iter().map(|token| token.id).collect();
    assert_eq!(told, finished.ids, "every token was told once");
    for (index, token) in completion.tokens.iter().enumerate() {
        assert_eq!(token.index, index);
    }
    assert_eq!(finished.usage.prompt_tokens, request.prompt.len());
    assert_eq!(finished.usage.completion_tokens, finished.ids.len());
    assert!(finished.usage.prefix_hit_tokens < request.prompt.len());
    assert_eq!(finished.finish_reason, finished.stop_reason.finish_reason());
    if matches!(finished.finish_reason, FinishReason::Stop | FinishReason::Length) {
        assert_eq!((finished.text.as_str(), &finished.interruption), ("", &None));
        let started = completion.started.as_ref().expect("it ran");
        assert!(finished.ids.len() <= started.completion_tokens_max);
    }
    for stop in request.params.stop() {
        if request.params.min_tokens() == 0 {
            assert!(!completion.text.contains(stop), "{stop:?} in {:?}", completion.text);
        }
    }
}

#[test]
fn a_tiny_pool_preempts_and_changes_nothing() {
    let recipe = Recipe::hashed(64);
    let params = greedy(40, [("ignore_eos", ParamValue::Bool(true))]);
    let request = request(&[5; 12], params);
    let expected = crate::world::oracle(&recipe, &request);
    let mut preempted_count = 0;
    for path in all_paths() {
        let completion = path.run(&recipe, &request);
        assert_eq!(Expected::of(&completion), expected, "{path:?}");
        preempted_count += completion.finished.usage.preempted_count;
    }
    assert!(preempted_count >= 6, "the paths must include preemption; {preempted_count}");
}

#[test]
fn a_shared_prefix_is_not_computed_again() {
    let recipe = Recipe::hashed(96);
    let first = request(&[9; 33], greedy(4, []));
    for (kv_block_tokens, prefix_sharing, hit_tokens) in
        [(16, true, 32), (4, true, 32), (16, false, 0)]
    {
        let company = Company::Alone;
        let path = Path { step_tokens_max: 64, kv_block_tokens, prefix_sharing, company };
        let mut engine = path.engine(&recipe);
        let cold = engine.complete(first.clone()).expect("accepted");
        let warm = engine.complete(first.clone()).expect("accepted");
        assert_eq!(cold.finished.usage.prefix_hit_tokens, 0);
        assert_eq!(warm.finished.usage.prefix_hit_tokens, hit_tokens);
        assert_eq!(Expected::of(&cold), Expected::of(&warm));
    }
}

#[test]
fn requests_that_come_together_compute_their_common_beginning_once() {
    let recipe = Recipe::hashed(96);
    let model = recipe.build();
    let counters = model.counters();
    let config = EngineConfig { prefill_tokens_beside_decode: 512, ..EngineConfig::default() };
    let mut engine =
        Engine::new(Box::new(model), tokenizer(), config).expect("a good configuration");
    let requests: Vec<GenerateRequest> = (0..64)
        .map(|index| {
            let mut prompt = vec![9; 48];
            prompt.extend([10 + index, 11]);
            request(&prompt, greedy(3, [("ignore_eos", ParamValue::Bool(true))]))
        })
        .collect();
    let collectors = requests.iter().map(|request| {
        let collector = Collector::default();
        engine.submit(request.clone(), collector.sink()).expect("accepted");
        collector
    });
    let collectors: Vec<Collector> = collectors.collect();
    engine.run_until_idle();
    for (request, collector) in requests.iter().zip(&collectors) {
        let completion = collector.take().expect("finished");
        assert_eq!(Expected::of(&completion), crate::world::oracle(&recipe, request));
    }
    // The beginning, two tokens of each one's own, and two of the three that it generates.
    assert_eq!(counters.rows(), 48 + 64 * (2 + 2));
    assert_eq!(counters.steps(), 4);
}

#[test]
fn a_prompt_that_is_all_known_computes_its_last_token_in_a_copied_block() {
    let recipe = Recipe::hashed(96);
    let first = request(&[9; 32], greedy(6, []));
    for kv_block_tokens in [1, 4, 16] {
        let path = Path {
            step_tokens_max: 64,
            kv_block_tokens,
            prefix_sharing: true,
            company: Company::Alone,
        };
        let mut engine = path.engine(&recipe);
        let cold = engine.complete(first.clone()).expect("accepted");
        let warm = engine.complete(first.clone()).expect("accepted");
        assert_eq!(warm.finished.usage.prefix_hit_tokens, 31);
        // The copy must leave the original whole for whoever reads it next.
        let mut longer = first.clone();
        longer.prompt.extend([9, 9]);
        let after = engine.complete(longer.clone()).expect("accepted");
        assert_eq!(after.finished.usage.prefix_hit_tokens, 32);
        assert_eq!(Expected::of(&cold), Expected::of(&warm));
        assert_eq!(Expected::of(&after), crate::world::oracle(&recipe, &longer));
    }
}

#[test]
fn generated_tokens_are_shared_with_the_next_turn() {
    let recipe = Recipe::hashed(96);
    let path = Path {
        step_tokens_max: 64,
        kv_block_tokens: 4,
        prefix_sharing: true,
        company: Company::Alone,
    };
    let mut engine = path.engine(&recipe);
    let first = engine.complete(request(&[9; 10], greedy(9, []))).expect("accepted");
    let mut next = vec![9; 10];
    next.extend(&first.finished.ids);
    next.extend([1, 2, 3]);
    let second = engine.complete(request(&next, greedy(1, []))).expect("accepted");
    // 18 of 19 tokens were computed: the last one chosen never is.
    assert_eq!(second.finished.usage.prefix_hit_tokens, 16);
}

#[test]
fn a_large_limit_reserves_nothing() {
    let recipe = Recipe { context_tokens_max: 1 << 20, ..Recipe::answering(&[1, 2], &[3, 258]) };
    let config = EngineConfig { kv_blocks_max: 1 << 16, ..EngineConfig::default() };
    let mut engine =
        Engine::new(Box::new(recipe.build()), tokenizer(), config).expect("a good configuration");
    let completion = engine.complete(request(&[1, 2], greedy(1_000_000, []))).expect("accepted");
    assert_eq!(completion.finished.ids, [3, 258]);
    assert!(engine.kv_taken_bytes() <= 16 * 8, "{} bytes", engine.kv_taken_bytes());
}

#[test]
fn a_long_prompt_stops_nobody() {
    let recipe = Recipe::hashed(2000);
    let config = EngineConfig { step_tokens_max: 16, ..EngineConfig::default() };
    let config = EngineConfig { sequences_max: 4, ..config };
    let mut engine =
        Engine::new(Box::new(recipe.build()), tokenizer(), config).expect("a good configuration");
    let short = Collector::default();
    engine.submit(request(&[1, 2, 3], greedy(20, [])), short.sink()).expect("accepted");
    engine.step();
    let long = Collector::default();
    engine.submit(request(&[4; 1500], greedy(1, [])), long.sink()).expect("accepted");
    let reports: Vec<_> = (0..19).map(|_| engine.step()).collect();
    assert!(reports.iter().all(|report| report.row_count == 16 && report.token_count == 1));
    assert!(short.take().is_some(), "one token in each step, beside the prompt");
    engine.run_until_idle();
    assert!(long.take().is_some());
}

#[test]
fn the_order_of_rows_and_their_number_are_what_the_report_says() {
    let recipe = Recipe::hashed(96);
    let config = EngineConfig { step_tokens_max: 8, sequences_max: 2, ..EngineConfig::default() };
    let mut engine =
        Engine::new(Box::new(recipe.build()), tokenizer(), config).expect("a good configuration");
    let collectors = [(); 3].map(|()| Collector::default());
    for collector in &collectors {
        engine.submit(request(&[7; 5], greedy(3, [])), collector.sink()).expect("accepted");
    }
    let report = engine.step();
    // Five rows of the first, three of the second; the third waits for a place.
    assert_eq!((report.row_count, report.logits_count, report.token_count), (8, 1, 1));
    assert_eq!((report.admitted_count, report.running_count, report.waiting_count), (2, 2, 1));
    let report = engine.step();
    assert_eq!((report.row_count, report.token_count), (3, 2));
    let report = engine.step();
    assert_eq!((report.row_count, report.finished_count, report.running_count), (2, 1, 1));
    engine.run_until_idle();
    assert!(collectors.iter().all(|collector| collector.take().is_some()));
}

#[test]
fn more_ids_than_the_tokenizer_knows_have_no_text() {
    let prompt = [1, 2];
    let output = [u32::from(b'a'), crate::world::NAMELESS, VOCAB_SIZE as TokenId - 1, 258];
    let recipe = Recipe::answering(&prompt, &output);
    let request = request(&prompt, greedy(9, [("stop", ParamValue::Str("zz".to_string()))]));
    let expected = crate::world::oracle(&recipe, &request);
    assert_eq!(expected.text, "a");
    check(&recipe, &request, &expected);
}
