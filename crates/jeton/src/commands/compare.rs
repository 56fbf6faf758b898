//! `jeton compare`: one prompt under several values of its parameters, side by side.

use super::generate::prompt_from_flags;
use crate::failure::Failure;
use crate::generation::{self, Generator};
use crate::limit_table::milliseconds;
use crate::open_flags;
use crate::outcome::Outcome;
use crate::runs::{Run, limit_views, run_all};
use crate::side_by_side::{Panel, lay_out};
use crate::terminal::{Paint, Stream};
use crate::{args, output, param_flags, shape_flags};
use answers::RequestError;
use answers::answer::Answer;
use answers::effective::Effective;
use answers::limit_views::{LimitView, apart_line};
use answers::open_model::OpenModel;
use answers::request::{Extras, request};
use answers::{param_values, response, truncation};
use clap::{Arg, ArgMatches, Command, value_parser};
use engine::views;
use sampling::params::{Kind, PARAMS, ParamSpec, ParamValue};
use serde_json::{Map, Value, json};

/// Most lanes of one comparison: more than these nobody reads side by side.
const LANES_MAX: usize = 16;

/// The command line.
pub fn command() -> Command {
    let width = Arg::new("width")
        .long("width")
        .value_name("COLUMNS")
        .value_parser(value_parser!(u16).range(1..))
        .help("Lay the texts out for this width; without it the terminal's");
    shape_flags::with_flags(Command::new("compare"))
        .about("Show one prompt under several limits, or several values of any parameter")
        .after_help(
            "Examples:\n  jeton compare \"Tell me a story.\" --max-tokens 20,50,200\n  \
             jeton compare \"Tell me a story.\" --temperature 0.2,0.7,1.2 --seed 1\n\n\
             Several values of a parameter are separated by commas. Those of two parameters are \
             all combined, up to 16 lanes, which run in one batch with the same seed.",
        )
        .arg(args::prompt().required(true))
        .args([width, args::json()])
        .args(args::prompt_flags())
        .args(args::model_flags())
        .args(param_flags::flags())
}

/// Runs the command.
///
/// # Errors
/// When nothing or too much is to be compared, or a lane is refused.
pub fn run(flags: &ArgMatches) -> Result<Outcome, Failure> {
    let knobs = knobs(flags)?;
    let model = open_flags::model(flags)?;
    let prompt = prompt_from_flags(&model, flags)?;
    let mut lanes = Vec::new();
    for varied in combinations(&knobs) {
        let mut values = param_flags::from_matches(flags);
        values.retain(|(name, _)| knobs.iter().all(|knob| knob.spec.name != name));
        let set = |(spec, value): &(&'static ParamSpec, ParamValue)| {
            (spec.name.to_owned(), value.clone())
        };
        values.extend(varied.iter().map(set));
        let effective = Effective::merge(&values, &model.recommended())?;
        let request = request(&model, &prompt, &effective, Extras::default())?;
        generation::one_answer(&request)?;
        lanes.push(Lane { varied, effective, request });
    }
    let limit_count = lanes.first().map_or(0, |lane| lane.request.params.limits().len());
    if knobs.is_empty() && limit_count == 0 {
        let hint = "give a parameter several values: --max-tokens 20,50,200 or \
                    --temperature 0.2,0.7,1.2";
        return Err(Failure::new("there is nothing to compare").with_hint(hint));
    }
    let mut generator = Generator::new(&model, flags, lanes.len() * limit_count.max(1))?;
    let grammar = generator.grammar(&model, shape_flags::from_flags(flags)?.as_ref())?;
    // One seed for all: what differs then is what was varied.
    let seed = lanes.first().map_or(0, |lane| lane.request.seed);
    for lane in &mut lanes {
        lane.request.seed = lane.effective.params.seed().unwrap_or(seed);
        lane.request.grammar = grammar.clone();
    }
    let answers = answers(&mut generator, lanes)?;
    if flags.get_flag("json") {
        output::line(&comparison_json(&model, &answers).to_string())?;
    } else {
        let panels: Vec<Panel> =
            answers.iter().flat_map(|answered| panels(&model, answered)).collect();
        output::text(&lay_out(&panels, width(flags), Paint::for_stream(Stream::Out)))?;
        let requests = answers.iter().map(|answered| &answered.answer.request);
        if let Some(line) = requests.filter_map(apart_line).next() {
            eprintln!("\n{}", Paint::for_stream(Stream::Err).dim(&line));
        }
    }
    let answers = answers.iter().map(|answered| &answered.answer);
    Outcome::of_answers(answers.map(|answer| &answer.completion.finished.interruption))
}

/// A parameter with the values it is tried with.
struct Knob {
    spec: &'static ParamSpec,
    values: Vec<ParamValue>,
}

