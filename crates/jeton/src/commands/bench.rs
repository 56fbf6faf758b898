//! `jeton bench`: prefill and decode speed beside what this machine's memory allows.

use crate::failure::Failure;
use crate::open_flags;
use crate::output;
use answers::open_model::OpenModel;
use clap::ArgMatches;
use kernels::{Kernels, ThreadPool};
use model::{
    Forward, KvBlockId, KvPool, LoadedModel, Logits, Segment, StepRows, TokenId, WantedLogits,
};
use serde_json::{Value, json};
use std::time::Instant;

const BLOCK_TOKENS: usize = 16;
/// Bytes that the bandwidth measurement reads per pass: far more than any cache holds.
const BANDWIDTH_BYTES: usize = 512 << 20;
const BANDWIDTH_PASSES: usize = 5;

/// What is measured.
struct Plan {
    prefill_tokens: usize,
    decode_tokens: usize,
    sequences: usize,
}

/// Speeds of one run, in tokens per second over all sequences.
struct Run {
    prefill: f64,
    decode: f64,
}

/// Runs the command.
///
/// # Errors
/// When the model cannot be opened, or its window is too short for the measurement.
pub fn run(flags: &ArgMatches) -> Result<(), Failure> {
    let count = |name: &str| flags.get_one::<u32>(name).map_or(1, |&count| count as usize);
    let file = open_flags::model(flags)?;
    let mut model = crate::computing::load(&file, flags)?;
    let mut plan = Plan {
        prefill_tokens: count("prefill"),
        decode_tokens: count("decode"),
        sequences: count("sequences"),
    };
    let window = model.context_tokens_max();
    plan.prefill_tokens = plan.prefill_tokens.min(window / 2).max(1);
    plan.decode_tokens = plan.decode_tokens.min(window - plan.prefill_tokens);
    let threads = flags.get_one::<u16>("threads").map_or_else(
        || std::thread::available_parallelism().map_or(1, usize::from),
        |&threads| usize::from(threads),
    );
    let bandwidth_before = bandwidth(threads);
    let runs: Vec<Run> = (0..count("runs")).map(|_| measure(&mut model, &plan)).collect();
    let bandwidth = bandwidth_before.max(bandwidth(threads));
    let report = report(&file, &plan, threads, &runs, bandwidth);
    if flags.get_flag("json") {
        output::line(&report.to_string())?;
    } else {
        output::text(&text(&report))?;
    }
    Ok(())
}

/// Read bandwidth of the machine with that many threads, in bytes per second.
fn bandwidth(threads: usize) -> f64 {
    let pool = ThreadPool::new(threads);
    kernels::bandwidth::read_bandwidth(&Kernels::detect(), &pool, BANDWIDTH_BYTES, BANDWIDTH_PASSES)
        .median_bytes_per_second
}

/// One prompt per sequence, then one token per sequence and step.
fn measure(model: &mut LoadedModel, plan: &Plan) -> Run {
    let blocks_each = (plan.prefill_tokens + plan.decode_tokens).div_ceil(BLOCK_TOKENS);
    let mut kv = KvPool::new(model.kv_shape(), BLOCK_TOKENS, blocks_each * plan.sequences);
    let mut logits = Logits::new();
    let tables: Vec<Vec<KvBlockId>> = (0..plan.sequences)
        .map(|sequence| sequence * blocks_each..(sequence + 1) * blocks_each)
        .map(|range| range.map(|id| KvBlockId(id as u32)).collect())
        .collect();
    let vocab_size = model.vocab_size() as u32;
    let mut step = |model: &mut LoadedModel, first_position: usize, count: usize| {
        let segments = tables.iter().enumerate().map(|(sequence, table)| Segment {
            tokens: tokens(first_position, count, sequence, vocab_size),
            first_position,
            kv_blocks: table[..(first_position + count).div_ceil(BLOCK_TOKENS)].to_vec(),
            logits: WantedLogits::Last,
        });
        model.forward(&StepRows { segments: segments.collect() }, &mut kv, &mut logits);
    };
    // Touches the weights and sizes the workspace, which is no part of either speed.
    step(model, 0, plan.prefill_tokens.min(8));
    let start = Instant::now();
    step(model, 0, plan.prefill_tokens);
    let prefill = start.elapsed().as_secs_f64();
    let start = Instant::now();
    for index in 0..plan.decode_tokens {
        step(model, plan.prefill_tokens + index, 1);
    }
    let decode = start.elapsed().as_secs_f64();
    let speed = |tokens: usize, seconds: f64| (tokens * plan.sequences) as f64 / seconds;
    Run { prefill: speed(plan.prefill_tokens, prefill), decode: speed(plan.decode_tokens, decode) }
}

