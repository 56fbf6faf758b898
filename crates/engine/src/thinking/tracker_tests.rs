use super::*;
use crate::limits::TOOL_CALL_TOKENS_MAX;
use crate::rejection::Rejection;
use model::TokenId;
use proptest::prelude::*;
use sampling::params::{ParamValue, SamplingParams};
use std::sync::Arc;
use text::thinking::{ThinkingFormat, ThinkingStart};
use text::{ChatTemplate, Tokenizer, VocabSource};

const OPEN: TokenId = 256;
const CLOSE: TokenId = 257;
const CALL: TokenId = 258;
const CALL_END: TokenId = 259;
const EOS: TokenId = 260;
const TAGS: [&str; 5] = ["<think>", "</think>", "<tool_call>", "</tool_call>", "<eos>"];
const HARMONY: [&str; 5] = ["<|start|>", "<|channel|>", "<|message|>", "<|end|>", "<|return|>"];
const VOCAB_SIZE: usize = 261;

/// One token per byte, and five more.
fn tokenizer(added: &[&str; 5]) -> Arc<Tokenizer> {
    let is_plain = |byte: u8| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    let mut others = 256..;
    let letter = |byte: u8| match is_plain(byte) {
        true => char::from(byte),
        false => char::from_u32(others.next().expect("endless")).expect("below U+0200"),
    };
    let mut tokens: Vec<String> = (0..=255).map(letter).map(String::from).collect();
    tokens.extend(added.iter().map(|text| text.to_string()));
    let mut token_types = vec![1; 256];
    token_types.resize(tokens.len(), 3);
    let pre = Some("gpt-2".to_string());
    let model = "gpt2".to_string();
    let source = VocabSource { model, pre, tokens, token_types, ..VocabSource::default() };
    Arc::new(Tokenizer::from_vocab(source).expect("the vocabulary is sound"))
}

/// Everything about one run of a tracker.
#[derive(Clone, Debug)]
struct World {
    tokenizer: Arc<Tokenizer>,
    setup: ThinkingSetup,
}

impl World {
    fn with_tags(start: ThinkingStart) -> Self {
        Self::new(tokenizer(&TAGS), None, start)
    }

    fn with_harmony() -> Self {
        Self::new(tokenizer(&HARMONY), None, ThinkingStart::Undecided)
    }

    /// Markers of eight bytes, each a token.
    fn with_spelled_tags(start: ThinkingStart) -> Self {
        let plain = ["<a>", "<b>", "<c>", "<d>", "<eos>"];
        Self::new(tokenizer(&plain), Some("{# <think> </think> #}"), start)
    }

    fn new(tokenizer: Arc<Tokenizer>, template: Option<&str>, start: ThinkingStart) -> Self {
        let template = template.map(|source| ChatTemplate::new(source).expect("it parses"));
        let format = ThinkingFormat::find(template.as_ref(), &tokenizer).expect("it thinks");
        let setup = ThinkingSetup { format: Arc::new(format), start, effort: None };
        World { tokenizer, setup }
    }

    fn run(&self, limits: Limits, wishes: &[TokenId]) -> Run {
        let mut values = vec![("answer_reserve", limits.answer_reserve)];
        values.extend(limits.budget.map(|budget| ("thinking_budget", budget)));
        let values = values.into_iter().map(|(name, n)| (name, ParamValue::Int(n as i128)));
        let params = SamplingParams::from_values(values).expect("valid");
        let plan = plan(Some(&self.setup), &params, limits.tokens_max);
        let plan = plan.expect("the numbers fit together");
        let tracker = ThinkingTracker::new(&self.setup, plan, &self.tokenizer, &[EOS], false);
        self.follow(tracker, limits.tokens_max, wishes)
    }

    /// The model wishes for tokens in order, again and again; forced ones take no wish.
    fn follow(&self, mut tracker: ThinkingTracker, tokens_max: usize, wishes: &[TokenId]) -> Run {
        let mut detokenizer = self.tokenizer.detokenizer(true);
        let mut wishes = wishes.iter().copied().cycle();
        let mut run = Run::default();
        while run.steps.len() < tokens_max {
            let forced = tracker.forced();
            let chosen = forced.map_or_else(|| wishes.next().expect("endless"), |end| end.token);
            let forced = forced.or_else(|| tracker.instead_of(chosen));
            let token = forced.map_or(chosen, |end| end.token);
            let forced = forced.map(|end| end.by);
            if token == EOS && forced.is_none() {
                run.ended = true;
                run.ended_in_thought = tracker.gate() == AnswerGate::Shut;
                break;
            }
            let (part, texts) = tracker.push(token, forced, &mut detokenizer);
            run.texts.push(&texts);
            run.steps.push(Step {
                token,
                part,
                forced,
                answers: tracker.gate() == AnswerGate::Open,
            });
        }
        run.texts.push(&tracker.finish(&detokenizer.flush()));
        run.report = tracker.report();
        run.thinking_tokens = tracker.thinking_tokens();
        run
    }
}

