//! What of the ways to compute a model can change the tokens. Threads and instruction sets cannot.

use serde_json::{Value, json};

/// Words of `--precision`.
const PRECISIONS: [&str; 2] = ["auto", "f32"];
/// Words of `--kv`.
const KV_ELEMENTS: [&str; 3] = ["auto", "f16", "f32"];

/// The model's own way in everything.
impl Default for Computing {
    fn default() -> Self {
        Computing { precision: PRECISIONS[0], kv: KV_ELEMENTS[0], context_tokens: None }
    }
}

/// How a model is computed, as far as its numbers depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Computing {
    /// `--precision`.
    pub precision: &'static str,
    /// `--kv`.
    pub kv: &'static str,
    /// `--context`, in tokens; none for the model's own window. Where positions are scaled for
    /// long contexts, the window counts.
    pub context_tokens: Option<usize>,
}

impl Computing {
    /// Every word as given, or none for one that is not known.
    pub fn of_words(precision: &str, kv: &str, context_tokens: Option<usize>) -> Option<Computing> {
        Some(Computing {
            precision: known(&PRECISIONS, precision)?,
            kv: known(&KV_ELEMENTS, kv)?,
            context_tokens,
        })
    }

    /// As it is written.
    pub fn to_json(&self) -> Value {
        json!({"precision": self.precision, "kv": self.kv, "context": self.context_tokens})
    }

    /// As it was written; none when a field is not what [`Computing::to_json`] writes.
    pub fn from_json(value: &Value) -> Option<Computing> {
        let context_tokens = match value.get("context")? {
            Value::Null => None,
            number => Some(usize::try_from(number.as_u64()?).ok().filter(|&tokens| tokens > 0)?),
        };
        let word = |name: &str| value.get(name)?.as_str();
        Computing::of_words(word("precision")?, word("kv")?, context_tokens)
    }
}

fn known(words: &[&'static str], word: &str) -> Option<&'static str> {
    words.iter().copied().find(|known| *known == word)
}
