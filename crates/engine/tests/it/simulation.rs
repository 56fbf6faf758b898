//! A busy day in a small engine, again and again, from a printed seed.
//!
//! Random arrivals, owners, lengths, samplers, stop strings, cancels, deadlines, drafts, continued
//! runs and readers on a pool that is always too small. After every step each block is free or
//! counted; every accepted request ends exactly once; its tokens are those of the oracle, which
//! knows neither batches nor blocks; and in the end everything is given back.
//!
//! `JETON_SIMULATION_SEED=n` runs one day again.

use crate::speculation::GUESSERS;
use crate::world::{Random, Recipe, beam_oracle, bytes, int, oracle, request, texts, tokenizer};
use engine::{Engine, EngineConfig, Event, EventStream, GenerateRequest, Interruption};
use engine::{Finished, LimitOverflow, Speculation, Ticket, Usage, event_channel};
use model::TokenId;
use sampling::params::{ParamValue, SamplingParams};

const DAYS: u64 = 150;

/// A request on its way, as its caller sees it.
struct Caller {
    ticket: Ticket,
    request: GenerateRequest,
    events: EventStream,
    /// Reads everything each time, or seldom.
    is_slow: bool,
    text: String,
    ids: Vec<TokenId>,
    started_count: usize,
    scored_count: usize,
    finished: Option<Finished>,
}

impl Caller {
    fn submit(engine: &mut Engine, request: &GenerateRequest, is_slow: bool) -> Option<Self> {
        let (sink, events) = event_channel(if is_slow { 6 } else { 500 });
        let ticket = engine.submit_with_ticket(request.clone(), sink).ok()?;
        let request = request.clone();
        let (text, ids) = (String::new(), request.generated.clone());
        let (started_count, scored_count, finished) = (0, 0, None);
        Some(Caller {
            ticket,
            request,
            events,
            is_slow,
            text,
            ids,
            started_count,
            scored_count,
            finished,
        })
    }

    fn read(&mut self) {
        while let Ok(event) = self.events.try_next() {
            assert!(self.finished.is_none(), "nothing comes after the end");
            match event {
                Event::Started(started) => {
                    self.started_count += 1;
                    self.text.push_str(&started.resumed_text);
                }
                Event::PromptLogprobs(scores) => {
                    assert_eq!(scores.first_index, self.scored_count + 1, "each is told once");
                    self.scored_count += scores.logprobs.len();
                }
                Event::Token(token) => {
                    assert_eq!((token.index, self.started_count), (self.ids.len(), 1));
                    self.ids.push(token.id);
                    self.text.push_str(&token.text);
                }
                Event::Finished(finished) => {
                    self.text.push_str(&finished.text);
                    self.finished = Some(*finished);
                }
            }
        }
    }

    /// Compares with what the request gives alone; what it went through.
    fn judge(mut self, recipe: &Recipe) -> Usage {
        self.read();
        if self.request.params.is_beam_search() {
            return self.judge_search(recipe);
        }
        let finished = self.finished.expect("every accepted request is finished");
        let expected = oracle(recipe, &self.request);
        match &finished.interruption {
            None => {
                assert_eq!(finished.ids, expected.ids);
                assert_eq!(self.ids, expected.ids);
                assert_eq!(self.text, expected.text);
                assert_eq!(finished.stop_reason, expected.stop_reason);
                let is_scored = self.request.prompt_logprobs.is_some();
                let scored_count = if is_scored { self.request.prompt.len() - 1 } else { 0 };
                assert_eq!(self.scored_count, scored_count);
            }
            Some(Interruption::Cancelled | Interruption::Deadline) => {
                assert!(expected.ids.starts_with(&finished.ids));
                assert_eq!(self.ids, finished.ids);
            }
            Some(Interruption::SinkFull) => {
                assert!(expected.ids.starts_with(&finished.ids));
                assert!(self.is_slow && finished.ids.starts_with(&self.ids));
            }
            Some(other) => panic!("{other}"),
        }
        finished.usage
    }