fn plan(
    setup: Option<&ThinkingSetup>,
    params: &SamplingParams,
    limit: usize,
) -> Result<ThinkingPlan, Rejection> {
    ThinkingPlan::new(setup, params, 0, limit, VOCAB_SIZE)
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    budget: Option<usize>,
    answer_reserve: usize,
    tokens_max: usize,
}

fn budget(budget: usize) -> Limits {
    Limits { budget: Some(budget), answer_reserve: 0, tokens_max: 200 }
}

#[derive(Clone, Debug, PartialEq)]
struct Step {
    token: TokenId,
    part: Part,
    forced: Option<ForcedBy>,
    /// Whether only the answer can follow.
    answers: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Run {
    steps: Vec<Step>,
    texts: PartTexts,
    ended: bool,
    ended_in_thought: bool,
    thinking_tokens: usize,
    report: Option<ThinkingReport>,
}

impl Run {
    fn forced(&self) -> Vec<TokenId> {
        let forced = self.steps.iter().filter(|step| step.forced.is_some());
        forced.map(|step| step.token).collect()
    }

    fn texts(&self) -> (&str, &str) {
        (&self.texts.thinking, &self.texts.answer)
    }

    fn closed(&self) -> (ThinkingClosed, Option<ThinkingEndedBy>) {
        let report = self.report.expect("it thought");
        (report.closed, report.ended_by)
    }
}

fn bytes(text: &str) -> Vec<TokenId> {
    text.bytes().map(TokenId::from).collect()
}

fn tokens(parts: &[&[TokenId]]) -> Vec<TokenId> {
    parts.concat()
}

const NO_LIMITS: Limits = Limits { budget: None, answer_reserve: 0, tokens_max: 200 };

#[test]
fn thought_and_answer_are_told_apart_and_counted_apart() {
    let wishes = tokens(&[&[OPEN], &bytes("\nhm.\n"), &[CLOSE], &bytes("\n\n42"), &[EOS]]);
    let run = World::with_tags(ThinkingStart::Undecided).run(NO_LIMITS, &wishes);
    assert_eq!(run.texts(), ("hm.", "42"));
    assert_eq!(run.thinking_tokens, 5);
    assert_eq!(run.closed(), (ThinkingClosed::Natural, Some(ThinkingEndedBy::Model)));
    let parts: Vec<Part> = run.steps.iter().map(|step| step.part).collect();
    assert_eq!(
        (parts[0], parts[1], parts[6], parts[7]),
        (Part::Marker, Part::Thinking, Part::Marker, Part::Answer)
    );
}

#[test]
fn an_answer_at_once_is_an_answer() {
    let wishes = tokens(&[&bytes("\n42 <think>"), &[OPEN, EOS]]);
    let run = World::with_tags(ThinkingStart::Undecided).run(budget(3), &wishes);
    assert_eq!(run.texts(), ("", "\n42 <think>"));
    assert_eq!((run.report, run.thinking_tokens), (None, 0));
}

#[test]
fn every_byte_of_a_shaped_answer_is_of_the_answer() {
    let world = World::with_tags(ThinkingStart::Undecided);
    let run = |wishes: &[TokenId]| {
        let plan = ThinkingPlan::default();
        let tracker = ThinkingTracker::new(&world.setup, plan, &world.tokenizer, &[EOS], false);
        world.follow(tracker.with_shaped_answer(), 200, wishes)
    };
    // Neither half a character nor a blank is waited through for a thought.
    for text in ["é!", "\n é", "<think"] {
        let at_once = run(&tokens(&[&bytes(text), &[EOS]]));
        assert_eq!(at_once.texts(), ("", text));
        assert!(at_once.steps.iter().all(|step| step.part == Part::Answer), "{at_once:?}");
        let thought = tokens(&[&[OPEN], &bytes("hm"), &[CLOSE], &bytes(text), &[EOS]]);
        assert_eq!(run(&thought).texts(), ("hm", text));
    }
}

#[test]
fn a_budget_of_nothing_closes_at_once() {
    let wishes = tokens(&[&bytes("42"), &[EOS]]);
    let open = World::with_tags(ThinkingStart::Open).run(budget(0), &wishes);
    assert_eq!((open.forced(), open.texts()), (vec![CLOSE], ("", "42")));
    let wishes = tokens(&[&[OPEN], &bytes("42"), &[EOS]]);
    let undecided = World::with_tags(ThinkingStart::Undecided).run(budget(0), &wishes);
    assert_eq!((undecided.forced(), undecided.texts()), (vec![CLOSE], ("", "42")));
    assert_eq!(undecided.closed(), (ThinkingClosed::Hard, Some(ThinkingEndedBy::Budget)));
}

#[test]
fn near_its_budget_a_thought_ends_with_its_sentence() {
    let thought = "One is 1.5 long. Two comes next and goes on and on";
    let run = World::with_tags(ThinkingStart::Open).run(budget(20), &bytes(thought));
    assert_eq!(run.texts.thinking, "One is 1.5 long.");
    assert_eq!(run.closed(), (ThinkingClosed::Soft, Some(ThinkingEndedBy::Budget)));
    // The sentence's end is too far from a larger budget.
    let run = World::with_tags(ThinkingStart::Open).run(budget(40), &bytes(thought));
    assert_eq!(run.texts.thinking, &thought[..40]);
    assert_eq!(run.closed(), (ThinkingClosed::Hard, Some(ThinkingEndedBy::Budget)));
}

#[test]
fn the_answers_reserve_is_kept() {
    let limits = Limits { budget: None, answer_reserve: 10, tokens_max: 30 };
    let run = World::with_tags(ThinkingStart::Open).run(limits, &bytes("on and on and "));
    assert_eq!(run.steps.len(), 30);
    assert_eq!(run.steps.iter().filter(|step| step.part == Part::Answer).count(), 10);
    assert_eq!(run.closed(), (ThinkingClosed::Hard, Some(ThinkingEndedBy::AnswerReserve)));
}

#[test]
fn an_end_within_a_bounded_thought_ends_the_thought() {
    let wishes = tokens(&[&bytes("hm"), &[EOS], &bytes("42"), &[EOS]]);
    let run = World::with_tags(ThinkingStart::Open).run(budget(50), &wishes);
    assert_eq!((run.texts(), run.ended), (("hm", "42"), true));
    assert_eq!(run.closed(), (ThinkingClosed::Soft, Some(ThinkingEndedBy::EndOfText)));
    let free = World::with_tags(ThinkingStart::Open).run(NO_LIMITS, &wishes);
    assert_eq!((free.texts(), free.ended_in_thought), (("hm", ""), true));
    assert_eq!(free.closed(), (ThinkingClosed::Open, None));
}

#[test]
fn a_marker_after_a_forced_end_is_no_text() {
    let wishes = tokens(&[&bytes("one two"), &[CLOSE], &bytes("42"), &[EOS]]);
    let run = World::with_tags(ThinkingStart::Open).run(budget(3), &wishes);
    assert_eq!(run.texts(), ("one", " two42"));
    // Without a forced end it is what the model wants to say.
    let wishes = tokens(&[&bytes("hm"), &[CLOSE], &bytes("say "), &[CLOSE, EOS]]);
    let run = World::with_tags(ThinkingStart::Open).run(NO_LIMITS, &wishes);
    assert_eq!(run.steps.last().map(|step| step.part), Some(Part::Answer));
}

#[test]
fn a_tool_call_is_not_interrupted() {
    let call = tokens(&[&bytes("so "), &[CALL], &bytes("f(x. y)"), &[CALL_END], &bytes(" on")]);
    let run = World::with_tags(ThinkingStart::Open).run(budget(5), &call);
    assert_eq!(run.thinking_tokens, 12);
    assert_eq!(run.texts.thinking, "so f(x. y)");
    let endless = tokens(&[&[CALL], &[97; 3000]]);
    let limits = Limits { tokens_max: 3000, ..budget(5) };
    let run = World::with_tags(ThinkingStart::Open).run(limits, &endless);
    assert_eq!(run.thinking_tokens, TOOL_CALL_TOKENS_MAX + 1);
}

#[test]
fn a_character_is_not_cut() {
    // Six characters of three bytes: two of them and a byte would be the budget of seven.
    let run = World::with_tags(ThinkingStart::Open).run(budget(7), &bytes("日本語日本語"));
    assert_eq!((run.texts.thinking.as_str(), run.thinking_tokens), ("日本", 6));
}

#[test]
fn markers_of_several_tokens_are_read_and_written() {
    let world = World::with_spelled_tags(ThinkingStart::Undecided);
    let wishes = tokens(&[&bytes("<think>\na </b\n</think>\n\n42"), &[EOS]]);
    let run = world.run(NO_LIMITS, &wishes);
    assert_eq!(run.texts(), ("a </b", "42"));
    assert_eq!(run.thinking_tokens, "\na </b\n".len());
    // The budget ends within the model's own marker, which is then finished.
    let wishes = tokens(&[&bytes("<think>abc</th"), &bytes("x")]);
    let run = world.run(Limits { tokens_max: 19, ..budget(6) }, &wishes);
    assert_eq!(run.texts(), ("abc", "h"), "`</t` counts until it is known to be a marker");
    assert_eq!((run.thinking_tokens, run.forced()), (3, bytes("hink>")));
}

#[test]
fn harmony_thinks_in_a_channel() {
    let [start, channel, message, end] = [256, 257, 258, 259];
    let world = World::with_harmony();
    let header = |name: &str| tokens(&[&[channel], &bytes(name), &[message]]);
    let wishes = tokens(&[
        &header("analysis"),
        &bytes("We think."),
        &[end, start],
        &bytes("assistant"),
        &header("final"),
        &bytes("42"),
        &[EOS],
    ]);
    let run = world.run(NO_LIMITS, &wishes);
    assert_eq!((run.texts(), run.thinking_tokens), (("We think.", "42"), 9));
    assert_eq!(run.closed(), (ThinkingClosed::Natural, Some(ThinkingEndedBy::Model)));
    let run = world.run(Limits { tokens_max: 40, ..budget(4) }, &wishes);
    let close = tokens(&[&[end, start], &bytes("assistant"), &header("final")]);
    assert_eq!((run.forced(), run.thinking_tokens), (close, 4));
    assert!(run.texts.thinking == "We t" && run.texts.answer.starts_with("hink."), "{run:?}");
}

/// What a model may wish for: words, characters of several bytes, broken ones, markers, ends.
fn wish() -> impl Strategy<Value = Vec<TokenId>> {
    prop_oneof![
        6 => "[a-z]{1,6}[ .\n]{0,2}".prop_map(|text| bytes(&text)),
        2 => "\\PC".prop_map(|text| bytes(&text)),
        1 => (0..256_u32).prop_map(|byte| vec![byte]),
        1 => (OPEN..=EOS).prop_map(|token| vec![token]),
        1 => Just(bytes("</th")),
    ]
}

fn worlds() -> impl Strategy<Value = World> {
    prop_oneof![
        Just(World::with_tags(ThinkingStart::Open)),
        Just(World::with_tags(ThinkingStart::Undecided)),
        Just(World::with_spelled_tags(ThinkingStart::Open)),
        Just(World::with_harmony()),
    ]
}

fn limits() -> impl Strategy<Value = Limits> {
    (prop::option::of(0..60_usize), 0..30_usize, 60..150_usize).prop_map(
        |(budget, answer_reserve, tokens_max)| Limits { budget, answer_reserve, tokens_max },
    )
}

proptest! {
    #[test]
    fn budgets_and_reserves_hold_whatever_the_model_wishes(
        world in worlds(),
        limits in limits(),
        wishes in prop::collection::vec(wish(), 1..40),
        opens in any::<bool>(),
    ) {
        let open = if opens { world.setup.format.open.ids().to_vec() } else { Vec::new() };
        let fences = &world.setup.format.tool_calls;
        let calls = |token: &TokenId| fences.iter().any(|fence| fence.open == *token);
        let wishes = wishes.into_iter().flatten().filter(|token| !calls(token));
        let wishes: Vec<TokenId> = open.into_iter().chain(wishes).chain([97]).collect();
        let run = world.run(limits, &wishes);
        if let Some(budget) = limits.budget {
            prop_assert!(run.thinking_tokens <= budget, "{} of {budget}", run.thinking_tokens);
            prop_assert!(!run.ended_in_thought || run.report.is_none_or(|r| r.ended_by.is_some()));
        }
        // A thought that begins before the reserve does leaves it whole.
        let format = &world.setup.format;
        let is_tags = matches!(format.style, text::thinking::ThinkingStyle::Tags);
        let thought = run.steps.iter().position(|step| step.part == Part::Thinking);
        let reserve = limits.answer_reserve;
        let last = limits.tokens_max - reserve - format.close_tokens_max();
        if is_tags && reserve > 0 && thought.is_some_and(|place| place < last) && !run.ended {
            let answers = run.steps.iter().position(|step| step.answers).expect("it answers");
            prop_assert!(limits.tokens_max - (answers + 1) >= reserve, "{answers}");
        }
        // Tokens are forced one behind the other, and they are the model's own marker.
        let forced = run.forced();
        let is_close = |ids: &[TokenId]| {
            let rests = format.close.rest.iter().chain([&format.close_line]);
            rests.into_iter().any(|rest| rest.starts_with(ids))
        };
        let longest = format.close_tokens_max();
        prop_assert!(forced.chunks(longest).all(is_close), "{forced:?}");
    }

    #[test]
    fn a_thought_of_whole_characters_stays_one(
        world in worlds(),
        limits in limits(),
        text in "\\PC{1,30}",
    ) {
        let open = world.setup.format.open.ids().to_vec();
        let wishes = tokens(&[&open, &bytes(&text)]);
        let run = world.run(limits, &wishes);
        let forced = run.steps.iter().position(|step| step.forced.is_some());
        let thought = run.steps[..forced.unwrap_or(0)].iter();
        let thought = thought.filter(|step| step.part == Part::Thinking);
        let bytes: Vec<u8> = thought.filter_map(|step| u8::try_from(step.token).ok()).collect();
        prop_assert!(std::str::from_utf8(&bytes).is_ok(), "{bytes:?}");
    }

    #[test]
    fn tokens_that_are_read_again_say_the_same(
        world in worlds(),
        limits in limits(),
        wishes in prop::collection::vec(wish(), 1..40),
    ) {
        let wishes: Vec<TokenId> = wishes.into_iter().flatten().chain([97]).collect();
        let run = world.run(limits, &wishes);
        let again = world.run(limits, &wishes);
        prop_assert_eq!(&run, &again);
        // Read without being told what was forced: the same text, wherever it was divided.
        let plan = ThinkingPlan::default();
        let tracker = ThinkingTracker::new(&world.setup, plan, &world.tokenizer, &[], false);
        let ids: Vec<TokenId> = run.steps.iter().map(|step| step.token).collect();
        if !ids.is_empty() {
            let read = world.follow(tracker, ids.len(), &ids);
            prop_assert_eq!(read.texts.answer, run.texts.answer);
            prop_assert_eq!(read.texts.thinking, run.texts.thinking);
        }
    }
}

#[test]
fn numbers_that_contradict_each_other_are_refused() {
    let world = World::with_tags(ThinkingStart::Open);
    let refused = |setup: Option<&ThinkingSetup>, name: &str, value: i128, limit: usize| {
        let params = SamplingParams::from_values([(name, ParamValue::Int(value))]).expect("valid");
        let error = plan(setup, &params, limit).expect_err("refused");
        assert_eq!(error.param(), Some(name), "{error}");
        error.to_string()
    };
    assert!(refused(Some(&world.setup), "answer_reserve", 30, 30).contains("30"));
    assert!(refused(None, "thinking_budget", 5, 30).contains("marks its thoughts"));
    let off = ThinkingSetup { start: ThinkingStart::Closed, ..world.setup.clone() };
    assert!(refused(Some(&off), "thinking_budget", 5, 30).contains("turned off"));
}

#[test]
fn an_effort_is_a_share_of_the_limit_and_never_contradicts_it() {
    let effort = EffortBudget { percent: 80, tokens_max: 1000, reserve_percent: 10 };
    let mut world = World::with_tags(ThinkingStart::Open);
    world.setup.effort = Some(effort);
    let params = SamplingParams::default();
    for (limit, budget, reserve) in [(100, 80, 10), (5, 4, 0), (1, 0, 0), (5000, 1000, 500)] {
        let plan = plan(Some(&world.setup), &params, limit);
        let plan = plan.expect("an effort fits everywhere");
        assert_eq!((plan.budget, plan.answer_reserve), (Some(budget), reserve), "{limit}");
    }
}
