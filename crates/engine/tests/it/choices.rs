//! Several answers to one prompt: what each gives alone, from a prompt that is computed once.

use crate::world::{Expected, Recipe, int, oracle, params, request, tokenizer};
use engine::choices::{choices, chosen, usage_of_choices};
use engine::collect::Collector;
use engine::{Completion, Engine, EngineConfig, GenerateRequest, Speculation};
use sampling::params::ParamValue;

/// Makes the choices of a request in one batch; the rows that were computed.
fn make(recipe: &Recipe, asked: &GenerateRequest) -> (Vec<Completion>, usize) {
    let model = recipe.build();
    let counters = model.counters();
    let mut engine = Engine::new(Box::new(model), tokenizer(), EngineConfig::default())
        .expect("a good configuration");
    let submit = |request: GenerateRequest| {
        let collector = Collector::default();
        engine.submit(request, collector.sink()).expect("accepted");
        collector
    };
    let collectors: Vec<Collector> = choices(asked).into_iter().map(submit).collect();
    engine.run_until_idle();
    let completions = collectors.iter().map(|collector| collector.take().expect("finished"));
    (completions.collect(), counters.rows())
}

#[test]
fn each_choice_is_what_it_is_alone_and_the_prompt_is_computed_once() {
    let recipe = Recipe::hashed(96);
    let on = ("ignore_eos", ParamValue::Bool(true));
    let values = [("max_tokens", int(8)), ("top_k", int(30)), ("n", int(5)), on];
    let mut asked = request(&[7; 33], params(values));
    for speculation in [Speculation::Off, Speculation::Lookup] {
        asked.speculation = speculation;
        let (completions, row_count) = make(&recipe, &asked);
        assert_eq!(completions.len(), 5);
        for (alone, completion) in choices(&asked).iter().zip(&completions) {
            assert_eq!(Expected::of(completion), oracle(&recipe, alone));
        }
        assert_ne!(completions[0].finished.ids, completions[1].finished.ids);
        let usages: Vec<_> = completions.iter().map(|done| done.finished.usage).collect();
        let usage = usage_of_choices(&usages);
        assert_eq!((usage.prompt_tokens, usage.completion_tokens), (33, 5 * 8));
        // Two blocks once, the last prompt token and seven others for each; guesses may add some.
        let needed = 32 + 5 * (1 + 7);
        assert!(row_count >= needed && (speculation != Speculation::Off || row_count == needed));
        assert_eq!(chosen(&asked, &completions), [0, 1, 2, 3, 4], "in order when not ranked");
        assert_eq!(completions[0].finished.mean_logprob, None);
    }
}

#[test]
fn the_best_have_the_highest_mean_log_probability() {
    let recipe = Recipe::hashed(96);
    let asked = request(
        &[1, 2, 3],
        params([
            ("max_tokens", int(6)),
            ("temperature", ParamValue::Float(0.5)),
            ("n", int(2)),
            ("best_of", int(7)),
            ("logprobs", ParamValue::Bool(true)),
        ]),
    );
    let (completions, _) = make(&recipe, &asked);
    let means: Vec<f64> = completions
        .iter()
        .map(|completion| {
            let logprobs = completion.tokens.iter().filter_map(|token| token.logprobs.as_deref());
            let own: Vec<f64> = logprobs.map(|logprobs| logprobs.chosen.logprob).collect();
            let mean = own.iter().sum::<f64>() / own.len() as f64;
            assert_eq!(completion.finished.mean_logprob, Some(mean));
            mean
        })
        .collect();
    let best = chosen(&asked, &completions);
    assert_eq!((completions.len(), best.len()), (7, 2));
    assert!(means[best[0]] >= means[best[1]]);
    for (index, &mean) in means.iter().enumerate() {
        assert!(best.contains(&index) || mean <= means[best[1]]);
    }
}

#[test]
fn equals_stay_in_order() {
    let recipe = Recipe::hashed(96);
    // Greedy: all choices are the same.
    let values =
        [("max_tokens", int(4)), ("temperature", int(0)), ("n", int(2)), ("best_of", int(3))];
    let asked = request(&[4, 5], params(values));
    let (completions, _) = make(&recipe, &asked);
    assert_eq!(completions[0].finished.ids, completions[2].finished.ids);
    assert_eq!(chosen(&asked, &completions), [0, 1]);
}
