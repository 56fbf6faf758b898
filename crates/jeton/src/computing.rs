//! What of the flags about computing can change the tokens. Threads and instruction sets cannot.

use crate::failure::Failure;
use clap::ArgMatches;
use clap::parser::ValueSource;
use serde_json::{Value, json};

/// Words of `--precision`.
const PRECISIONS: [&str; 2] = ["auto", "f32"];
/// Words of `--kv`.
const KV_ELEMENTS: [&str; 3] = ["auto", "f16", "f32"];

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
    /// As the flags say.
    pub fn from_flags(flags: &ArgMatches) -> Computing {
        let word = |name: &str| flags.get_one::<String>(name).map_or("auto", String::as_str);
        Computing {
            precision: known(&PRECISIONS, word("precision")).unwrap_or("auto"),
            kv: known(&KV_ELEMENTS, word("kv")).unwrap_or("auto"),
            context_tokens: flags.get_one::<u32>("context").map(|&tokens| tokens as usize),
        }
    }

    /// This way of computing, unless a flag was given that asks for another.
    ///
    /// # Errors
    /// The first flag that disagrees.
    pub fn agreed(&self, flags: &ArgMatches) -> Result<Computing, Failure> {
        let given = Computing::from_flags(flags);
        let context = |computing: &Computing| {
            computing.context_tokens.map_or("the model's own".to_owned(), |n| n.to_string())
        };
        for (name, saved, asked) in [
            ("precision", self.precision.to_owned(), given.precision.to_owned()),
            ("kv", self.kv.to_owned(), given.kv.to_owned()),
            ("context", context(self), context(&given)),
        ] {
            let is_given = flags.value_source(name) == Some(ValueSource::CommandLine);
            if is_given && saved != asked {
                let message = format!("`--{name}` is {saved} in the file; given {asked}");
                return Err(Failure::new(message).with_hint("it shapes the tokens: leave it out"));
            }
        }
        Ok(self.clone())
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
        Some(Computing {
            precision: known(&PRECISIONS, value.get("precision")?.as_str()?)?,
            kv: known(&KV_ELEMENTS, value.get("kv")?.as_str()?)?,
            context_tokens,
        })
    }
}

fn known(words: &[&'static str], word: &str) -> Option<&'static str> {
    words.iter().copied().find(|known| *known == word)
}
