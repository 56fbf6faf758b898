//! The command line: every command with its flags and an example.

use crate::{commands, draft_flags, param_flags, shape_flags};
use clap::{Arg, ArgAction, Command, value_parser};

/// The whole command line.
pub fn command(version: &'static str) -> Command {
    Command::new("jeton")
        .version(version)
        .about("Generate text from open model files, and see why every token was chosen.")
        .after_help(
            "Example:\n  jeton generate \"Tell me a story about a dragon.\" --max-tokens 200\n\n\
             Without --model the small model inside the program answers.",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([generate(), chat(), trace(), inspect(), bench()])
        .subcommand(commands::serve::command())
        .subcommand(commands::beam::command())
        .subcommand(crate::commands::compare::command())
        .subcommand(crate::commands::verify::command())
        .subcommands([tokenize(), detokenize(), template(), logits(), sample()])
        .subcommand(commands::lint::command(generate()))
        .subcommands([commands::key::command(), commands::usage::command()])
        .subcommand(commands::config::command())
}

fn generate() -> Command {
    let jsonl = flag("jsonl", "Serve JSON Lines requests from standard input (see docs)");
    let stats = Arg::new("no-stats")
        .long("no-stats")
        .action(ArgAction::SetTrue)
        .help("Do not print the summary after the text");
    let special = flag("show-special", "Show special tokens in the text");
    shape_flags::with_flags(Command::new("generate"))
        .about("Write an answer to a prompt, token by token")
        .after_help("Example:\n  jeton generate \"What is 347 + 285?\" --think on --max-tokens 300")
        .arg(
            prompt()
                .required_unless_present_any(["jsonl", "resume", "batch"])
                .conflicts_with_all(["jsonl", "resume", "batch"]),
        )
        .args([batch_file(), hf()])
        .args([json(), jsonl, stats, special])
        .args(record_flags())
        .args(prompt_flags())
        .args(draft_flags::flags())
        .args(model_flags())
        .args(param_flags::flags())
}

fn batch_file() -> Arg {
    Arg::new("batch")
        .long("batch")
        .value_name("FILE")
        .conflicts_with_all(["jsonl", "resume", "save", "receipt"])
        .help("Answer every prompt of a JSON Lines file in one batch; - reads standard input")
}

fn hf() -> Arg {
    Arg::new("hf")
        .long("hf")
        .value_name("JSON")
        .num_args(0..=1)
        .default_missing_value("{}")
        .requires("batch")
        .conflicts_with_all(["prompt", "jsonl", "resume"])
        .help(
            "Treat the batch as one call of Transformers' model.generate with these parameters, \
             and return its padded id matrix",
        )
}

fn chat() -> Command {
    shape_flags::with_flags(Command::new("chat"))
        .about("Hold a conversation; /help lists what can be set on the way")
        .after_help("Example:\n  jeton chat --temperature 0.7")
        .args([system(), think()])
        .args(draft_flags::flags())
        .args(model_flags())
        .args(param_flags::flags())
}

fn trace() -> Command {
    let candidates = Arg::new("candidates")
        .long("candidates")
        .value_name("COUNT")
        .value_parser(value_parser!(u16).range(0..=64))
        .default_value("0")
        .help("Show this many of the best candidates before and after each stage");
    let html = Arg::new("html").long("html").value_name("FILE").help(
        "Write the trace as one web page that needs no network: a heat map, each step by click",
    );
    shape_flags::with_flags(Command::new("trace"))
        .about("Show step by step how each token was chosen")
        .after_help(
            "Example:\n  jeton trace \"Once upon a time\" --raw --max-tokens 12 --candidates 5 \
             --top-p 0.9",
        )
        .arg(prompt().required(true))
        .args([candidates, html, json()])
        .args(prompt_flags())
        .args(draft_flags::flags())
        .args(model_flags())
        .args(param_flags::flags())
}

fn inspect() -> Command {
    let batch = Arg::new("batch")
        .long("batch")
        .value_name("COUNT")
        .value_parser(value_parser!(u32).range(1..=65536))
        .default_value("1")
        .help("Sequences at a time, for the memory estimate");
    let tensors = flag("tensors", "List every tensor");
    Command::new("inspect")
        .about("Say what a model file holds and what memory it will need")
        .after_help("Example:\n  jeton inspect model.gguf --context 8192 --batch 4")
        .arg(
            Arg::new("path")
                .value_name("PATH")
                .help("A GGUF file or a Hugging Face folder; without it the model inside"),
        )
        .args([batch, tensors, json()])
        .args(model_flags().into_iter().filter(|arg| arg.get_id() != "model"))
}

fn bench() -> Command {
    let count = |name: &'static str, default: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .value_name("COUNT")
            .value_parser(value_parser!(u32).range(1..=1_000_000))
            .default_value(default)
            .help(help)
    };
    Command::new("bench")
        .about("Measure prefill and decode speed against this machine's memory bandwidth")
        .after_help("Example:\n  jeton bench --model model.gguf --prefill 512 --decode 128")
        .args([
            count("prefill", "512", "Prompt tokens"),
            count("decode", "128", "Tokens after the prompt, one at a time"),
            count("runs", "3", "Runs; the median is reported"),
            count("sequences", "1", "Sequences decoded at the same time"),
        ])
        .arg(json())
        .args(model_flags())
}