/// One lane: what sets it apart, and its request.
struct Lane {
    varied: Vec<(&'static ParamSpec, ParamValue)>,
    effective: Effective,
    request: engine::GenerateRequest,
}

/// The parameters that were given several values. A list of limits is none: one run answers it.
fn knobs(flags: &ArgMatches) -> Result<Vec<Knob>, Failure> {
    let mut knobs = Vec::new();
    for spec in PARAMS {
        let is_single = matches!(
            spec.kind,
            Kind::Float { .. } | Kind::Integer { .. } | Kind::Bool { .. } | Kind::Choice { .. }
        );
        let Ok(Some(given)) = flags.try_get_one::<String>(spec.name) else { continue };
        if !is_single || !given.contains(',') {
            continue;
        }
        let pieces = given.split(',').map(str::trim);
        let values = pieces.map(|piece| param_flags::from_words(&spec.kind, &[piece]));
        knobs.push(Knob { spec, values: values.collect() });
    }
    let counts: Vec<String> = knobs.iter().map(|knob| knob.values.len().to_string()).collect();
    let lane_count = knobs.iter().fold(1usize, |all, knob| all.saturating_mul(knob.values.len()));
    if lane_count > LANES_MAX {
        let product = counts.join(" × ");
        let message = format!("at most {LANES_MAX} lanes are compared; given {product}");
        return Err(Failure::new(message));
    }
    Ok(knobs)
}

/// Every choice of one value per knob; the last knob changes fastest.
fn combinations(knobs: &[Knob]) -> Vec<Vec<(&'static ParamSpec, ParamValue)>> {
    let mut all = vec![Vec::new()];
    for knob in knobs {
        let longer = |chosen: &Vec<(&'static ParamSpec, ParamValue)>| {
            let with = |value: &ParamValue| {
                let one = std::iter::once((knob.spec, value.clone()));
                chosen.iter().cloned().chain(one).collect()
            };
            knob.values.iter().map(with).collect::<Vec<_>>()
        };
        all = all.iter().flat_map(longer).collect();
    }
    all
}

/// A lane's answer; of several runs (limits that shape the tokens) the one under the largest.
struct Answered {
    varied: Vec<(&'static ParamSpec, ParamValue)>,
    answer: Answer,
}

fn answers(generator: &mut Generator, lanes: Vec<Lane>) -> Result<Vec<Answered>, Failure> {
    let mut requests = Vec::new();
    let mut run_counts = Vec::new();
    for lane in &lanes {
        let of_lane = views::runs(&lane.request)
            .map_err(|error| RequestError::parameter(&error.param, error.message))?;
        run_counts.push(of_lane.len());
        requests.extend(of_lane);
    }
    let mut runs = run_all(generator.engine(), requests, |_, _| Ok(()))?.into_iter();
    let mut answers = Vec::with_capacity(lanes.len());
    for (Lane { varied, effective, request }, run_count) in lanes.into_iter().zip(run_counts) {
        let of_lane: Vec<Run> = runs.by_ref().take(run_count).collect();
        let views = limit_views(&request, &of_lane, generator.engine());
        let largest = of_lane.into_iter().max_by_key(|run| run.request.params.max_tokens());
        let run = largest.expect("a lane has at least one run");
        let times = run.times();
        let answer = Answer { request, completion: run.completion, views, effective, times };
        answers.push(Answered { varied, answer });
    }
    Ok(answers)
}

/// The panels of a lane: one, or one per limit.
fn panels(model: &OpenModel, answered: &Answered) -> Vec<Panel> {
    let Answered { varied, answer } = answered;
    let name = |spec: &ParamSpec, value: &ParamValue| match value {
        ParamValue::Str(word) => format!("{} {word}", spec.name),
        value => format!("{} {value}", spec.name),
    };
    let words: Vec<String> = varied.iter().map(|(spec, value)| name(spec, value)).collect();
    if answer.views.is_empty() {
        let finished = &answer.completion.finished;
        let cut = truncation::answer_line(model, answer);
        let total = answer.times.total;
        let facts = facts(finished.ids.len(), finished.finish_reason.as_str(), total, cut);
        return vec![Panel {
            heading: words.join(", "),
            facts,
            text: said(&answer.completion.thinking_text, &answer.completion.text),
        }];
    }
    let panel = |limit: &LimitView| {
        let own = format!("max_tokens {}", limit.view.limit);
        let heading = words.iter().cloned().chain([own]).collect::<Vec<_>>().join(", ");
        let cut = limit.diagnosis(model).map(|found| found.explanation);
        let finish = limit.view.finish_reason.as_str();
        let facts = facts(limit.view.ids.len(), finish, limit.latency, cut);
        Panel { heading, facts, text: said(&limit.view.thinking_text, &limit.view.text) }
    };
    answer.views.iter().map(panel).collect()
}

/// Thought and answer as one text; the thought between marks.
fn said(thought: &str, answer: &str) -> String {
    match (thought, answer) {
        ("", answer) => answer.to_owned(),
        (thought, "") => format!("<think>\n{thought}"),
        (thought, answer) => format!("<think>\n{thought}\n</think>\n\n{answer}"),
    }
}

fn facts(
    tokens: usize,
    finish: &str,
    time: std::time::Duration,
    cut: Option<String>,
) -> Vec<String> {
    let seconds = time.as_secs_f64();
    let speed = match seconds > 0.0 {
        true => format!(" ({:.0} tokens/s)", tokens as f64 / seconds),
        false => String::new(),
    };
    let mut facts = vec![format!("{tokens} tokens, {finish}"), milliseconds(time) + &speed];
    facts.extend(cut);
    facts
}

fn comparison_json(model: &OpenModel, answers: &[Answered]) -> Value {
    let lane = |answered: &Answered| {
        let varied: Map<String, Value> = answered
            .varied
            .iter()
            .map(|(spec, value)| (spec.name.to_owned(), param_values::to_json(value)))
            .collect();
        let mut json = json!({ "varied": varied });
        let Value::Object(fields) = response::answer_json(model, &answered.answer) else {
            return json;
        };
        for (name, value) in fields {
            json[name] = value;
        }
        json
    };
    json!({"lanes": answers.iter().map(lane).collect::<Vec<_>>()})
}

/// Columns to fill: those asked for, else the terminal's; none where nobody looks.
fn width(flags: &ArgMatches) -> Option<usize> {
    let asked = flags.get_one::<u16>("width").map(|&width| usize::from(width));
    let terminal = || terminal_size::terminal_size_of(std::io::stdout());
    asked.or_else(|| terminal().map(|(width, _)| usize::from(width.0)))
}
