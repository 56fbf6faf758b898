//! Opens many streaming completions at once and says how they did: time to the first token, between
//! tokens and per token, tokens per second, and whether every stream was whole.
//!
//! Works against any server with OpenAI's `/v1/completions` (prompts as token ids, so that each is
//! exactly as long as asked) or `/v1/chat/completions`. One thread, raw HTTP/1.1 over TCP, one
//! connection per request: it must not take the processor that it measures.
#![forbid(unsafe_code)]

mod client;
mod http;
mod load;
mod prompts;
mod report;
mod settings;

use clap::Parser;

use settings::Settings;

fn main() -> std::process::ExitCode {
    let mut settings = Settings::parse();
    if let Err(problem) = settings.check().and_then(|()| settings.read_bodies()) {
        eprintln!("serving-load: {problem}");
        return std::process::ExitCode::from(2);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("serving-load: no event loop: {error}");
            return std::process::ExitCode::from(2);
        }
    };
    let local = tokio::task::LocalSet::new();
    let report = local.block_on(&runtime, load::run(std::rc::Rc::new(settings.clone())));
    if settings.json {
        println!("{}", report.to_json());
    } else {
        print!("{}", report.to_text());
    }
    std::process::ExitCode::from(u8::from(!report.is_sound()))
}
