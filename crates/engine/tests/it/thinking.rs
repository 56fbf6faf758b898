//! Thoughts, through every path: what bounds them, what is told of them, and that nothing but the
//! forced tokens changes.

use crate::paths::{all_paths, check_laws};
use crate::speculation::{Guesser, with_draft};
use crate::world::{END, Recipe, THE, TURN, bytes, greedy, int, request, texts, tokenizer};
use engine::thinking::{
    ForcedBy, Part, ThinkingClosed, ThinkingEndedBy, ThinkingReport, ThinkingSetup,
};
use engine::{Completion, Engine, EngineConfig, GenerateRequest, Rejection, Speculation};
use model::TokenId;
use sampling::candidates::Candidates;
use sampling::params::{ParamValue, SamplingParams};
use sampling::pipeline::{Pipeline, SequenceStart};
use sampling::stages::StepContext;
use sampling::stop::StopReason;
use std::sync::Arc;
use text::thinking::{Marker, ThinkingFormat, ThinkingStart, ThinkingStyle};

const PROMPT: &[TokenId] = &[72, 101, 108, 108, 111, 32, 116, 104, 101, 114, 101];

/// `<|turn|>` begins a thought and the token `the` ends it, in this world.
fn setup(start: ThinkingStart) -> ThinkingSetup {
    let marker = |text: &str, id: TokenId| Marker {
        text: text.to_string(),
        id: Some(id),
        rest: vec![vec![id]],
    };
    let format = ThinkingFormat {
        style: ThinkingStyle::Tags,
        open: marker("<|turn|>", TURN),
        close: marker("the", THE),
        close_line: vec![TokenId::from(b'\n'), THE],
        tool_calls: Vec::new(),
        switch: None,
        reads_effort: false,
    };
    ThinkingSetup { format: Arc::new(format), start, effort: None }
}

fn thinking(params: SamplingParams, start: ThinkingStart) -> GenerateRequest {
    GenerateRequest { thinking: Some(setup(start)), ..request(PROMPT, params) }
}

/// What is told of an answer, the work it took left out.
fn told(completion: &Completion) -> impl PartialEq + std::fmt::Debug + use<> {
    let finished = &completion.finished;
    let parts: Vec<_> = completion.tokens.iter().map(|token| (token.part, token.forced)).collect();
    (
        finished.ids.clone(),
        completion.text.clone(),
        completion.thinking_text.clone(),
        finished.stop_reason.clone(),
        (finished.thinking, finished.usage.thinking_tokens),
        parts,
    )
}

/// Runs the request through all paths, and with drafts from everywhere; all say the same.
fn run_everywhere(recipe: &Recipe, request: &GenerateRequest) -> Completion {
    let lone = Engine::new(Box::new(recipe.build()), tokenizer(), EngineConfig::default());
    let lone = lone.expect("a good configuration").complete(request.clone()).expect("accepted");
    // Every fifth path: all sizes and companies are among them.
    for path in all_paths().into_iter().step_by(5) {
        let mut answers = vec![path.run(recipe, request)];
        let mut drafted = request.clone();
        drafted.speculation = Speculation::Lookup;
        answers.push(path.run(recipe, &drafted));
        drafted.speculation = Speculation::Model;
        let engine = with_draft(path.engine(recipe), recipe, Guesser::WrongAtThirds);
        answers.push(path.run_in(engine, recipe, &drafted));
        for answer in answers {
            assert_eq!(told(&answer), told(&lone), "{path:?}");
            check_laws(request, &answer);
        }
    }
    lone
}

/// A thought in two sentences, an answer, an end.
fn output() -> Vec<TokenId> {
    let thought = bytes("\nOne and one. Is it two or three?\n");
    [&[TURN], &thought[..], &[THE], &bytes("\n\nIt is two."), &[END]].concat()
}

