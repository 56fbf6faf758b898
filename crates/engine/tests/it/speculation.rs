//! Drafts change the number of forward passes and nothing else, whoever makes them: one that is
//! always right, one that always is wrong, one that is wrong at every third place, and the text.

use crate::paths::{Company, Path, all_paths, check_laws};
use crate::world::{
    END, Expected, NAMELESS, Random, Recipe, VOCAB_SIZE, bytes, greedy, int, oracle, params,
    request, texts, tokenizer,
};
use engine::collect::Collector;
use engine::limits::{DRAFT_ROWS_MAX, DRAFT_TOKENS_MAX};
use engine::{
    Completion, ConfigError, DraftModel, Engine, EngineConfig, GenerateRequest, Rejection,
    Speculation,
};
use model::{ScriptedModel, TokenId};
use sampling::params::ParamValue;
use std::sync::Arc;
use text::{Tokenizer, VocabSource};

/// A draft model, by how it guesses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Guesser {
    Right,
    Wrong,
    /// Wrong where the history's length leaves 2 when divided by 3.
    WrongAtThirds,
}

pub const GUESSERS: [Guesser; 3] = [Guesser::Right, Guesser::Wrong, Guesser::WrongAtThirds];

/// What a wrong guess is; nothing here scripts a model to say it.
const WRONG: TokenId = NAMELESS + 1;

impl Guesser {
    pub fn build(self, recipe: &Recipe) -> DraftModel {
        let outputs = recipe.outputs.clone();
        let base = ScriptedModel::new(VOCAB_SIZE, recipe.context_tokens_max);
        let model = base.with_script(move |history, logits| {
            let is_wrong = match self {
                Guesser::Right => false,
                Guesser::Wrong => true,
                Guesser::WrongAtThirds => history.len() % 3 == 2,
            };
            let next = outputs.iter().find_map(|(prompt, output)| {
                let rest = history.strip_prefix(prompt.as_slice())?;
                output.strip_prefix(rest)?.first().copied()
            });
            let favourite = if is_wrong { Some(WRONG) } else { next };
            if let Some(token) = favourite {
                logits[token as usize] = ScriptedModel::FAVOURED_LOGIT;
            }
        });
        DraftModel { name: format!("{self:?}"), model: Box::new(model), tokenizer: tokenizer() }
    }
}

/// Runs the request through every `stride`-th path with drafts from everywhere; each must give what
/// it gives without.
fn check_all(recipe: &Recipe, request: &GenerateRequest, stride: usize) {
    let expected = oracle(recipe, request);
    for path in all_paths().into_iter().step_by(stride) {
        let mut lookup = request.clone();
        lookup.speculation = Speculation::Lookup;
        let mut answers = vec![path.run(recipe, &lookup)];
        for guesser in GUESSERS {
            let mut drafted = request.clone();
            drafted.speculation = Speculation::Model;
            answers.push(path.run_in(
                with_draft(path.engine(recipe), recipe, guesser),
                recipe,
                &drafted,
            ));
        }
        for completion in &answers {
            assert_eq!(Expected::of(completion), expected, "{path:?}");
            check_laws(request, completion);
            let usage = &completion.finished.usage;
            assert!(usage.accepted_draft_tokens <= usage.drafted_tokens);
            assert!(usage.accepted_draft_tokens < expected.ids.len());
        }
    }
}

pub fn with_draft(engine: Engine, recipe: &Recipe, guesser: Guesser) -> Engine {
    engine.with_draft("the model", guesser.build(recipe)).expect("the same vocabulary")
}

fn engine(recipe: &Recipe) -> Engine {
    let config = EngineConfig::default();
    Engine::new(Box::new(recipe.build()), tokenizer(), config).expect("a good configuration")
}