    /// Compares a beam search with what it gives alone.
    fn judge_search(self, recipe: &Recipe) -> Usage {
        let finished = self.finished.expect("every accepted request is finished");
        match &finished.interruption {
            None => {
                let found = finished.beams.iter().map(|beam| (&beam.ids, beam.score.to_bits()));
                let expected = beam_oracle(recipe, &self.request);
                let expected = expected.iter().map(|beam| (&beam.ids, beam.score.to_bits()));
                assert!(found.eq(expected));
                assert_eq!(self.text, finished.beams[0].text);
                assert_eq!(finished.ids, finished.beams[0].ids);
                assert!(finished.ids.starts_with(&self.ids));
                assert!(self.is_slow || finished.ids == self.ids);
            }
            Some(Interruption::Cancelled | Interruption::Deadline) => {
                assert!(finished.beams.is_empty());
            }
            Some(other) => panic!("{other}"),
        }
        finished.usage
    }
}

fn any_params(random: &mut Random) -> SamplingParams {
    let mut values = vec![("max_tokens", int(1 + random.below(40)))];
    if random.one_in(3) {
        values.push(("temperature", ParamValue::Int(0)));
    }
    if random.one_in(2) {
        values.push(("top_p", ParamValue::Float(0.6)));
    }
    if random.one_in(3) {
        values.push(("frequency_penalty", ParamValue::Float(1.5)));
        values.push(("repetition_penalty", ParamValue::Float(1.2)));
    }
    if random.one_in(4) {
        values.push(("xtc_probability", ParamValue::Float(0.5)));
        values.push(("dry_multiplier", ParamValue::Float(1.0)));
        values.push(("dry_sequence_breakers", ParamValue::List(Vec::new())));
        values.push(("penalty_last_n", int(5)));
    }
    if random.one_in(3) {
        values.push(("stop", texts(&["a", "the", "\u{e9}b", "zzz"])));
    }
    if random.one_in(4) {
        values.push(("min_tokens", int(1)));
    }
    SamplingParams::from_values(values).expect("valid parameters")
}

fn any_request(random: &mut Random) -> GenerateRequest {
    // Few prompts and few beginnings, so that many blocks are shared.
    let mut prompt = match random.below(4) {
        0 => bytes("the same beginning for all of us, "),
        1 => bytes("the same beginning"),
        _ => Vec::new(),
    };
    let own_count = 1 + random.below(25);
    let letter = random.pick(&[97, 98, 99]);
    prompt.extend((0..own_count).map(|_| if random.one_in(4) { 100 } else { letter }));
    let params = any_params(random);
    let mut request = request(&prompt, params);
    request.seed = random.next() % 3;
    request.owner = random.next() % 4;
    request.prompt_logprobs = random.one_in(4).then_some(1);
    request.trace = random.one_in(6).then_some(2);
    request
}

/// The same request, of which some tokens were generated on another day.
fn continued(random: &mut Random, recipe: &Recipe, request: GenerateRequest) -> GenerateRequest {
    let mut ids = oracle(recipe, &request).ids;
    ids.truncate(random.below(ids.len()));
    GenerateRequest { generated: ids, ..request }
}

/// A beam search with the same prompts; what does not fit into the engine is refused.
fn any_search(random: &mut Random) -> GenerateRequest {
    let num_beams = 2 + random.below(3);
    let mut values = vec![
        ("num_beams", int(num_beams)),
        ("num_return_sequences", int(1 + random.below(num_beams))),
        ("max_tokens", int(1 + random.below(40))),
        ("length_penalty", ParamValue::Float(random.pick(&[-1.0, 0.0, 1.0, 2.0]))),
        ("early_stopping", ParamValue::Str(random.pick(&["false", "true", "never"]).to_string())),
    ];
    if random.one_in(3) {
        values.push(("repetition_penalty", ParamValue::Float(1.2)));
    }
    if random.one_in(4) {
        values.push(("stop", texts(&["a", "the", "\u{e9}b", "zzz"])));
    }
    if num_beams == 4 && random.one_in(3) {
        values.push(("num_beam_groups", int(2)));
        values.push(("diversity_penalty", ParamValue::Float(0.5)));
    }
    let params = SamplingParams::from_values(values).expect("valid parameters");
    let on_overflow = LimitOverflow::Refuse;
    let (trace, prompt_logprobs) = (None, None);
    GenerateRequest { params, on_overflow, trace, prompt_logprobs, ..any_request(random) }
}

/// Any request, for tests that run it in their own way: nothing but tokens and text.
pub fn any_request_for(random: &mut Random) -> GenerateRequest {
    GenerateRequest { trace: None, prompt_logprobs: None, ..any_request(random) }
}

