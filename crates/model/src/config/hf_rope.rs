//! Rotation parameters from `config.json`: the classic `rope_theta` with `rope_scaling`, or
//! `rope_parameters` of transformers 5, which may hold one entry per kind of layer.

use serde_json::Value;

use super::check::{self, Fields, check_factors};
use super::hf::Json;
use super::{Family, ModelConfig, Rope, RopeScaling};
use crate::error::LoadError;

/// The rotation, and that of windowed layers where it differs.
pub(super) fn read(
    fields: &Json<'_>,
    config: &ModelConfig,
) -> Result<(Rope, Option<Rope>), LoadError> {
    let is_gemma3 = config.family == Family::Gemma3;
    let base_default = if is_gemma3 { 1_000_000.0 } else { 10_000.0 };
    let classic_base = fields.positive("rope_theta")?.unwrap_or(base_default);
    let windowed_base = fields.positive("rope_local_base_freq")?.unwrap_or(10_000.0);
    let rope = |object: Option<&Value>, prefix: String, base: f32| {
        let absent = Value::Null;
        let object = object.unwrap_or(&absent);
        let parameters = Json { file: fields.file, prefix: &prefix, object };
        let base = parameters.positive("rope_theta")?.unwrap_or(base);
        let dims = rotated_dims(fields, &parameters, config.head_dim)?;
        let scaling = scaling(fields, &parameters, dims, config.context_tokens_max)?;
        Ok::<Rope, LoadError>(Rope { base, dims, scaling })
    };
    let outer = fields.prefix;
    let by_layer_kind = fields.get("rope_parameters").filter(|parameters| {
        parameters.get("full_attention").is_some() || parameters.get("sliding_attention").is_some()
    });
    if let Some(kinds) = by_layer_kind {
        let prefix = |kind: &str| format!("{outer}rope_parameters.{kind}.");
        let of = |kind: &str| kinds.get(kind).filter(|parameters| !parameters.is_null());
        let full = rope(of("full_attention"), prefix("full_attention"), classic_base)?;
        let windowed = rope(of("sliding_attention"), prefix("sliding_attention"), windowed_base)?;
        return Ok((full, Some(windowed)));
    }
    let key =
        if fields.get("rope_parameters").is_some() { "rope_parameters" } else { "rope_scaling" };
    let full = rope(fields.get(key), format!("{outer}{key}."), classic_base)?;
    let windowed = Rope { base: windowed_base, dims: full.dims, scaling: RopeScaling::None };
    Ok((full, is_gemma3.then_some(windowed)))
}

fn rotated_dims(
    fields: &Json<'_>,
    parameters: &Json<'_>,
    head_dim: usize,
) -> Result<usize, LoadError> {
    let key = "partial_rotary_factor";
    let fraction = match parameters.positive(key)? {
        Some(fraction) => fraction,
        None => fields.positive(key)?.unwrap_or(1.0),
    };
    if fraction > 1.0 {
        return Err(fields.refuse(key, format!("is {fraction}, allowed: above 0, up to 1")));
    }
    Ok((head_dim as f64 * f64::from(fraction)) as usize)
}

fn scaling(
    fields: &Json<'_>,
    parameters: &Json<'_>,
    dims: usize,
    context_tokens_max: usize,
) -> Result<RopeScaling, LoadError> {
    let key = if parameters.get("rope_type").is_some() { "rope_type" } else { "type" };
    match parameters.text(key)?.unwrap_or("default") {
        // Dynamic scaling changes nothing up to the context that the model declares, and no
        // sequence is longer than that.
        "default" | "dynamic" => Ok(RopeScaling::None),
        "linear" => Ok(RopeScaling::Linear { factor: parameters.needed_positive("factor")? }),
        "llama3" => Ok(RopeScaling::Llama3 {
            factor: parameters.needed_positive("factor")?,
            low_freq_factor: parameters.needed_positive("low_freq_factor")?,
            high_freq_factor: parameters.needed_positive("high_freq_factor")?,
            original_context_tokens: original_context(fields, parameters, context_tokens_max)?,
        }),
        "yarn" => yarn(fields, parameters, context_tokens_max),
        "longrope" | "su" => long_rope(fields, parameters, dims, context_tokens_max),
        other => {
            let allowed = "default, dynamic, linear, llama3, yarn, longrope";
            Err(parameters.refuse(key, format!("is `{other}`, allowed: {allowed}")))
        }
    }
}

