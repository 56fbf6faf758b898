//! The page about profiles, made from their records.

use sampling::profile::{PROFILES, Profile};
use std::fmt::Write;

/// Where it is.
pub const PATH: &str = "docs/PROFILES.md";

/// The page.
pub fn page() -> String {
    let mut page = String::from(
        "# Profiles\n\n\
         Made by `cargo xtask docs` from the records in `crates/sampling/src/profile/records.rs`; \
         change them there.\n\n\
         `--profile NAME` (`\"profile\"` in JSON) chooses tokens as another program does, so that \
         its settings can be carried over: the order of its stages, what its penalties see, its \
         boundaries and ties, when it is greedy, its defaults, and the values that it changes or \
         refuses. What a request says wins over a profile's defaults, and so does what a model's \
         own files recommend, where the program reads that. Results tell `\"set_by\": \
         \"profile\"`; a value that was changed also tells what was `\"asked\"`. `jeton lint` says \
         where a request and its profile's program would part ways.\n\n\
         Random numbers never carry over: the same seed draws other tokens in other programs. What \
         is reproduced, and held to cases that Transformers and llama.cpp computed, is the set of \
         tokens that can be drawn and their probabilities. A profile sets no limits, stops or \
         seeds.\n\n",
    );
    page.push_str(&table());
    page.push_str("\n## Order of stages\n\n");
    for profile in &PROFILES {
        // Writing to a String cannot fail.
        let _ = writeln!(page, "- `{}`: {}", profile.name, order(profile));
    }
    page.push_str(
        "\nA stage that a program lacks can be used all the same; it follows the stage that it \
         follows in Jeton's own order. `samplers` sets the order in its stead. In llama.cpp, \
         mirostat replaces every stage but logit bias and temperature.\n",
    );
    page
}

/// What a row of the table says about a profile.
type Cell = fn(&Profile) -> String;

fn table() -> String {
    let mut table = String::from("| |");
    for profile in &PROFILES {
        let _ = write!(table, " `{}` |", profile.name);
    }
    table.push_str("\n| --- |");
    table.push_str(&" --- |".repeat(PROFILES.len()));
    table.push('\n');
    let rows: [(&str, Cell); 10] = [
        ("stands for", |p| p.program.to_owned()),
        ("`top_k` and ties", |p| p.top_k_ties.words().to_owned()),
        ("`top_p` and ties", |p| p.top_p_edge.words().to_owned()),
        ("`typical_p`", |p| p.typical_p_edge.words().to_owned()),
        ("`min_p`", |_| "keeps equality".to_owned()),
        ("greedy", Profile::greedy_words),
        ("penalties see", penalties),
        ("defaults", defaults),
        ("changes", |p| p.clamp_words().join("; ")),
        ("refuses", |p| match p.refuses_like_openai {
            true => "what OpenAI's API does: temperature above 2, penalties beyond 2".to_owned(),
            false => String::new(),
        }),
    ];
    for (name, cell) in rows {
        let _ = write!(table, "| {name} |");
        for profile in &PROFILES {
            let _ = write!(table, " {} |", cell(profile));
        }
        table.push('\n');
    }
    table
}

fn penalties(profile: &Profile) -> String {
    let scope = match profile.penalty_scope {
        None => "repetition: prompt and output; frequency, presence: output".to_owned(),
        Some(scope) => format!("all: {}", scope.name().replace('_', " ")),
    };
    let window = profile.penalty_last_n.map(|count| format!("; the last {count} tokens"));
    scope + &window.unwrap_or_default()
}

fn defaults(profile: &Profile) -> String {
    let words: Vec<String> =
        profile.defaults.iter().map(|(name, value)| format!("`{name}` {value}")).collect();
    match (words.is_empty(), profile.model_first) {
        (true, _) => "Jeton's; the model's own files come first".to_owned(),
        (false, true) => format!("{}; the model's own files come first", words.join(", ")),
        (false, false) => format!("{}; the model's own files do not count", words.join(", ")),
    }
}

fn order(profile: &Profile) -> String {
    match profile.order {
        [] => sampling::stages::stage_names().collect::<Vec<_>>().join(", "),
        names => names.join(", "),
    }
}
