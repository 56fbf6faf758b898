//! What each knob computes, in the notation of the stages' own files: `l` logits,
//! `p` probabilities, `H` entropy in nats.

/// The formula of each parameter that has one.
const FORMULAS: &[(&str, &str)] = &[
    ("temperature", "l_i := l_i / T"),
    ("top_k", "keep the k largest l_i"),
    ("top_p", "keep the smallest set of best tokens with sum p_i >= P"),
    ("min_p", "keep p_i >= m max_j p_j"),
    ("top_n_sigma", "keep l_i >= max_j l_j - n sigma(l)"),
    ("typical_p", "keep the smallest |-ln p_i - H| until sum p_i >= P"),
    ("epsilon_cutoff", "keep p_i >= eps"),
    ("eta_cutoff", "keep p_i >= min(eps, sqrt(eps) exp(-H))"),
    ("repetition_penalty", "for each token said: l_i := l_i / r if l_i > 0, else l_i r"),
    ("frequency_penalty", "l_i := l_i - f (times i was said)"),
    ("presence_penalty", "l_i := l_i - a, where i was said"),
    ("no_repeat_ngram_size", "remove i where the last n-1 tokens and i occurred before"),
    ("logit_bias", "l_i := l_i + b_i"),
    (
        "dry_multiplier",
        "l_i := l_i - m b^(n_i - a), n_i the length of the repeat that i would prolong",
    ),
    (
        "exponential_decay_length_penalty",
        "l_end := l_end + |l_end| (f^(n - s) - 1), n > s tokens in",
    ),
    ("dynatemp_range", "T := low + (high - low) (H / ln n)^e, low = max(0, t - r), high = t + r"),
    ("smoothing_factor", "l_i := max_j l_j - f (l_i - max_j l_j)^2 (at curve 1)"),
    (
        "smoothing_curve",
        "l_i := m - k f d^2 + s f d^3, d = l_i - m, k = (3 - c) / 2, s = (c - 1) / 2",
    ),
    ("top_h", "keep the best tokens while -sum q ln q <= h H"),
    ("tail_free", "keep the best tokens while the curvature of sorted p sums to at most z"),
    ("top_a", "keep p_i >= a (max_j p_j)^2"),
    ("xtc_probability", "with probability q: remove all p_i >= t but the least of them"),
    ("mirostat", "keep -log2 p_i <= mu; then mu := mu - eta (-log2 p - tau)"),
    (
        "adaptive_target",
        "l_i := 5 - 10 d^2 / (1 + d), d = |p_i - a| / 0.3; a follows what was chosen",
    ),
    ("length_penalty", "score = sum of ln p / length^x"),
    ("diversity_penalty", "l_i := l_i - d (times earlier groups chose i at this step)"),
];

/// The formula of a parameter.
pub fn of(param: &str) -> Option<&'static str> {
    FORMULAS.iter().find(|(name, _)| *name == param).map(|(_, formula)| *formula)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sampling::params::ParamSpec;

    #[test]
    fn every_formula_belongs_to_a_parameter() {
        for (name, _) in FORMULAS {
            assert_eq!(ParamSpec::find(name).map(|spec| spec.name), Some(*name));
        }
    }
}