/// The context before the extension; phi keeps it outside of the scaling's own object.
fn original_context(
    fields: &Json<'_>,
    parameters: &Json<'_>,
    context_tokens_max: usize,
) -> Result<usize, LoadError> {
    let key = "original_max_position_embeddings";
    let outer = fields.count(key, check::CONTEXT_TOKENS_MAX)?;
    let inner = parameters.count(key, check::CONTEXT_TOKENS_MAX)?;
    Ok(outer.or(inner).unwrap_or(context_tokens_max))
}

fn yarn(
    fields: &Json<'_>,
    parameters: &Json<'_>,
    context_tokens_max: usize,
) -> Result<RopeScaling, LoadError> {
    let key = "truncate";
    if parameters.get(key).is_some_and(|truncate| *truncate != Value::Bool(true)) {
        return Err(parameters.refuse(key, "is not true, which is not supported"));
    }
    let original_context_tokens = original_context(fields, parameters, context_tokens_max)?;
    let ratio = context_tokens_max as f32 / original_context_tokens as f32;
    let factor = parameters.positive("factor")?.unwrap_or(ratio);
    // The paper's temperature, generalized by DeepSeek to a quotient.
    let magnitude = |scale: f32| 0.1 * scale * factor.max(1.0).ln() + 1.0;
    let scales = (parameters.number("mscale")?, parameters.number("mscale_all_dim")?);
    let attention_factor = match (parameters.positive("attention_factor")?, scales) {
        (Some(given), _) => given,
        (None, (Some(scale), Some(all))) if scale > 0.0 && all > 0.0 => {
            magnitude(scale as f32) / magnitude(all as f32)
        }
        (None, _) => magnitude(1.0),
    };
    Ok(RopeScaling::Yarn {
        factor,
        original_context_tokens,
        beta_fast: parameters.positive("beta_fast")?.unwrap_or(32.0),
        beta_slow: parameters.positive("beta_slow")?.unwrap_or(1.0),
        attention_factor,
    })
}

fn long_rope(
    fields: &Json<'_>,
    parameters: &Json<'_>,
    dims: usize,
    context_tokens_max: usize,
) -> Result<RopeScaling, LoadError> {
    let original_context_tokens = original_context(fields, parameters, context_tokens_max)?;
    let ratio = context_tokens_max as f32 / original_context_tokens as f32;
    let factor = parameters.positive("factor")?.unwrap_or(ratio);
    let attention_factor = match parameters.positive("attention_factor")? {
        Some(given) => given,
        None if factor <= 1.0 || original_context_tokens < 2 => 1.0,
        None => (1.0 + factor.ln() / (original_context_tokens as f32).ln()).sqrt(),
    };
    Ok(RopeScaling::LongRope {
        short: factors(parameters, "short_factor", dims)?,
        long: factors(parameters, "long_factor", dims)?,
        original_context_tokens,
        attention_factor,
    })
}

fn factors(parameters: &Json<'_>, key: &str, dims: usize) -> Result<Vec<f32>, LoadError> {
    let list = parameters.get(key).and_then(Value::as_array);
    let list = list.ok_or_else(|| parameters.refuse(key, "is missing or no list"))?;
    let numbers: Option<Vec<f32>> =
        list.iter().map(|number| number.as_f64().map(|number| number as f32)).collect();
    let numbers =
        numbers.ok_or_else(|| parameters.refuse(key, "holds something else than numbers"))?;
    check_factors(&numbers, dims).map_err(|message| parameters.refuse(key, message))?;
    Ok(numbers)
}
