//! The tokens of an answer, as OpenAI counts them.

use engine::Usage;
use serde_json::{Value, json};

/// The `usage` object. Guesses that were right are accepted prediction tokens, whoever made them.
pub fn usage_json(usage: &Usage) -> Value {
    let mut json = json!({
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {
            "cached_tokens": usage.prefix_hit_tokens,
            "audio_tokens": 0,
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.thinking_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": usage.accepted_draft_tokens,
            "rejected_prediction_tokens":
                usage.drafted_tokens.saturating_sub(usage.accepted_draft_tokens),
        },
    });
    if usage.resumed_tokens > 0 {
        // Of an answer that goes on: those that were there before.
        let resumed_tokens = Value::from(usage.resumed_tokens);
        json["completion_tokens_details"]["resumed_tokens"] = resumed_tokens;
    }
    json
}