fn tokenize() -> Command {
    Command::new("tokenize")
        .about("Turn text into token ids")
        .after_help("Example:\n  jeton tokenize \"Hello world\"\n\nWithout a text: JSON Lines.")
        .arg(Arg::new("text").value_name("TEXT").help("Text; without it, JSON Lines requests"))
        .args(model_flags())
}

fn detokenize() -> Command {
    Command::new("detokenize")
        .about("Turn token ids into text")
        .after_help("Example:\n  jeton detokenize 12 345 6\n\nWithout ids: JSON Lines.")
        .arg(
            Arg::new("ids")
                .value_name("ID")
                .num_args(0..)
                .value_parser(value_parser!(u32))
                .help("Token ids; without them, JSON Lines requests"),
        )
        .args(model_flags())
}

fn template() -> Command {
    let file = Arg::new("file")
        .long("file")
        .value_name("FILE")
        .conflicts_with("model")
        .help("A chat template file, in place of a model's own");
    Command::new("template")
        .about("Render chat messages as the model's prompt text (JSON Lines)")
        .after_help(
            "Example:\n  echo '{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}' | \
             jeton template",
        )
        .arg(file)
        .args(model_flags())
}

fn logits() -> Command {
    Command::new("logits")
        .about("Compute the logits after given token ids (JSON Lines)")
        .after_help("Example:\n  echo '{\"ids\":[1,2,3]}' | jeton logits --precision f32")
        .args(model_flags())
}

fn sample() -> Command {
    let model = Arg::new("model")
        .short('m')
        .long("model")
        .value_name("PATH")
        .help("A model or tokenizer file, for texts in bad words, biases and DRY's breakers");
    Command::new("sample")
        .about("Choose a token from given logits (JSON Lines)")
        .after_help(
            "Example:\n  echo '{\"logits\":[2,1,0],\"params\":{\"top_k\":2},\"seed\":7}' | \
             jeton sample",
        )
        .arg(model)
}

/// What is kept of a run, and what it goes on from.
fn record_flags() -> [Arg; 3] {
    let file = |name: &'static str| Arg::new(name).long(name).value_name("FILE");
    [
        file("save").help("Write the run to FILE, to go on with it later").conflicts_with("jsonl"),
        file("resume")
            .help("Go on with a run saved in FILE; give a larger --max-tokens")
            .conflicts_with_all(["jsonl", "raw", "system", "think", "show-special"]),
        file("receipt")
            .help("Write what `jeton verify` needs to run it again to FILE")
            .conflicts_with("jsonl"),
    ]
}

/// The prompt.
pub fn prompt() -> Arg {
    Arg::new("prompt").value_name("PROMPT").help("The prompt; - reads standard input")
}

/// How the prompt is made.
pub fn prompt_flags() -> [Arg; 3] {
    [flag("raw", "Continue the text itself, without the model's chat template"), system(), think()]
}

fn system() -> Arg {
    Arg::new("system").long("system").value_name("TEXT").help("A system message before the prompt")
}

fn think() -> Arg {
    Arg::new("think")
        .long("think")
        .value_name("on|off")
        .value_parser(["on", "off"])
        .help("Ask the model to reason first, or not to; without it the model's own default")
}

/// `--json`.
pub fn json() -> Arg {
    flag("json", "Print the result as one JSON object")
}

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

/// Where the model comes from and how it is computed.
pub fn model_flags() -> Vec<Arg> {
    let model = Arg::new("model")
        .long("model")
        .short('m')
        .value_name("PATH")
        .help("A GGUF file or a Hugging Face folder; without it the small model inside");
    let threads = Arg::new("threads")
        .long("threads")
        .short('t')
        .value_name("COUNT")
        .value_parser(value_parser!(u16).range(1..=256))
        .help("Compute threads; without it one per core. Never changes the tokens");
    let precision = Arg::new("precision")
        .long("precision")
        .value_name("auto|f32")
        .value_parser(["auto", "f32"])
        .default_value("auto")
        .help(
            "f32 computes everything in 32-bit floats; auto multiplies quantized weights as such",
        );
    let kv = Arg::new("kv")
        .long("kv")
        .value_name("auto|f16|f32")
        .value_parser(["auto", "f16", "f32"])
        .default_value("auto")
        .help("Storage of keys and values; auto is f16 unless the weights are f32");
    let isa = Arg::new("isa")
        .long("isa")
        .value_name("NAME")
        .value_parser(["scalar", "avx2", "avx512", "neon"])
        .help("Instruction set; without it the fastest. Never changes the tokens");
    let context = Arg::new("context")
        .long("context")
        .value_name("TOKENS")
        .value_parser(value_parser!(u32).range(1..))
        .help("Context window; without it the model's own");
    [model, threads, precision, kv, isa, context]
        .into_iter()
        .map(|arg| arg.help_heading("Model"))
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_consistent() {
        super::command("0").debug_assert();
    }
}
