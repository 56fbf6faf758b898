//! `jeton inspect`: what a model file holds, and what it will need.

use crate::failure::Failure;
use crate::terminal::{Align, bytes, table};
use crate::{computing, output};
use answers::open_model::OpenModel;
use answers::param_values;
use clap::ArgMatches;
use model::memory::{MemoryNeed, Usage};
use model::{Forward, KvElement, LoadedModel, RopeScaling};
use serde_json::{Map, Value, json};
use std::path::Path;

/// Lines of a chat template that a person is shown.
const TEMPLATE_LINES: usize = 6;

/// Runs the command.
///
/// # Errors
/// When the model cannot be opened.
pub fn run(flags: &ArgMatches) -> Result<(), Failure> {
    let path = flags.get_one::<String>("path").map(Path::new);
    let model = OpenModel::open(path)?;
    let loaded = computing::load(&model, flags)?;
    let batch = flags.get_one::<u32>("batch").map_or(1, |&batch| batch as usize);
    let memory = Memory::of(&model, &loaded, batch);
    if flags.get_flag("json") {
        let report = report_json(&model, &memory, flags.get_flag("tensors"));
        output::line(&report.to_string())?;
    } else {
        output::text(&report(&model, &memory))?;
        if flags.get_flag("tensors") {
            output::text(&format!("\n{}", tensors(&model)))?;
        }
    }
    Ok(())
}

/// What running the model takes.
struct Memory {
    usage: Usage,
    position_bytes: u64,
    need: MemoryNeed,
}

impl Memory {
    fn of(model: &OpenModel, loaded: &LoadedModel, sequence_count: usize) -> Memory {
        let shape = loaded.kv_shape();
        let usage = Usage {
            sequence_count,
            context_tokens: loaded.context_tokens_max(),
            step_tokens: engine::limits::STEP_TOKENS_MAX,
            threads: loaded.threads(),
            kv_element: shape.element,
        };
        let weights_bytes = model.file.tensor_bytes();
        Memory {
            usage,
            position_bytes: shape.position_bytes() as u64,
            need: model.file.config().memory_need(weights_bytes, &usage),
        }
    }
}

fn report(model: &OpenModel, memory: &Memory) -> String {
    let config = model.file.config();
    let mix: Vec<String> = model
        .file
        .quantization_mix()
        .iter()
        .map(|share| {
            format!("{} {} ({} tensors)", share.name, bytes(share.bytes), share.tensor_count)
        })
        .collect();
    let window = config
        .window
        .as_ref()
        .map_or(String::new(), |window| format!(", sliding window {} tokens", window.tokens));
    let lines = [
        ("model", model.name()),
        ("file", model.file.name()),
        ("family", format!("{:?} (architecture {})", config.family, config.architecture)),
        ("parameters", format!("{:.2} M", model.file.parameter_count() as f64 / 1e6)),
        ("layers", config.layer_count.to_string()),
        ("hidden", format!("{}, feed-forward {}", config.hidden_dim, config.ffn_dim)),
        (
            "heads",
            format!(
                "{} query, {} key-value, {} numbers each",
                config.head_count, config.kv_head_count, config.head_dim
            ),
        ),
        ("experts", experts(model)),
        ("rope", rope(model)),
        ("context", format!("{} tokens{window}", config.context_tokens_max)),
        ("weights", mix.join(", ")),
        ("vocabulary", format!("{} tokens", config.vocab_size)),
        ("special ids", special_ids(model)),
        ("ends on", ends(model)),
        ("recommends", recommended(model)),
        ("chat template", template(model)),
        ("memory", memory_line(memory)),
    ];
    let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    lines
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| {
            let value = value.replace('\n', &format!("\n{}  ", " ".repeat(width)));
            format!("{name:>width$}  {value}\n")
        })
        .collect()
}

fn memory_line(memory: &Memory) -> String {
    let element = match memory.usage.kv_element {
        KvElement::F32 => "f32",
        KvElement::F16 => "f16",
    };
    let need = &memory.need;
    format!(
        "weights {} (mapped from the file)\n\
         keys and values {} at most: {} sequences x {} tokens x {} ({element}), taken as used\n\
         workspace {}, logits {}\n\
         together {}",
        bytes(need.weights_bytes),
        bytes(need.kv_bytes),
        memory.usage.sequence_count,
        memory.usage.context_tokens,
        bytes(memory.position_bytes),
        bytes(need.workspace_bytes),
        bytes(need.logits_bytes),
        bytes(need.total_bytes()),
    )
}

fn experts(model: &OpenModel) -> String {
    model.file.config().experts.as_ref().map_or(String::new(), |experts| {
        format!("{} of {} per token", experts.experts_used, experts.expert_count)
    })
}

fn rope(model: &OpenModel) -> String {
    let Some(rope) = &model.file.config().rope else {
        return "none: learned positions".to_owned();
    };
    let scaling = match &rope.scaling {
        RopeScaling::None => "",
        RopeScaling::Linear { .. } => ", linear scaling",
        RopeScaling::Llama3 { .. } => ", Llama 3 scaling",
        RopeScaling::Yarn { .. } => ", YaRN scaling",
        RopeScaling::LongRope { .. } => ", LongRoPE scaling",
        RopeScaling::Factors(_) => ", a factor per frequency",
    };
    format!("base {}, {} numbers of a head{scaling}", rope.base, rope.dims)
}

