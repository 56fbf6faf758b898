//! What is usually meant otherwise: hot sampling without a cut, penalties that garble, values that
//! the model's authors or the profile's program see differently.

use super::knobs::{CUTS, STAGE_OF};
use super::{Kind, Request, Warning, listed, shown, verb};
use crate::params::ParamValue;

/// From here on the tail of a distribution gets a noticeable share of the draws.
const HOT: f64 = 1.3;
/// From here on common words soon become impossible.
const STRONG_REPETITION: f64 = 1.5;

pub(super) fn lint(request: &Request<'_>, warnings: &mut Vec<Warning>) {
    let rules: [fn(&Request<'_>) -> Option<Warning>; 6] = [
        not_in_profile,
        sampling_like_hf,
        order_of_samplers,
        hot_without_a_cut,
        strong_repetition,
        single_token_runs,
    ];
    changed_by_profile(request, warnings);
    warnings.extend(rules.iter().filter_map(|rule| rule(request)));
    differs_from_model(request, warnings);
}

fn warning(
    code: &'static str,
    kind: Kind,
    params: Vec<&'static str>,
    message: String,
) -> Option<Warning> {
    Some(Warning { code, kind, params, message })
}

fn changed_by_profile(request: &Request<'_>, warnings: &mut Vec<Warning>) {
    let program = request.params.profile().program;
    for change in request.params.changed_by_profile() {
        let now = request.value(change.param).map_or(String::new(), |value| shown(&value));
        let message = format!(
            "`{}` {} is used as {now}, as {program} does",
            change.param,
            shown(&change.asked)
        );
        let params = vec![change.param, "profile"];
        warnings.extend(warning("changed_by_profile", Kind::Profile, params, message));
    }
}

fn not_in_profile(request: &Request<'_>) -> Option<Warning> {
    let profile = request.params.profile();
    if request.params.samplers().is_some() {
        return None;
    }
    let foreign = STAGE_OF.iter().filter(|(_, stage)| !profile.has_stage(stage));
    let params = request.wanted(foreign.map(|&(name, _)| name));
    if params.is_empty() {
        return None;
    }
    let message = format!(
        "{} does not have {}; here {} used all the same, so the result is not that program's",
        profile.program,
        listed(&params),
        verb(&params, "it is", "they are"),
    );
    let params = params.into_iter().chain(["profile"]).collect();
    warning("not_in_profile", Kind::Profile, params, message)
}

fn sampling_like_hf(request: &Request<'_>) -> Option<Warning> {
    let profile = request.params.profile();
    let is_off_by_default = profile.defaults.iter().any(|(name, _)| *name == "do_sample");
    if !is_off_by_default || request.params.is_greedy() || request.sets("do_sample") {
        return None;
    }
    let by_model = request.recommended.iter().any(|(name, _)| *name == "do_sample");
    let message = format!(
        "{} samples only with `do_sample` true and would take the best token here; say it, so that \
         both do the same",
        profile.program
    );
    let params = vec!["do_sample", "profile"];
    if by_model { None } else { warning("do_sample_missing", Kind::Profile, params, message) }
}

fn order_of_samplers(request: &Request<'_>) -> Option<Warning> {
    let profile = request.params.profile();
    if profile.order.is_empty() || !request.sets("samplers") {
        return None;
    }
    let message = format!(
        "`samplers` sets the order, so `profile` {} only sets boundaries, penalties and defaults",
        profile.name
    );
    warning("order_of_samplers", Kind::Advice, vec!["samplers", "profile"], message)
}

fn hot_without_a_cut(request: &Request<'_>) -> Option<Warning> {
    let temperature = request.params.temperature();
    let is_cut = CUTS.iter().any(|name| request.acts(name));
    if temperature < HOT || request.params.is_greedy() || is_cut || !request.sets("temperature") {
        return None;
    }
    let message = format!(
        "`temperature` {temperature} without a cut often draws tokens that make no sense; add \
         `min_p` 0.05 or `top_p` 0.9"
    );
    warning("hot_without_cut", Kind::Advice, vec!["temperature"], message)
}

fn strong_repetition(request: &Request<'_>) -> Option<Warning> {
    let penalty = request.params.repetition_penalty();
    if penalty < STRONG_REPETITION || !request.sets("repetition_penalty") {
        return None;
    }
    let message = format!(
        "`repetition_penalty` {penalty} soon forbids common words, those of the prompt included; \
         1.05 to 1.2 is usual"
    );
    warning("strong_repetition", Kind::Advice, vec!["repetition_penalty"], message)
}

fn single_token_runs(request: &Request<'_>) -> Option<Warning> {
    let size = request.params.no_repeat_ngram_size();
    if !(1..=2).contains(&size) || !request.sets("no_repeat_ngram_size") {
        return None;
    }
    let what = if size == 1 { "token" } else { "pair of tokens" };
    let message = format!(
        "`no_repeat_ngram_size` {size} forbids every {what} of prompt and output from coming \
         again, names and commas too; 3 or more is usual"
    );
    warning("short_runs", Kind::Advice, vec!["no_repeat_ngram_size"], message)
}

/// Values of the request next to those that the model's authors recommend. A limit is nothing that
/// a model could know better.
fn differs_from_model(request: &Request<'_>, warnings: &mut Vec<Warning>) {
    for (name, recommended) in request.recommended {
        let own = request.value(name).filter(|_| request.sets(name) && *name != "max_tokens");
        let Some(own) = own.filter(|own| !is_same(own, recommended)) else { continue };
        let message = format!(
            "`{name}` is {} and the model's authors recommend {}; leave it out to follow them",
            shown(&own),
            shown(recommended)
        );
        warnings.extend(warning("differs_from_model", Kind::Advice, vec![name], message));
    }
}

fn is_same(one: &ParamValue, other: &ParamValue) -> bool {
    match (one.number(), other.number()) {
        (Some(one), Some(other)) => (one - other).abs() <= 1e-6 * other.abs(),
        _ => one == other,
    }
}
