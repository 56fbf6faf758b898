//! The `jeton` object of a response: all that this server adds to other APIs' answers, built here
//! for every route. A stream has the first part on its first chunk and the rest on its last; a
//! whole body has both in one.

use super::account::{Account, RequestTimes, used_by};
use super::asked::Asked;
use super::decide::Decided;
use super::govern::Governed;
use super::job::Job;
use super::{milliseconds, quotes, seals};
use answers::answer::Answer;
use answers::effective::Effective;
use answers::json_numbers::from_f64;
use answers::{limit_views, open_model::OpenModel, record, response, speculation, structured};
use answers::{thinking, truncation, warnings};
use engine::views::limit_shapes_tokens;
use policy::Decision;
use policy::price::Cost;
use serde_json::{Map, Value, json};

/// What is known before the first token: limits and parameters, each with who set it.
pub(super) fn at_start(request_id: &str, asked: &Asked, decided: &Decided) -> Value {
    let Decided { governed, effective, request, .. } = decided;
    let mut json = json!({
        "request_id": request_id,
        "limits": limits(governed),
        "parameters": parameters(effective, governed),
        "class": governed.plan.class.class.as_str(),
        "class_reason": governed.plan.class.reason,
        "tag": asked.tag,
        "scenario": asked.scenario,
        "seed": request.seed,
        "prefix_safe": request.prefix_safe(),
    });
    if let Some(cause) = limit_shapes_tokens(request) {
        json["prefix_unsafe_because"] = Value::from(cause);
    }
    if let Some(quote) = &decided.quote {
        json["quote"] = quotes::to_json(quote, &governed.config.currency);
    }
    let mut warnings = all_warnings(decided.model.model(), asked, governed, effective);
    let several = !request.params.limits().is_empty() && !request.prefix_safe();
    if several && (asked.receipt || asked.return_state) {
        let message = "no receipt or state is made: each limit is a run of its own; ask for one";
        warnings.push(json!({
            "code": "no_record", "kind": "ignored", "parameters": ["receipt", "return_state"],
            "message": message,
        }));
    }
    if !warnings.is_empty() {
        json["warnings"] = Value::from(warnings);
    }
    json
}

/// Every limit with what was asked, what counts, and each step in between.
pub(super) fn limits(governed: &Governed) -> Value {
    let limits = governed.limits();
    limits.map(|decision| (decision.param.clone(), decision_json(decision))).collect()
}

/// What is known at the end.
pub(super) fn at_end(job: &Job, answers: &[Answer], account: &Account, cost: &Cost) -> Value {
    let mut json = json!({
        "request_id": job.told.request_id,
        "cost": cost_json(cost, &job.governed.config.currency),
        "times": times_json(&account.times),
    });
    let fields = json.as_object_mut().expect("made as one");
    match answers {
        [answer] => fields.extend(choice(job, answer)),
        several => {
            let each = several.iter().enumerate().map(|(index, answer)| {
                let mut entry = choice(job, answer);
                entry.insert("index".to_owned(), Value::from(index));
                entry.insert("choice_index".to_owned(), answer.request.choice_index.into());
                if let Some(mean) = answer.completion.finished.mean_logprob {
                    entry.insert("mean_logprob".to_owned(), from_f64(mean));
                }
                Value::Object(entry)
            });
            fields.insert("choices".to_owned(), each.collect());
        }
    }
    json
}

/// What is told of one choice.
fn choice(job: &Job, answer: &Answer) -> Map<String, Value> {
    let model = job.model.model();
    let completion = &answer.completion;
    let finished = &completion.finished;
    let mut fields = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            fields.insert(name.to_owned(), value);
        }
    };
    put("stop", Some(stop(job, answer)));
    put("truncation", truncation::answer_json(model, answer));
    put("thinking", thinking::to_json(finished.thinking, &completion.thinking_text));
    put("grammar", finished.grammar.as_ref().map(structured::report_json));
    put("speculation", speculation::answer_json(answer));
    put("views", views(job, answer));
    put("resumed", resumed(answer));
    put("beams", beams(model, answer));
    if job.asked.receipt {
        put("receipt", recorded(job, answer, record::Kind::Receipt));
    }
    if job.asked.return_state {
        put("state", recorded(job, answer, record::Kind::State));
    }
    fields
}

/// Exactly what ended an answer; for its limit, who set that and by which rule.
fn stop(job: &Job, answer: &Answer) -> Value {
    let mut stop = response::stop_json(job.model.model(), answer);
    let limit = &job.governed.plan.max_tokens;
    if stop["kind"] == "max_tokens" {
        stop["set_by"] = Value::from(limit.set_by.as_str());
        stop["rule"] = Value::from(limit.rule.clone());
    }
    stop
}