fn special_ids(model: &OpenModel) -> String {
    let ids = model.tokenizer.special_ids();
    let named = [("bos", ids.bos), ("eos", ids.eos), ("unk", ids.unk), ("pad", ids.pad)];
    let words: Vec<String> = named
        .into_iter()
        .filter_map(|(name, id)| Some(format!("{name} {}", token(model, id?))))
        .collect();
    words.join(", ")
}

fn token(model: &OpenModel, id: u32) -> String {
    format!("{} ({id})", model.tokenizer.token_text(id).unwrap_or("?"))
}

fn ends(model: &OpenModel) -> String {
    let words: Vec<String> = model.eos_ids.iter().map(|&id| token(model, id)).collect();
    words.join(", ")
}

fn recommended(model: &OpenModel) -> String {
    let words: Vec<String> = model
        .recommended()
        .iter()
        .map(|(name, value)| format!("{name} {}", param_values::to_json(value)))
        .collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}

fn template(model: &OpenModel) -> String {
    let Some(template) = &model.template else { return "none".to_owned() };
    let source = template.source();
    let shown: Vec<&str> = source.lines().take(TEMPLATE_LINES).collect();
    let count = source.lines().count();
    let more = if count > TEMPLATE_LINES {
        format!("\n... ({count} lines; --json shows all)")
    } else {
        String::new()
    };
    format!("{}{more}", shown.join("\n"))
}

fn tensors(model: &OpenModel) -> String {
    let mut stored: Vec<_> = model.file.tensors().stored().collect();
    stored.sort_by(|a, b| a.name.cmp(&b.name));
    let rows: Vec<Vec<String>> = stored
        .iter()
        .map(|tensor| {
            let shape: Vec<String> = tensor.shape.iter().map(ToString::to_string).collect();
            let size = bytes(tensor.bytes.len() as u64);
            vec![tensor.name.clone(), tensor.kind.name().to_owned(), shape.join(" x "), size]
        })
        .collect();
    let heads = [
        ("tensor", Align::Left),
        ("type", Align::Left),
        ("shape", Align::Left),
        ("size", Align::Right),
    ];
    table(&heads, &rows)
}

fn report_json(model: &OpenModel, memory: &Memory, with_tensors: bool) -> Value {
    let config = model.file.config();
    let ids = model.tokenizer.special_ids();
    let recommended: Map<String, Value> = model
        .recommended()
        .iter()
        .map(|(name, value)| ((*name).to_owned(), param_values::to_json(value)))
        .collect();
    let mut report = json!({
        "name": model.name(),
        "file": model.file.name(),
        "family": format!("{:?}", config.family),
        "architecture": config.architecture,
        "parameters": model.file.parameter_count(),
        "layer_count": config.layer_count,
        "hidden_dim": config.hidden_dim,
        "ffn_dim": config.ffn_dim,
        "head_count": config.head_count,
        "kv_head_count": config.kv_head_count,
        "head_dim": config.head_dim,
        "vocab_size": config.vocab_size,
        "context_tokens_max": config.context_tokens_max,
        "sliding_window_tokens": config.window.as_ref().map(|window| window.tokens),
        "experts": config.experts.as_ref().map(|experts| json!({
            "count": experts.expert_count, "used": experts.experts_used,
        })),
        "rope": rope(model),
        "weights": weights_json(model),
        "special_ids": {"bos": ids.bos, "eos": ids.eos, "unk": ids.unk, "pad": ids.pad},
        "eos_ids": model.eos_ids,
        "recommended": recommended,
        "chat_template": model.template.as_ref().map(text::ChatTemplate::source),
        "memory": memory_json(memory),
    });
    if with_tensors {
        report["tensors"] = tensors_json(model);
    }
    report
}

/// What the weights are stored as, type by type.
fn weights_json(model: &OpenModel) -> Value {
    let mix = model.file.quantization_mix();
    mix.iter()
        .map(|share| {
            json!({"type": share.name, "tensors": share.tensor_count, "bytes": share.bytes})
        })
        .collect()
}

fn memory_json(memory: &Memory) -> Value {
    json!({
        "weights_bytes": memory.need.weights_bytes,
        "kv_bytes_per_token": memory.position_bytes,
        "kv_bytes_max": memory.need.kv_bytes,
        "workspace_bytes": memory.need.workspace_bytes,
        "logits_bytes": memory.need.logits_bytes,
        "context_tokens": memory.usage.context_tokens,
        "sequences": memory.usage.sequence_count,
        "total_bytes": memory.need.total_bytes(),
    })
}

fn tensors_json(model: &OpenModel) -> Value {
    let entry = |tensor: &model::StoredTensor| {
        json!({
            "name": tensor.name,
            "type": tensor.kind.name(),
            "shape": tensor.shape,
            "bytes": tensor.bytes.len(),
        })
    };
    model.file.tensors().stored().map(entry).collect()
}