/// Some tokens: which ones makes no difference to the time.
fn tokens(first: usize, count: usize, sequence: usize, vocab_size: u32) -> Vec<TokenId> {
    let token = |index: usize| ((index * 7 + sequence * 13) % 1000 + 10) as u32 % vocab_size;
    (first..first + count).map(token).collect()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn report(file: &OpenModel, plan: &Plan, threads: usize, runs: &[Run], bandwidth: f64) -> Value {
    let prefill = median(runs.iter().map(|run| run.prefill));
    let decode = median(runs.iter().map(|run| run.decode));
    // A step reads each matrix once, whatever the number of sequences; of the embedding it reads
    // one row, unless it is the output matrix as well.
    let bytes_per_step = step_bytes(file);
    let steps_per_second = decode / plan.sequences as f64;
    json!({
        "engine": format!("jeton {}", env!("CARGO_PKG_VERSION")),
        "model": file.file.name(),
        "isa": Kernels::detect().isa().name(),
        "threads": threads,
        "sequences": plan.sequences,
        "prefill_tokens": plan.prefill_tokens,
        "decode_tokens": plan.decode_tokens,
        "prefill_tokens_per_second": prefill,
        "decode_tokens_per_second": decode,
        "bytes_read_per_step": bytes_per_step,
        "decode_gb_per_second": steps_per_second * bytes_per_step as f64 / 1e9,
        "read_bandwidth_gb_per_second": bandwidth / 1e9,
        "decode_share_of_bandwidth": steps_per_second * bytes_per_step as f64 / bandwidth,
        "runs": runs.iter().map(|run| json!([run.prefill, run.decode])).collect::<Vec<Value>>(),
    })
}

fn step_bytes(file: &OpenModel) -> u64 {
    let config = file.file.config();
    let embedding = ["token_embd.weight", "embed_tokens.weight", "wte.weight"];
    let skipped: u64 = if config.tied_output {
        0
    } else {
        let tensors = file.file.tensors().stored();
        tensors
            .filter(|tensor| embedding.iter().any(|name| tensor.name.ends_with(name)))
            .map(|tensor| tensor.bytes.len() as u64)
            .sum()
    };
    file.file.tensor_bytes() - skipped
}

fn text(report: &Value) -> String {
    let number = |name: &str| report[name].as_f64().unwrap_or(0.0);
    format!(
        "prefill  {:9.1} tokens/s  ({} tokens at once, {} sequences)\n\
         decode   {:9.1} tokens/s  ({} tokens one by one)\n\
         reads    {:9.1} MB per step, {:.1} GB/s: {:.0} % of the {:.1} GB/s that {} threads read\n",
        number("prefill_tokens_per_second"),
        report["prefill_tokens"],
        report["sequences"],
        number("decode_tokens_per_second"),
        report["decode_tokens"],
        number("bytes_read_per_step") / 1e6,
        number("decode_gb_per_second"),
        number("decode_share_of_bandwidth") * 100.0,
        number("read_bandwidth_gb_per_second"),
        report["threads"],
    )
}