fn sampled() -> [(&'static str, ParamValue); 4] {
    [
        ("max_tokens", int(30)),
        ("temperature", ParamValue::Float(0.7)),
        ("top_p", ParamValue::Float(0.9)),
        ("frequency_penalty", ParamValue::Float(0.3)),
    ]
}

#[test]
fn greedy_and_sampled_answers_are_the_same_on_every_path() {
    let recipe = Recipe::hashed(96);
    let prompt = [10, 20, 30, 40, 50, 60, 70, 80, 10, 20, 30];
    let on = [("ignore_eos", ParamValue::Bool(true))];
    check_all(&recipe, &request(&prompt, greedy(25, on)), 1);
    check_all(&recipe, &request(&prompt, params(sampled())), 1);
}

#[test]
fn endings_in_the_middle_of_a_draft_are_endings() {
    let prompt = bytes("say it again: the sun and the moon. ");
    let mut output = bytes("the sun and the moon. the sun and the moon. the sun");
    output.push(END);
    let recipe = Recipe { context_tokens_max: 110, ..Recipe::answering(&prompt, &output) };
    check_all(&recipe, &request(&prompt, greedy(60, [])), 5);
    check_all(&recipe, &request(&prompt, greedy(60, [("stop", texts(&["moon. the s"]))])), 5);
    check_all(&recipe, &request(&prompt, greedy(60, [("stop", texts(&["zz", "on. t"]))])), 5);
    let minimum = [("stop", texts(&["moon"])), ("min_tokens", int(25))];
    check_all(&recipe, &request(&prompt, greedy(60, minimum)), 5);
}

#[test]
fn every_limit_cuts_where_it_cuts_without_drafts() {
    let prompt = bytes("abcabcabc");
    let recipe = Recipe {
        context_tokens_max: 40,
        ..Recipe::answering(&prompt, &bytes("abcabcabcabcabcabcabcabcabcabcabcabcabc"))
    };
    for limit in 1..34 {
        let mut asked = request(&prompt, greedy(limit, [("ignore_eos", ParamValue::Bool(true))]));
        let expected = oracle(&recipe, &asked);
        for guesser in GUESSERS {
            asked.speculation = Speculation::Model;
            let mut engine = with_draft(engine(&recipe), &recipe, guesser);
            let completion = engine.complete(asked.clone()).expect("accepted");
            assert_eq!(Expected::of(&completion), expected);
        }
        asked.speculation = Speculation::Lookup;
        let completion = engine(&recipe).complete(asked.clone()).expect("accepted");
        assert_eq!(Expected::of(&completion), expected);
    }
}

/// Everything but what was drafted.
fn told(completion: &Completion) -> Vec<String> {
    let tokens = completion.tokens.iter();
    tokens.map(|token| format!("{:?} {:?} {}", token.logprobs, token.trace, token.text)).collect()
}

#[test]
fn logprobs_and_traces_are_those_of_a_run_without() {
    let recipe = Recipe::hashed(96);
    let values = [("logprobs", ParamValue::Bool(true)), ("top_logprobs", int(3))];
    let mut asked = request(&[1, 2, 3, 1, 2], params(sampled()));
    asked.params =
        sampling::params::SamplingParams::from_values(sampled().into_iter().chain(values))
            .expect("valid parameters");
    asked.trace = Some(4);
    asked.prompt_logprobs = Some(2);
    let alone = engine(&recipe).complete(asked.clone()).expect("accepted");
    for guesser in GUESSERS {
        asked.speculation = Speculation::Model;
        let mut engine = with_draft(engine(&recipe), &recipe, guesser);
        let drafted = engine.complete(asked.clone()).expect("accepted");
        assert_eq!(told(&drafted), told(&alone), "{guesser:?}");
        assert_eq!(drafted.prompt_logprobs, alone.prompt_logprobs);
        assert!(drafted.tokens.iter().any(|token| token.draft.is_some()));
    }
}

#[test]
fn a_draft_model_that_is_the_model_is_always_right_and_saves_most_passes() {
    let recipe = Recipe::hashed(96);
    for params in [params(sampled()), greedy(30, [("ignore_eos", ParamValue::Bool(true))])] {
        let model = recipe.build();
        let counters = model.counters();
        let engine = Engine::new(Box::new(model), tokenizer(), EngineConfig::default());
        let mut engine = with_draft(engine.expect("a good configuration"), &recipe, Guesser::Right);
        let mut asked = request(&[1, 2, 3], params);
        asked.speculation = Speculation::Model;
        let completion = engine.complete(asked).expect("accepted");
        let usage = completion.finished.usage;
        assert_eq!(usage.accepted_draft_tokens, usage.drafted_tokens, "the draws are coupled");
        // The prompt's pass gives 1 token, then drafts of 4, 8 and 16 (14 are left) with one each.
        assert_eq!((counters.steps(), completion.tokens.len()), (4, 30));
        assert_eq!(usage.accepted_draft_tokens, 30 - 4);
    }
}

#[test]
fn what_was_refused_is_forgotten_and_what_follows_is_guessed_right() {
    let recipe = Recipe::hashed(96);
    let mut asked = request(&[1, 2, 3, 4], greedy(60, [("ignore_eos", ParamValue::Bool(true))]));
    asked.speculation = Speculation::Model;
    for kv_block_tokens in [1, 4, 16] {
        let config = EngineConfig { kv_block_tokens, ..EngineConfig::default() };
        let engine = Engine::new(Box::new(recipe.build()), tokenizer(), config);
        let mut engine = with_draft(engine.expect("good"), &recipe, Guesser::WrongAtThirds);
        let completion = engine.complete(asked.clone()).expect("accepted");
        for token in &completion.tokens {
            if let Some(draft) = token.draft {
                let is_wrong = (4 + token.index) % 3 == 2;
                assert!(draft.token == WRONG || !is_wrong, "at {}", token.index);
                assert_eq!(draft.accepted, draft.token == token.id);
                assert!(draft.accepted || is_wrong, "at {}", token.index);
            }
        }
        let usage = completion.finished.usage;
        assert!(usage.accepted_draft_tokens >= 20, "{usage:?}");
    }
}

#[test]
fn a_text_that_repeats_itself_is_drafted_without_a_model() {
    let passage = bytes("the quick brown fox jumps over the lazy dog. ");
    let recipe =
        Recipe { context_tokens_max: 400, ..Recipe::answering(&passage, &passage.repeat(4)) };
    let model = recipe.build();
    let counters = model.counters();
    let mut engine = Engine::new(Box::new(model), tokenizer(), EngineConfig::default())
        .expect("a good configuration");
    let mut asked = request(&passage, greedy(180, []));
    asked.speculation = Speculation::Lookup;
    let completion = engine.complete(asked).expect("accepted");
    assert_eq!(completion.finished.ids, passage.repeat(4));
    assert!(counters.steps() <= 25, "{} steps for 180 tokens", counters.steps());
    let usage = completion.finished.usage;
    assert_eq!(counters.steps() + usage.accepted_draft_tokens, 180, "each saved a pass");
}

#[test]
fn wrong_guesses_become_rare() {
    let recipe = Recipe::hashed(1000);
    let mut asked = request(&[1, 2, 3], greedy(900, [("ignore_eos", ParamValue::Bool(true))]));
    asked.speculation = Speculation::Model;
    let mut engine = with_draft(engine(&recipe), &recipe, Guesser::Wrong);
    let usage = engine.complete(asked).expect("accepted").finished.usage;
    assert_eq!(usage.accepted_draft_tokens, 0);
    assert!((5..30).contains(&usage.drafted_tokens), "{} guesses", usage.drafted_tokens);
}

#[test]
fn drafts_preempt_nobody_and_keep_to_the_rows_of_a_step() {
    let recipe = Recipe::hashed(64);
    // Both fit to their last token, and not one block more does.
    let config = EngineConfig {
        kv_block_tokens: 4,
        kv_blocks_max: 22,
        step_tokens_max: 9,
        sequences_max: 2,
        ..EngineConfig::default()
    };
    let engine = Engine::new(Box::new(recipe.build()), tokenizer(), config);
    let mut engine = with_draft(engine.expect("a good configuration"), &recipe, Guesser::Right);
    let collectors = [3, 4].map(|token| {
        let on = [("ignore_eos", ParamValue::Bool(true))];
        let mut asked = request(&[token; 5], greedy(40, on));
        asked.speculation = Speculation::Model;
        let collector = Collector::default();
        engine.submit(asked, collector.sink()).expect("accepted");
        collector
    });
    while !engine.is_idle() {
        assert!(engine.step().row_count <= 9);
    }
    for collector in collectors {
        let usage = collector.take().expect("finished").finished.usage;
        assert_eq!(usage.preempted_count, 0);
        assert!(usage.accepted_draft_tokens > 20, "{usage:?}");
    }
}

#[test]
fn many_sequences_share_the_rows_for_drafts() {
    let recipe = Recipe::hashed(96);
    let mut engine = with_draft(engine(&recipe), &recipe, Guesser::Right);
    let collectors: Vec<Collector> = (0..64)
        .map(|index| {
            let mut asked = request(&[index, 1, 2], greedy(30, []));
            asked.speculation = Speculation::Model;
            let collector = Collector::default();
            engine.submit(asked, collector.sink()).expect("accepted");
            collector
        })
        .collect();
    let mut most = 0;
    while !engine.is_idle() {
        most = most.max(engine.step().logits_count);
    }
    assert_eq!(most, 64 + DRAFT_ROWS_MAX);
    assert!(collectors.iter().all(|collector| collector.take().is_some()));
}

#[test]
fn a_draft_model_with_a_shorter_window_drafts_as_far_as_it_sees() {
    let recipe = Recipe::hashed(96);
    let mut asked = request(&[1, 2, 3], greedy(80, [("ignore_eos", ParamValue::Bool(true))]));
    asked.speculation = Speculation::Model;
    let expected = oracle(&recipe, &asked);
    let short = Recipe { context_tokens_max: 40, ..recipe.clone() };
    let draft = Guesser::Right.build(&short);
    let mut engine = engine(&recipe).with_draft("the model", draft).expect("the same tokens");
    let completion = engine.complete(asked).expect("accepted");
    assert_eq!(Expected::of(&completion), expected);
    let last = completion.tokens.iter().rposition(|token| token.draft.is_some());
    assert_eq!(last, Some(40 - 3), "the token after the window is the last one guessed");
}

/// A vocabulary of two texts.
fn small_vocabulary(texts: [&str; 2]) -> Arc<Tokenizer> {
    let source = VocabSource {
        model: "gpt2".to_string(),
        pre: Some("gpt-2".to_string()),
        tokens: texts.map(String::from).to_vec(),
        token_types: vec![1; 2],
        ..VocabSource::default()
    };
    Arc::new(Tokenizer::from_vocab(source).expect("the vocabulary is sound"))
}

#[test]
fn a_draft_model_that_speaks_otherwise_is_refused_by_name() {
    let engine = || {
        let model = Box::new(ScriptedModel::new(2, 20));
        Engine::new(model, small_vocabulary(["a", "b"]), EngineConfig::default()).expect("good")
    };
    let refusal = |tokenizer| {
        let model = Box::new(ScriptedModel::new(2, 20));
        let draft = DraftModel { name: "small.gguf".to_string(), model, tokenizer };
        match engine().with_draft("large.gguf", draft) {
            Err(error @ ConfigError::DraftVocabulary { .. }) => error.to_string(),
            Err(other) => panic!("{other}"),
            Ok(_) => String::new(),
        }
    };
    assert_eq!(refusal(small_vocabulary(["a", "b"])), "");
    let message = refusal(small_vocabulary(["a", "c"]));
    for word in ["small.gguf", "large.gguf", "token 1 is \"c\" and not \"b\""] {
        assert!(message.contains(word), "{message}");
    }
    assert!(refusal(tokenizer()).contains("it has 260 tokens and not 2"));
}

#[test]
fn drafts_need_a_draft_model_and_a_bound() {
    let recipe = Recipe::hashed(20);
    let mut asked = request(&[1], greedy(3, []));
    asked.speculation = Speculation::Model;
    let refused = engine(&recipe).complete(asked).expect_err("there is no draft model");
    assert!(matches!(&refused, Rejection::Param(error) if error.param == "speculation"));
    let config = EngineConfig { draft_tokens_max: DRAFT_TOKENS_MAX + 1, ..EngineConfig::default() };
    assert!(Engine::new(Box::new(recipe.build()), tokenizer(), config).is_err());
    let config = EngineConfig { draft_tokens_max: 0, ..EngineConfig::default() };
    let mut engine = Engine::new(Box::new(recipe.build()), tokenizer(), config).expect("good");
    let mut asked = request(&[1; 9], greedy(8, []));
    asked.speculation = Speculation::Lookup;
    let completion = engine.complete(asked).expect("accepted");
    assert_eq!(completion.finished.usage.drafted_tokens, 0);
}

/// Random prompts over few tokens, samplers, lengths, block sizes and chunk sizes.
#[test]
fn whatever_is_asked_the_tokens_are_the_same() {
    let mut random = Random(42);
    let mut accepted = 0;
    for _ in 0..150 {
        let recipe = Recipe::hashed(48 + random.below(40));
        let prompt: Vec<TokenId> =
            (0..1 + random.below(30)).map(|_| random.below(3) as u32).collect();
        let mut values = vec![("max_tokens", int(1 + random.below(40)))];
        values.push(("top_k", int(1 + random.below(3))));
        // Few tokens to choose from: the text repeats itself.
        let favoured = (0..4).map(|id| (id.to_string(), ParamValue::Int(9))).collect();
        values.push(("logit_bias", ParamValue::Map(favoured)));
        if random.one_in(2) {
            values.push(("repetition_penalty", ParamValue::Float(1.1)));
        }
        let params = sampling::params::SamplingParams::from_values(values).expect("valid");
        let mut asked = request(&prompt, params);
        asked.seed = random.next();
        let expected = oracle(&recipe, &asked);
        let path = Path {
            step_tokens_max: random.pick(&[1, 3, 7, 64]),
            kv_block_tokens: random.pick(&[1, 2, 4, 16]),
            prefix_sharing: random.one_in(2),
            company: random.pick(&[Company::Alone, Company::Neighbours, Company::TinyPool]),
        };
        asked.speculation = random.pick(&[Speculation::Lookup, Speculation::Model]);
        let guesser = random.pick(&GUESSERS);
        let engine = with_draft(path.engine(&recipe), &recipe, guesser);
        let completion = path.run_in(engine, &recipe, &asked);
        assert_eq!(Expected::of(&completion), expected, "{path:?} {guesser:?} {asked:?}");
        accepted += completion.finished.usage.accepted_draft_tokens;
    }
    assert!(accepted > 200, "too few guesses were right to say anything: {accepted}");
}