#[test]
fn thought_and_answer_are_told_apart() {
    let recipe = Recipe::answering(PROMPT, &output());
    let answer = run_everywhere(&recipe, &thinking(greedy(80, []), ThinkingStart::Undecided));
    assert_eq!(answer.thinking_text, "One and one. Is it two or three?");
    assert_eq!(answer.text, "It is two.");
    let usage = &answer.finished.usage;
    assert_eq!((usage.thinking_tokens, usage.completion_tokens), (34, 49));
    let report = answer.finished.thinking.expect("it thought");
    assert_eq!(report.closed, ThinkingClosed::Natural);
    assert_eq!(answer.tokens[0].part, Part::Marker);
    assert_eq!(answer.finished.stop_reason, StopReason::Eos(END));
}

#[test]
fn a_budget_holds_on_every_path_and_under_speculation() {
    let recipe = Recipe::answering(PROMPT, &output());
    let soft = greedy(60, [("thinking_budget", int(16))]);
    let answer = run_everywhere(&recipe, &thinking(soft, ThinkingStart::Undecided));
    assert_eq!(answer.thinking_text, "One and one.");
    let report = ThinkingReport {
        tokens: 13,
        closed: ThinkingClosed::Soft,
        ended_by: Some(ThinkingEndedBy::Budget),
        budget: Some(16),
        answer_reserve: 0,
    };
    assert_eq!(answer.finished.thinking, Some(report));
    let hard = greedy(60, [("thinking_budget", int(10))]);
    let answer = run_everywhere(&recipe, &thinking(hard, ThinkingStart::Undecided));
    assert_eq!(
        (answer.thinking_text.as_str(), answer.finished.usage.thinking_tokens),
        ("One and o", 10)
    );
    let forced: Vec<_> = answer.tokens.iter().filter_map(|token| token.forced).collect();
    assert_eq!(forced, [ForcedBy::ThinkingHard; 2], "a line's end and the marker");
    assert_eq!(&answer.finished.ids[11..13], &[10, THE]);
    let kept = greedy(40, [("answer_reserve", int(12))]);
    let answer = run_everywhere(&recipe, &thinking(kept, ThinkingStart::Undecided));
    let answers = answer.tokens.iter().filter(|token| token.part == Part::Answer).count();
    assert!(answers >= 12 || answer.finished.finish_reason.as_str() == "stop", "{answers}");
}

#[test]
fn a_stop_string_ends_a_thought_only_when_asked() {
    let recipe = Recipe::answering(PROMPT, &output());
    let stop = ("stop", texts(&["one. Is", "two."]));
    let params = greedy(80, [stop.clone()]);
    let answer = run_everywhere(&recipe, &thinking(params, ThinkingStart::Undecided));
    assert_eq!(answer.text, "It is ");
    assert_eq!(answer.thinking_text, "One and one. Is it two or three?");
    let asked = ("stop_in_thinking", ParamValue::Bool(true));
    let params = greedy(80, [stop, asked]);
    let answer = run_everywhere(&recipe, &thinking(params, ThinkingStart::Undecided));
    assert_eq!((answer.thinking_text.as_str(), answer.text.as_str()), ("One and ", ""));
    let text = "one. Is".to_string();
    assert_eq!(answer.finished.stop_reason, StopReason::StopString { index: 0, text });
    assert_eq!(answer.finished.thinking.expect("it thought").closed, ThinkingClosed::Open);
}

#[test]
fn an_end_without_an_answer_is_no_end_of_a_bounded_thought() {
    let recipe = Recipe::answering(PROMPT, &[&bytes("hm")[..], &[END]].concat());
    let free = run_everywhere(&recipe, &thinking(greedy(20, []), ThinkingStart::Open));
    assert_eq!((free.thinking_text.as_str(), free.finished.ids.len()), ("hm", 3));
    let params = greedy(20, [("answer_reserve", int(5))]);
    let bounded = run_everywhere(&recipe, &thinking(params, ThinkingStart::Open));
    let report = bounded.finished.thinking.expect("it thought");
    assert_eq!(report.ended_by, Some(ThinkingEndedBy::EndOfText));
    assert_eq!(&bounded.finished.ids[2..4], &[10, THE]);
}