/// What an answer that goes on had said before, as far as that is certain: a text that could still
/// become a stop string comes again with what is new. None for an answer of its own.
fn resumed(answer: &Answer) -> Option<Value> {
    let started = answer.completion.started.as_ref();
    let started = started.filter(|started| started.resumed_tokens > 0)?;
    Some(json!({
        "tokens": started.resumed_tokens,
        "text": started.resumed_text,
        "thinking_text": started.resumed_thinking_text,
    }))
}

/// What each limit of a list gives, with what it would have cost; none without a list.
fn views(job: &Job, answer: &Answer) -> Option<Value> {
    let view = |view: &limit_views::LimitView| {
        let mut json = view.to_json(job.model.model());
        let used = used_by(&view.view.usage, &answer.completion.tokens, job.prompt_is_paid);
        let cost = job.governed.prices.cost(&used);
        json["cost"] = cost_json(&cost, &job.governed.config.currency);
        let own = job.governed.plan.views.iter().filter(|own| own.limit == view.view.limit as u64);
        json["asked"] = own.map(|own| own.decision.asked.clone()).collect();
        json
    };
    (!answer.views.is_empty()).then(|| answer.views.iter().map(view).collect())
}

/// The hypotheses of a beam search; none without one.
fn beams(model: &OpenModel, answer: &Answer) -> Option<Value> {
    let beams = &answer.completion.finished.beams;
    (!beams.is_empty()).then(|| answers::beams::to_json(model, beams))
}

/// The receipt or the state of an answer; null where none can be made, as for limits that are runs
/// of their own.
fn recorded(job: &Job, answer: &Answer, kind: record::Kind) -> Option<Value> {
    let model = job.model.model();
    let record = record::of_answer(model, answer, job.model.computing(), job.template_used);
    let mut json = record.ok()?.to_json(kind, &answer.completion.text);
    if kind == record::Kind::State {
        seals::put_on(job.service.ledger(), &mut json, &job.governed.terms);
    }
    Some(json)
}

/// Every parameter that somebody set: its value and who set it; what was asked where that differs.
fn parameters(effective: &Effective, governed: &Governed) -> Value {
    let mut json = response::effective_json(effective);
    for decision in governed.decisions() {
        let entry = &mut json[&decision.param];
        if decision.effective.is_null() {
            *entry = json!({"value": null});
        }
        entry["set_by"] = Value::from(decision.set_by.as_str());
        if let Some(rule) = &decision.rule {
            entry["rule"] = Value::from(rule.as_str());
        }
        if decision.is_changed() {
            entry["asked"] = decision.asked.clone();
            entry["changed_by"] = Value::from(decision.set_by.as_str());
        }
    }
    json
}

/// A decision without the name, which is its key.
fn decision_json(decision: &Decision) -> Value {
    let mut json = serde_json::to_value(decision).unwrap_or_default();
    if let Some(fields) = json.as_object_mut() {
        fields.shift_remove("param");
    }
    json
}

/// What the lint says, what was ignored, and fields that nobody knows.
fn all_warnings(
    model: &OpenModel,
    asked: &Asked,
    governed: &Governed,
    effective: &Effective,
) -> Vec<Value> {
    let mut all = match warnings::to_json(&warnings::of(model, effective)) {
        Value::Array(list) => list,
        _ => Vec::new(),
    };
    all.extend(governed.plan.warnings.iter().map(|message| {
        json!({"code": "limits", "kind": "ignored", "parameters": [], "message": message})
    }));
    if !asked.unknown_fields.is_empty() {
        let names: Vec<String> =
            asked.unknown_fields.iter().map(|name| name.chars().take(64).collect()).collect();
        let message = format!("unknown fields were ignored: {}", names.join(", "));
        all.push(json!({
            "code": "unknown_field", "kind": "ignored", "parameters": names, "message": message,
        }));
    }
    all
}

/// What something cost, in units of the currency.
pub(super) fn cost_json(cost: &Cost, currency: &str) -> Value {
    json!({
        "currency": currency,
        "prompt": cost.prompt.as_f64(),
        "cached_prompt": cost.cached_prompt.as_f64(),
        "thinking": cost.thinking.as_f64(),
        "answer": cost.answer.as_f64(),
        "total": cost.total.as_f64(),
    })
}

fn times_json(times: &RequestTimes) -> Value {
    let rounded = |ms: f64| from_f64((ms * 1e3).round() / 1e3);
    let of = |time: Option<std::time::Duration>| time.map(|time| rounded(milliseconds(time)));
    json!({
        "queue_ms": of(times.queue),
        "ttft_ms": of(times.first_token),
        "tpot_ms": times.tpot_ms.map(rounded),
        "total_ms": of(Some(times.total)),
    })
}
