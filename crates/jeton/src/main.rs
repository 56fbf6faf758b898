//! `jeton` opens the door: the one binary over the rooms.
//!
//! Exit codes: 0 when it did what was asked, 1 when what it compared differs or `lint` warns, 2
//! when the request, a file or the machine was wrong, 130 when the user stopped it. Results go to
//! standard output, everything else to standard error.
#![forbid(unsafe_code)]

mod answer_text;
mod args;
mod batch;
mod beam_tree;
mod choices;
mod commands;
mod computing;
mod draft_flags;
mod failure;
mod generation;
mod interrupt;
mod jsonl;
mod ledger_file;
mod limit_table;
mod open_flags;
mod outcome;
mod output;
mod param_flags;
mod prompt_argument;
mod record_files;
mod resume;
mod runs;
mod shape_flags;
mod side_by_side;
mod summary;
mod terminal;
mod trace_page;

use clap::ArgMatches;
use failure::{EXIT_DIFFERENT, EXIT_INTERRUPTED, EXIT_WARNED, EXIT_WRONG, Failure};
use kernels::Kernels;
use outcome::Outcome;
use std::process::ExitCode;
use terminal::{Paint, Stream};

fn main() -> ExitCode {
    let matches = args::command(version()).get_matches();
    let Some((name, flags)) = matches.subcommand() else { return ExitCode::from(EXIT_WRONG) };
    match run(name, flags) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Warned) => ExitCode::from(EXIT_WARNED),
        Ok(Outcome::Interrupted) => ExitCode::from(EXIT_INTERRUPTED),
        Ok(Outcome::Different) => ExitCode::from(EXIT_DIFFERENT),
        Err(failure) if failure.reader_is_gone() => ExitCode::SUCCESS,
        Err(failure) => {
            let paint = Paint::for_stream(Stream::Err);
            eprintln!("{} {failure}", paint.red("error:"));
            if let Some(hint) = failure.hint() {
                eprintln!("{} {hint}", paint.bold("hint:"));
            }
            ExitCode::from(EXIT_WRONG)
        }
    }
}

fn run(name: &str, flags: &ArgMatches) -> Result<Outcome, Failure> {
    match name {
        // A stream of requests has no use for a softer Ctrl-C: it ends.
        "generate" if flags.get_flag("jsonl") => commands::generate::run(flags),
        "generate" => {
            interrupt::install();
            commands::generate::run(flags)
        }
        "trace" => {
            interrupt::install();
            commands::trace::run(flags)
        }
        "beam" => commands::beam::run(flags),
        "compare" => {
            interrupt::install();
            commands::compare::run(flags)
        }
        "verify" => {
            interrupt::install();
            commands::verify::run(flags)
        }
        "chat" => {
            interrupt::install();
            commands::chat::run(flags).map(|()| Outcome::Done)
        }
        "serve" => commands::serve::run(flags),
        "inspect" => commands::inspect::run(flags).map(|()| Outcome::Done),
        "bench" => commands::bench::run(flags).map(|()| Outcome::Done),
        "tokenize" => commands::tokens::tokenize(flags).map(|()| Outcome::Done),
        "detokenize" => commands::tokens::detokenize(flags).map(|()| Outcome::Done),
        "template" => commands::template::run(flags).map(|()| Outcome::Done),
        "lint" => commands::lint::run(flags),
        "key" => commands::key::run(flags).map(|()| Outcome::Done),
        "usage" => commands::usage::run(flags).map(|()| Outcome::Done),
        "config" => commands::config::run(flags),
        "logits" => commands::logits::run(flags).map(|()| Outcome::Done),
        _ => commands::sample::run(flags).map(|()| Outcome::Done),
    }
}

/// Version and instruction set, kept for the life of the program.
fn version() -> &'static str {
    let isa = Kernels::detect().isa().name();
    Box::leak(format!("{} ({isa})", env!("CARGO_PKG_VERSION")).into_boxed_str())
}
