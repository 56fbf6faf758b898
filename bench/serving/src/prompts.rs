//! What is asked, and all chance: the same seed asks the same.

use serde_json::{Map, Value, json};

use crate::settings::{Endpoint, Settings};

/// Words of chat prompts: common, so that each is about one token in most vocabularies.
const WORDS: &[&str] = &[
    "the", "fox", "ran", "over", "a", "small", "hill", "and", "saw", "red", "sun", "in", "water",
    "then", "one", "day", "it", "went", "to", "find", "home", "with", "big", "tree",
];

/// A small generator of random numbers (splitmix64, Steele and others 2014).
pub struct Draws(u64);

impl Draws {
    /// Numbers of one request, whatever the others draw.
    pub fn of(seed: u64, stream: u64) -> Self {
        let mut draws = Self(seed ^ stream.wrapping_mul(0xD134_2543_DE82_EF95));
        draws.next();
        draws
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 to below 1.
    pub fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// From `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low + 1)
    }

    /// Seconds to the next of `rate` arrivals per second.
    pub fn wait_seconds(&mut self, rate: f64) -> f64 {
        -(1.0 - self.share()).ln() / rate
    }
}

/// Which prompt the request at `index` has.
pub fn prompt_index(settings: &Settings, index: usize) -> usize {
    settings.prompts.map_or(index, |count| index % count.max(1))
}

/// The body of the request at `index`.
pub fn body(settings: &Settings, index: usize) -> String {
    let mut fields = Map::new();
    if let Some(model) = &settings.model {
        fields.insert("model".to_string(), json!(model));
    }
    let which = prompt_index(settings, index);
    match settings.endpoint {
        Endpoint::Completions => {
            fields.insert("prompt".to_string(), json!(ids(settings, which)));
        }
        Endpoint::Chat => {
            let words: Vec<&str> =
                ids(settings, which).iter().map(|id| WORDS[*id as usize % WORDS.len()]).collect();
            let message = json!({"role": "user", "content": words.join(" ")});
            fields.insert("messages".to_string(), json!([message]));
        }
    }
    fields.insert("max_tokens".to_string(), json!(settings.output_tokens));
    fields.insert("temperature".to_string(), json!(0));
    fields.insert("stream".to_string(), json!(true));
    fields.insert("stream_options".to_string(), json!({"include_usage": true}));
    if !settings.may_end {
        fields.insert("ignore_eos".to_string(), json!(true));
    }
    if let Ok(Value::Object(extra)) = serde_json::from_str(&settings.extra) {
        fields.extend(extra);
    }
    if !settings.body_lines.is_empty() {
        fields.extend(settings.body_lines[index % settings.body_lines.len()].clone());
    }
    Value::Object(fields).to_string()
}

fn ids(settings: &Settings, which: usize) -> Vec<u32> {
    let mut shared = Draws::of(settings.seed, u64::MAX);
    let mut own = Draws::of(settings.seed, which as u64);
    let (first, last) = (u64::from(settings.id_first), u64::from(settings.id_last));
    (0..settings.prompt_tokens)
        .map(|at| {
            let draws = if at < settings.shared_tokens { &mut shared } else { &mut own };
            draws.between(first, last) as u32
        })
        .collect()
}
