//! What the `decoder` of a `tokenizer.json` does to each token, as one rule.
//!
//! Every supported decoder works token by token, but for blanks at the beginning of the text; that
//! is what lets a stream of ids become text without looking back. Decoders that clean up across
//! tokens (`WordPiece`, `CTC`) belong to models that do not generate, and are refused.

use serde_json::Value;

use crate::VocabError;
use crate::pieces::PieceRule;

/// Names of the supported decoders.
const KNOWN: &str = "ByteLevel, ByteFallback, Fuse, Metaspace, Replace, Strip, Sequence, none";

/// Reads the decoder; without one, tokens are words with a blank between.
pub(crate) fn piece_rule(decoder: Option<&Value>) -> Result<PieceRule, VocabError> {
    let mut rule = PieceRule::default();
    match decoder {
        None => {
            rule.separator = " ";
            rule.leading_blanks_dropped = 1;
        }
        Some(decoder) => add_step(&mut rule, decoder, 0)?,
    }
    Ok(rule)
}

fn add_step(rule: &mut PieceRule, step: &Value, depth: usize) -> Result<(), VocabError> {
    let kind = step.get("type").and_then(Value::as_str).unwrap_or_default();
    match kind {
        "ByteLevel" => rule.byte_alphabet = true,
        "ByteFallback" => rule.byte_tokens = true,
        "Fuse" => {}
        "Metaspace" => add_metaspace(rule, step),
        "Replace" => {
            let from = step.pointer("/pattern/String").and_then(Value::as_str);
            let to = step.get("content").and_then(Value::as_str);
            let (Some(from), Some(to)) = (from, to) else {
                return Err(unsupported("Replace without a String pattern"));
            };
            if from.is_empty() {
                return Err(unsupported("Replace of the empty text"));
            }
            rule.replacements.push((from.to_owned(), to.to_owned()));
        }
        "Strip" => {
            let count = |key: &str| step.get(key).and_then(Value::as_u64).unwrap_or(0);
            let content = step.get("content").and_then(Value::as_str);
            if content != Some(" ") || count("stop") != 0 {
                return Err(unsupported("Strip of anything but leading blanks"));
            }
            rule.leading_blanks_dropped += count("start").min(64) as usize;
        }
        "Sequence" => {
            let steps = step.get("decoders").and_then(Value::as_array);
            let steps = steps.filter(|_| depth < 4).ok_or_else(|| unsupported("Sequence"))?;
            for step in steps {
                add_step(rule, step, depth + 1)?;
            }
        }
        other => return Err(unsupported(other)),
    }
    Ok(())
}

fn add_metaspace(rule: &mut PieceRule, step: &Value) {
    let text = |key: &str| step.get(key).and_then(Value::as_str);
    let mark = text("replacement").filter(|mark| !mark.is_empty()).unwrap_or("▁");
    rule.replacements.push((mark.to_owned(), " ".to_owned()));
    let prepends = match text("prepend_scheme") {
        Some(scheme) => scheme != "never",
        None => step.get("add_prefix_space").and_then(Value::as_bool).unwrap_or(true),
    };
    rule.leading_blanks_dropped += usize::from(prepends);
}

fn unsupported(given: &str) -> VocabError {
    VocabError::Unsupported { what: "decoder", given: given.to_owned(), known: KNOWN.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_usual_decoders_become_rules() {
        let byte_level = piece_rule(Some(&json!({"type": "ByteLevel", "trim_offsets": true})));
        assert!(byte_level.unwrap().byte_alphabet);
        let llama = json!({"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
            {"type": "ByteFallback"}, {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0}]});
        let rule = piece_rule(Some(&llama)).unwrap();
        assert!(rule.byte_tokens && rule.leading_blanks_dropped == 1);
        assert_eq!(rule.replacements, [("▁".to_owned(), " ".to_owned())]);
        let metaspace = json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "never"});
        assert_eq!(piece_rule(Some(&metaspace)).unwrap().leading_blanks_dropped, 0);
    }

    #[test]
    fn other_decoders_are_refused_by_name() {
        for decoder in
            [json!({"type": "WordPiece"}), json!({}), json!({"type": "Strip", "stop": 1})]
        {
            assert!(matches!(piece_rule(Some(&decoder)), Err(VocabError::Unsupported { .. })));
        }
    }
}
