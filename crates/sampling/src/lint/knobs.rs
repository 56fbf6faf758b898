//! Which stage a parameter belongs to, and which parameter another one needs.

/// Parameters that turn a stage on, and the stage.
pub(super) const STAGE_OF: [(&str, &str); 23] = [
    ("logit_bias", "logit_bias"),
    ("repetition_penalty", "repetition_penalty"),
    ("frequency_penalty", "frequency_presence"),
    ("presence_penalty", "frequency_presence"),
    ("no_repeat_ngram_size", "no_repeat_ngram"),
    ("dry_multiplier", "dry"),
    ("exponential_decay_length_penalty", "length_decay"),
    ("top_n_sigma", "top_n_sigma"),
    ("temperature", "temperature"),
    ("dynatemp_range", "temperature"),
    ("smoothing_factor", "smoothing"),
    ("top_h", "top_h"),
    ("top_k", "top_k"),
    ("top_p", "top_p"),
    ("min_p", "min_p"),
    ("typical_p", "typical_p"),
    ("epsilon_cutoff", "epsilon_cutoff"),
    ("eta_cutoff", "eta_cutoff"),
    ("tail_free", "tail_free"),
    ("top_a", "top_a"),
    ("xtc_probability", "xtc"),
    ("mirostat", "mirostat"),
    ("adaptive_target", "adaptive_p"),
];

/// Parameters that only shape what another one does: (those, one of these).
pub(super) const NEEDS: [(&[&str], &[&str]); 8] = [
    (
        &["dry_base", "dry_allowed_length", "dry_penalty_last_n", "dry_sequence_breakers"],
        &["dry_multiplier"],
    ),
    (&["xtc_threshold"], &["xtc_probability"]),
    (&["dynatemp_exponent"], &["dynatemp_range"]),
    (&["smoothing_curve"], &["smoothing_factor"]),
    (&["mirostat_tau", "mirostat_eta"], &["mirostat"]),
    (&["adaptive_decay"], &["adaptive_target"]),
    (&["penalty_last_n", "penalty_scope"], PENALTIES),
    (&["logprobs_mode"], &["logprobs"]),
];

/// The penalties that share a window.
pub(super) const PENALTIES: &[&str] =
    &["repetition_penalty", "frequency_penalty", "presence_penalty"];

/// Parameters that remove unlikely tokens.
pub(super) const CUTS: [&str; 11] = [
    "top_n_sigma",
    "top_h",
    "top_k",
    "top_p",
    "min_p",
    "typical_p",
    "epsilon_cutoff",
    "eta_cutoff",
    "tail_free",
    "top_a",
    "mirostat",
];

/// The stage of a parameter.
pub(crate) fn stage_of(param: &str) -> Option<&'static str> {
    STAGE_OF.iter().find(|(name, _)| *name == param).map(|&(_, stage)| stage)
}

/// Every parameter that turns a stage on.
pub(super) fn stage_params() -> impl Iterator<Item = &'static str> {
    STAGE_OF.iter().map(|&(name, _)| name)
}
