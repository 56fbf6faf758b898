//! Settings that do nothing.

use super::knobs::{NEEDS, PENALTIES, stage_of, stage_params};
use super::{Kind, Request, Warning, listed, shown, verb};
use crate::params::{PARAMS, ParamSpec};
use crate::stages::shapes_logits;

pub(super) fn lint(request: &Request<'_>, warnings: &mut Vec<Warning>) {
    let rules: [fn(&Request<'_>) -> Option<Warning>; 7] = [
        under_greedy,
        beside_one_candidate,
        at_neutral,
        left_out,
        xtc_off,
        empty_window,
        no_end_to_wait_for,
    ];
    warnings.extend(rules.iter().filter_map(|rule| rule(request)));
    warnings.extend(NEEDS.iter().filter_map(|(names, needed)| without(request, names, needed)));
}

fn no_effect(code: &'static str, params: Vec<&'static str>, message: String) -> Option<Warning> {
    Some(Warning { code, kind: Kind::NoEffect, params, message })
}

/// Why the best token is always taken: the parameter, and what to say about it.
fn greedy_reason(request: &Request<'_>) -> Option<(&'static str, String)> {
    if !request.params.is_greedy() {
        return None;
    }
    if request.params.is_beam_search() {
        return Some(("num_beams", "a search with `num_beams` draws nothing".to_owned()));
    }
    Some(match request.params.do_sample() {
        false => ("do_sample", "`do_sample` false always takes the best token".to_owned()),
        true => {
            let temperature = request.params.temperature();
            ("temperature", format!("`temperature` {temperature} always takes the best token"))
        }
    })
}

fn under_greedy(request: &Request<'_>) -> Option<Warning> {
    let (reason, why) = greedy_reason(request)?;
    let cuts_first = request.params.profile().greedy.by_stage;
    let idle = |name: &&'static str| {
        let stage = stage_of(name).unwrap_or_default();
        let after_the_cuts = !cuts_first || stage == "temperature";
        *name != reason && !shapes_logits(stage) && after_the_cuts
    };
    let mut params = request.wanted(stage_params().filter(idle));
    if request.sets("seed") && !request.acts("xtc_probability") {
        params.push("seed");
    }
    let (what, does) = (listed(&params), verb(&params, "does", "do"));
    let which = verb(&params, "it", "them");
    let mend = match reason {
        "do_sample" => "set `do_sample` to true",
        "num_beams" => "search without it",
        _ => "raise `temperature`",
    };
    params.push(reason);
    if params.len() == 1 {
        return None;
    }
    let message = format!("{what} {does} nothing: {why}; {mend}, or leave {which} out");
    no_effect("greedy", params, message)
}

fn beside_one_candidate(request: &Request<'_>) -> Option<Warning> {
    if request.params.is_greedy() {
        return None;
    }
    let alone = [("top_k", 1.0), ("top_p", 0.0), ("min_p", 1.0)];
    let (reason, value) = alone.into_iter().find(|(name, value)| {
        request.sets(name) && request.number(name) == Some(*value) && !is_left_out(request, name)
    })?;
    let other = |name: &&str| *name != reason && stage_of(name).is_some_and(|s| !shapes_logits(s));
    let others = request.wanted(stage_params().filter(other));
    let rest = match others.is_empty() {
        true => "say `temperature` 0 for that".to_owned(),
        false => format!("{} then {} nothing", listed(&others), verb(&others, "does", "do")),
    };
    let message = format!("`{reason}` {value} leaves only the best token; {rest}");
    no_effect("one_candidate", std::iter::once(reason).chain(others).collect(), message)
}

fn at_neutral(request: &Request<'_>) -> Option<Warning> {
    let overrides = |name: &str| {
        let mut defaults = request.params.profile().defaults.iter();
        request.recommended.iter().any(|(known, _)| *known == name)
            || defaults.any(|(known, _)| *known == name)
    };
    let neutral = |spec: &&ParamSpec| {
        !spec.neutral.is_empty()
            && request.sets(spec.name)
            && !request.acts(spec.name)
            && !overrides(spec.name)
            && !matches!(spec.name, "profile" | "do_sample")
    };
    let specs: Vec<&ParamSpec> = PARAMS.iter().filter(neutral).collect();
    let params: Vec<&str> = specs.iter().map(|spec| spec.name).collect();
    if params.is_empty() {
        return None;
    }
    let pairs: Vec<String> =
        specs.iter().map(|spec| format!("`{}` {}", spec.name, spec.neutral)).collect();
    let changes = verb(&params, "changes", "change");
    let which = verb(&params, "it", "them");
    let message = format!("{} {changes} nothing; leave {which} out", pairs.join(", "));
    no_effect("neutral_value", params, message)
}

