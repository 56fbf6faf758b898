//! Which room may use which: the compiler holds the arrows, this holds the manifest.

use std::path::Path;

/// Each room with the rooms it may use. A room that is not here is refused, so that a new one is a
/// decision, written down here and in `docs/ARCHITECTURE.md`.
const ARROWS: &[(&str, &[&str])] = &[
    ("kernels", &[]),
    ("sampling", &[]),
    ("text", &[]),
    ("policy", &["sampling"]),
    ("plots", &[]),
    ("ledger", &[]),
    ("model", &["kernels"]),
    ("grammar", &["text", "sampling"]),
    ("engine", &["model", "text", "sampling", "grammar"]),
    ("answers", &["engine", "grammar", "policy", "model", "text", "sampling", "kernels"]),
    (
        "server",
        &["answers", "engine", "policy", "ledger", "plots", "grammar", "model", "text", "sampling"],
    ),
    (
        "jeton",
        &[
            "server", "answers", "engine", "grammar", "policy", "ledger", "model", "text",
            "sampling", "kernels",
        ],
    ),
];

/// Rooms whose code may hold `unsafe`; every other one forbids it.
const UNSAFE_ROOMS: &[&str] = &["kernels", "model"];

/// What the manifests and crate roots break.
pub fn problems(root: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(root.join("crates")) else {
        return vec!["crates/: cannot be read".to_string()];
    };
    let mut problems = Vec::new();
    for entry in entries.flatten() {
        let room = entry.file_name().to_string_lossy().into_owned();
        match ARROWS.iter().find(|(name, _)| *name == room) {
            Some((_, allowed)) => room_problems(&entry.path(), &room, allowed, &mut problems),
            None => problems.push(format!("crates/{room}: a new room; add it to ARROWS")),
        }
    }
    problems
}

fn room_problems(path: &Path, room: &str, allowed: &[&str], problems: &mut Vec<String>) {
    let manifest = std::fs::read_to_string(path.join("Cargo.toml")).unwrap_or_default();
    let normal = manifest.split("[dev-dependencies]").next().unwrap_or_default();
    for (name, _) in ARROWS {
        let used = normal.lines().any(|line| {
            line.starts_with(&format!("{name}.workspace"))
                || line.starts_with(&format!("{name} = "))
        });
        if used && *name != room && !allowed.contains(name) {
            problems.push(format!("crates/{room}: may not use `{name}`; arrows go down only"));
        }
    }
    if UNSAFE_ROOMS.contains(&room) {
        return;
    }
    let crate_root = ["src/lib.rs", "src/main.rs"]
        .iter()
        .find_map(|file| std::fs::read_to_string(path.join(file)).ok())
        .unwrap_or_default();
    if !crate_root.contains("#![forbid(unsafe_code)]") {
        problems.push(format!("crates/{room}: the crate root lacks #![forbid(unsafe_code)]"));
    }
}