fn any_engine(random: &mut Random, recipe: &Recipe) -> (Engine, usize) {
    let kv_block_tokens = random.pick(&[1, 2, 4, 8, 16]);
    let longest = recipe.context_tokens_max.div_ceil(kv_block_tokens);
    let kv_blocks_max = longest + random.below(2 * longest);
    let step_tokens_max = 1 + random.below(40);
    let config = EngineConfig {
        kv_block_tokens,
        kv_blocks_max,
        step_tokens_max,
        prefill_tokens_beside_decode: 1 + random.below(20),
        sequences_max: 1 + random.below(step_tokens_max.min(8)),
        queue_requests_max: 5,
        prefix_sharing: !random.one_in(4),
        ..EngineConfig::default()
    };
    let model = Box::new(recipe.build());
    let engine = Engine::new(model, tokenizer(), config).expect("a good configuration");
    let guesser = random.pick(&GUESSERS);
    let engine = engine.with_draft("the model", guesser.build(recipe)).expect("the same tokens");
    (engine, kv_blocks_max)
}

/// One day; how many preemptions it saw, right guesses, and preemptions of beam searches.
fn day(seed: u64) -> [usize; 3] {
    println!("JETON_SIMULATION_SEED={seed}");
    let mut random = Random(seed);
    let recipe = Recipe::hashed(90);
    let (mut engine, kv_blocks_max) = any_engine(&mut random, &recipe);
    let mut callers: Vec<Caller> = Vec::new();
    let mut to_come = 5 + random.below(20);
    while to_come > 0 || !engine.is_idle() {
        while to_come > 0 && random.one_in(3) {
            to_come -= 1;
            if random.one_in(4) {
                let request = any_search(&mut random);
                let is_slow = random.one_in(6);
                callers.extend(Caller::submit(&mut engine, &request, is_slow));
                continue;
            }
            let mut request = any_request(&mut random);
            request.speculation =
                random.pick(&[Speculation::Off, Speculation::Lookup, Speculation::Model]);
            let choice_count = if random.one_in(5) { 4 } else { 1 };
            for choice_index in 0..choice_count {
                request.choice_index = choice_index;
                request.generated.clear();
                if random.one_in(6) {
                    request = continued(&mut random, &recipe, request);
                }
                let is_slow = random.one_in(6);
                // A full queue refuses; the caller goes away.
                callers.extend(Caller::submit(&mut engine, &request, is_slow));
            }
        }
        let report = engine.step();
        engine.check_accounts();
        assert!(report.kv_blocks_free <= kv_blocks_max);
        for caller in &mut callers {
            if !caller.is_slow || random.one_in(4) {
                caller.read();
            }
            if random.one_in(150) {
                let why = [Interruption::Cancelled, Interruption::Deadline];
                match random.one_in(2) {
                    true => _ = engine.end(caller.ticket.request(), random.pick(&why)),
                    false => caller.ticket.end(random.pick(&why)),
                }
            }
        }
    }
    assert_eq!(engine.report().kv_blocks_free, kv_blocks_max, "everything is given back");
    let mut totals = [0; 3];
    for caller in callers {
        let is_search = caller.request.params.is_beam_search();
        let usage = caller.judge(&recipe);
        let of_searches = if is_search { usage.preempted_count } else { 0 };
        let counts = [usage.preempted_count, usage.accepted_draft_tokens, of_searches];
        totals = std::array::from_fn(|index| totals[index] + counts[index]);
    }
    totals
}

#[test]
fn days_of_traffic() {
    if let Ok(seed) = std::env::var("JETON_SIMULATION_SEED") {
        day(seed.parse().expect("JETON_SIMULATION_SEED is a number"));
        return;
    }
    let days: Vec<[usize; 3]> = (0..DAYS).map(day).collect();
    let totals: [usize; 3] = [0, 1, 2].map(|index| days.iter().map(|day| day[index]).sum());
    assert!(totals[0] > DAYS as usize / 4, "too quiet: {} preemptions", totals[0]);
    assert!(totals[1] > 5 * DAYS as usize, "too quiet: {} right guesses", totals[1]);
    assert!(totals[2] > 0, "too quiet: {} preempted searches", totals[2]);
}