fn is_left_out(request: &Request<'_>, param: &str) -> bool {
    let Some(stages) = request.params.samplers() else { return false };
    stage_of(param).is_some_and(|stage| !stages.contains(&stage))
}

fn left_out(request: &Request<'_>) -> Option<Warning> {
    let greedy = request.params.is_greedy();
    let is_out = |name: &&str| is_left_out(request, name) && !(greedy && *name == "temperature");
    let params = request.wanted(stage_params().filter(is_out));
    let mut stages: Vec<&str> = params.iter().filter_map(|name| stage_of(name)).collect();
    stages.dedup();
    if params.is_empty() {
        return None;
    }
    let message = format!(
        "{} {} nothing: `samplers` leaves out {}; add {}",
        listed(&params),
        verb(&params, "does", "do"),
        listed(&stages),
        verb(&stages, "it", "them"),
    );
    no_effect("left_out_by_samplers", params.into_iter().chain(["samplers"]).collect(), message)
}

/// Of `names`, those set while none of `needed` does anything.
fn without(
    request: &Request<'_>,
    names: &[&'static str],
    needed: &[&'static str],
) -> Option<Warning> {
    let set: Vec<&'static str> = names.iter().copied().filter(|name| request.sets(name)).collect();
    if set.is_empty() || needed.iter().any(|name| request.acts(name)) {
        return None;
    }
    let message = format!(
        "{} {} nothing without {}; set {}",
        listed(&set),
        verb(&set, "does", "do"),
        listed(needed).replace(" and ", " or "),
        verb(needed, "it as well", "one of them as well"),
    );
    no_effect("needs_another", set.into_iter().chain(needed.iter().copied()).collect(), message)
}

fn xtc_off(request: &Request<'_>) -> Option<Warning> {
    let threshold = request.number("xtc_threshold").filter(|threshold| *threshold > 0.5)?;
    let wanted = request.acts("xtc_probability")
        && (request.sets("xtc_probability") || request.sets("xtc_threshold"));
    let message = format!(
        "`xtc_probability` does nothing: no two tokens can both exceed `xtc_threshold` \
         {threshold}; set it to 0.5 or less (0.1 is usual)"
    );
    let params = vec!["xtc_probability", "xtc_threshold"];
    if wanted { no_effect("xtc_threshold", params, message) } else { None }
}

fn empty_window(request: &Request<'_>) -> Option<Warning> {
    let windows: [(&str, &[&str]); 2] =
        [("penalty_last_n", PENALTIES), ("dry_penalty_last_n", &["dry_multiplier"])];
    let (window, params) = windows.into_iter().find_map(|(window, names)| {
        let params = request.wanted(names.iter().copied());
        let is_empty = request.number(window) == Some(0.0);
        (is_empty && !params.is_empty()).then_some((window, params))
    })?;
    let message = format!(
        "{} {} nothing: `{window}` 0 shows them no token; -1 shows them all",
        listed(&params),
        verb(&params, "does", "do"),
    );
    no_effect("empty_window", params.into_iter().chain([window]).collect(), message)
}

fn no_end_to_wait_for(request: &Request<'_>) -> Option<Warning> {
    if !request.params.ignore_eos() {
        return None;
    }
    let has_stops =
        !request.params.stop().is_empty() || !request.params.stop_token_ids().is_empty();
    let name = if request.sets("eos_token_id") {
        "eos_token_id"
    } else if request.wants("min_tokens") && !has_stops {
        "min_tokens"
    } else {
        return None;
    };
    let value = request.value(name).map_or(String::new(), |value| shown(&value));
    let message = format!(
        "`{name}` {value} does nothing: `ignore_eos` goes on after every end token; leave one out"
    );
    no_effect("ignore_eos", vec![name, "ignore_eos"], message)
}
