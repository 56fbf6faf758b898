//! Settings that work against each other.

use super::knobs::CUTS;
use super::{Kind, Request, Warning, listed};
use crate::TokenId;

pub(super) fn lint(request: &Request<'_>, warnings: &mut Vec<Warning>) {
    let rules: [fn(&Request<'_>) -> Option<Warning>; 8] = [
        sampling_without_heat,
        stops_that_wait,
        penalties_that_add_up,
        penalties_that_oppose,
        allowed_and_forbidden,
        no_end_possible,
        two_nuclei,
        mirostat_with_cuts,
    ];
    warnings.extend(rules.iter().filter_map(|rule| rule(request)));
}

fn conflict(code: &'static str, params: &[&'static str], message: String) -> Option<Warning> {
    Some(Warning { code, kind: Kind::Conflict, params: params.to_vec(), message })
}

fn sampling_without_heat(request: &Request<'_>) -> Option<Warning> {
    let params = request.params;
    let is_cold = params.is_greedy() && !params.is_beam_search();
    let both = request.sets("do_sample") && params.do_sample() && is_cold;
    if !both || !request.sets("temperature") {
        return None;
    }
    let message = format!(
        "`do_sample` true asks for a draw and `temperature` {} takes the best token; the \
         temperature wins, so raise it or set `do_sample` to false",
        params.temperature()
    );
    conflict("do_sample_at_zero", &["do_sample", "temperature"], message)
}

fn stops_that_wait(request: &Request<'_>) -> Option<Warning> {
    let params = request.params;
    if !request.wants("min_tokens") {
        return None;
    }
    let min_tokens = params.min_tokens();
    if params.max_tokens() == Some(min_tokens) {
        let message = format!(
            "`min_tokens` and `max_tokens` are both {min_tokens}: nothing but the limit can end \
             the output; lower `min_tokens`"
        );
        return conflict("min_is_max", &["min_tokens", "max_tokens"], message);
    }
    if params.stop().is_empty() {
        return None;
    }
    let message = format!(
        "`stop` does not end the output within its first {min_tokens} tokens, since `min_tokens` \
         says so; a stop text there stays in it"
    );
    conflict("stop_waits", &["stop", "min_tokens"], message)
}

fn penalties_that_add_up(request: &Request<'_>) -> Option<Warning> {
    let params = request.params;
    let repetition = params.repetition_penalty();
    let (frequency, presence) = (params.frequency_penalty(), params.presence_penalty());
    let strong = repetition >= 1.15 && frequency.max(presence) >= 0.5;
    let names = ["repetition_penalty", "frequency_penalty", "presence_penalty"];
    if !strong || !names.iter().any(|name| request.wants(name)) {
        return None;
    }
    let second = if frequency >= presence { names[1] } else { names[2] };
    let message = format!(
        "`repetition_penalty` {repetition} and `{second}` {} punish the same tokens twice, which \
         soon forbids common words; keep one of them",
        frequency.max(presence)
    );
    conflict("penalties_add_up", &[names[0], second], message)
}

fn penalties_that_oppose(request: &Request<'_>) -> Option<Warning> {
    let params = request.params;
    let signs = [
        ("repetition_penalty", params.repetition_penalty() - 1.0),
        ("frequency_penalty", params.frequency_penalty()),
        ("presence_penalty", params.presence_penalty()),
    ];
    let (down, _) = *signs.iter().find(|(_, strength)| *strength > 0.0)?;
    let (up, _) = *signs.iter().find(|(_, strength)| *strength < 0.0)?;
    if !request.sets(down) && !request.sets(up) {
        return None;
    }
    let message = format!(
        "`{down}` makes repeated tokens less likely and `{up}` makes them more likely; give both \
         the same direction"
    );
    conflict("penalties_oppose", &[down, up], message)
}

/// Ids that a list or bias bans.
fn banned(request: &Request<'_>) -> Vec<(TokenId, &'static str)> {
    let by_bias = request.params.logit_bias().filter(|(_, bias)| *bias == f64::NEG_INFINITY);
    let by_bias = by_bias.map(|(id, _)| (id, "logit_bias"));
    let by_list = request.ids("banned_token_ids").into_iter().map(|id| (id, "banned_token_ids"));
    by_bias.chain(by_list).collect()
}

fn allowed_and_forbidden(request: &Request<'_>) -> Option<Warning> {
    let banned = banned(request);
    let allowed = request.ids("allowed_token_ids");
    let raised: Vec<TokenId> =
        request.params.logit_bias().filter(|(_, bias)| *bias > 0.0).map(|(id, _)| id).collect();
    let is_banned = |id: TokenId| banned.iter().find(|(known, _)| *known == id);
    for (ids, name, does) in
        [(&allowed, "allowed_token_ids", "allows"), (&raised, "logit_bias", "raises")]
    {
        if let Some((id, &(_, by))) = ids.iter().find_map(|&id| Some((id, is_banned(id)?))) {
            let message = format!(
                "`{name}` {does} token {id} and `{by}` forbids it; the ban wins, so take it out of \
                 one of them"
            );
            return conflict("allowed_and_forbidden", &[name, by], message);
        }
    }
    let outside = raised.iter().find(|id| !allowed.is_empty() && !allowed.contains(id))?;
    let message = format!(
        "`logit_bias` raises token {outside}, which `allowed_token_ids` leaves out; add it there \
         or take the bias back"
    );
    conflict("allowed_and_forbidden", &["logit_bias", "allowed_token_ids"], message)
}

fn no_end_possible(request: &Request<'_>) -> Option<Warning> {
    let params = request.params;
    let ends = params.eos_ids(request.eos_ids);
    if params.ignore_eos() || ends.is_empty() || !params.stop_token_ids().is_empty() {
        return None;
    }
    let banned = banned(request);
    let allowed = request.ids("allowed_token_ids");
    let by = |id: &TokenId| {
        let ban = banned.iter().find(|(known, _)| known == id).map(|&(_, by)| by);
        let outside = !allowed.is_empty() && !allowed.contains(id);
        ban.or(outside.then_some("allowed_token_ids"))
    };
    let by: Vec<&'static str> = ends.iter().map(by).collect::<Option<_>>()?;
    let message = format!(
        "`{}` forbids every end token, so the output can only end at a stop text or its limit; say \
         `ignore_eos` if that is meant, or leave token {} possible",
        by[0], ends[0]
    );
    conflict("end_forbidden", &[by[0]], message)
}

fn two_nuclei(request: &Request<'_>) -> Option<Warning> {
    let both = request.acts("top_p") && request.acts("typical_p");
    if request.params.is_greedy() || !both || !request.wants("typical_p") {
        return None;
    }
    let message = "`top_p` keeps the likely tokens and `typical_p` may remove the most likely of \
                   them; use one of the two"
        .to_owned();
    conflict("two_nuclei", &["top_p", "typical_p"], message)
}

fn mirostat_with_cuts(request: &Request<'_>) -> Option<Warning> {
    if !request.acts("mirostat") || request.params.is_greedy() {
        return None;
    }
    let cuts = request.wanted(CUTS.into_iter().filter(|name| *name != "mirostat"));
    if cuts.is_empty() {
        return None;
    }
    let params: Vec<_> = cuts.iter().copied().chain(["mirostat"]).collect();
    let what = listed(&cuts);
    let message = if request.params.profile().mirostat_alone {
        format!("{what} do nothing: llama.cpp's mirostat replaces every other cut; leave them out")
    } else {
        format!(
            "`mirostat` steers by the surprise of the whole distribution, and {what} cut it first; \
             leave them out"
        )
    };
    conflict("mirostat_with_cuts", &params, message)
}