#[test]
fn draws_after_a_forced_token_are_those_of_their_steps() {
    let recipe = Recipe::hashed(96);
    let values = [("max_tokens", int(50)), ("thinking_budget", int(9)), ("top_k", int(40))];
    let values = values.into_iter().chain([("ignore_eos", ParamValue::Bool(true))]);
    let params = SamplingParams::from_values(values).expect("valid");
    let request = thinking(params, ThinkingStart::Open);
    let answer = run_everywhere(&recipe, &request);
    let model = recipe.build();
    let tokenizer = tokenizer();
    let start = SequenceStart {
        prompt: PROMPT,
        generated: &[],
        eos_ids: tokenizer.end_ids(),
        seed: request.seed,
        choice_index: 0,
        stage_state: &[],
    };
    let mut pipeline = Pipeline::new(&request.params, &start);
    let mut candidates = Candidates::new();
    let mut forced_count = 0;
    for (index, token) in answer.tokens.iter().enumerate() {
        let generated = &answer.finished.ids[..index];
        let step = StepContext::new(PROMPT, generated);
        let logits = model.logits_after(&[PROMPT, generated].concat());
        let choice = pipeline.choose(&mut candidates, &logits, &step, None).expect("good logits");
        match token.forced {
            Some(_) => forced_count += 1,
            None => assert_eq!(choice.token, token.id, "step {index}"),
        }
        pipeline.accept(token.id);
    }
    assert!(forced_count > 0 && answer.tokens.len() > 20);
}

#[test]
fn forced_tokens_say_so_with_their_own_probability() {
    let recipe = Recipe::answering(PROMPT, &output());
    let params = greedy(30, [("thinking_budget", int(5)), ("logprobs", ParamValue::Bool(true))]);
    let mut request = thinking(params, ThinkingStart::Undecided);
    request.trace = Some(3);
    let answer = run_everywhere(&recipe, &request);
    let forced = answer.tokens.iter().find(|token| token.forced.is_some()).expect("it was forced");
    let trace = forced.trace.as_deref().expect("it was traced");
    assert!(trace.forced && trace.raw_rank > 0);
    assert_eq!(trace.chosen.expect("it was possible").id, forced.id);
    let logprob = forced.logprobs.as_deref().expect("wanted").chosen;
    assert_eq!(logprob.id, forced.id);
    assert!(logprob.logprob < -1.0, "the model's own view of it: {}", logprob.logprob);
    assert!(answer.tokens[0].trace.as_deref().is_some_and(|trace| !trace.forced));
}

#[test]
fn numbers_that_do_not_fit_are_refused_by_name() {
    let recipe = Recipe::answering(PROMPT, &output());
    let engine = Engine::new(Box::new(recipe.build()), tokenizer(), EngineConfig::default());
    let mut engine = engine.expect("a good configuration");
    let mut refused = |request: GenerateRequest| match engine.complete(request) {
        Err(Rejection::Param(error)) => (error.param.clone(), error.message),
        other => panic!("{other:?}"),
    };
    let params = greedy(20, [("thinking_budget", int(5))]);
    assert_eq!(refused(request(PROMPT, params.clone())).0, "thinking_budget");
    assert_eq!(refused(thinking(params, ThinkingStart::Closed)).0, "thinking_budget");
    let params = greedy(20, [("answer_reserve", int(20))]);
    let (param, message) = refused(thinking(params, ThinkingStart::Open));
    assert!(param == "answer_reserve" && message.contains("20"), "{message}");
    let both = [("max_tokens", 20), ("thinking_budget", 15), ("answer_reserve", 6)];
    let both = both.map(|(name, value)| (name, int(value)));
    let error = SamplingParams::from_values(both).expect_err("too much");
    assert!(error.message.contains("15 + `answer_reserve` 6 = 21"), "{error}");
}

#[test]
fn only_a_reserve_makes_tokens_depend_on_the_limit() {
    let safe = |params| thinking(params, ThinkingStart::Open).prefix_safe();
    assert!(safe(greedy(20, [("thinking_budget", int(5))])));
    assert!(!safe(greedy(20, [("answer_reserve", int(5))])));
}
