//! The flags.

use clap::{Parser, ValueEnum};

/// Load for a server that speaks OpenAI's completions. Exit code 0 when every stream was whole, 1
/// when one was not, 2 when a flag was wrong.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub struct Settings {
    /// The server, such as http://127.0.0.1:8080.
    #[arg(long)]
    pub url: String,
    /// Which API: completions sends token ids, chat sends words.
    #[arg(long, value_enum, default_value_t = Endpoint::Completions)]
    pub endpoint: Endpoint,
    /// Model to name; none to name none.
    #[arg(long)]
    pub model: Option<String>,
    /// API key, sent as a bearer token.
    #[arg(long)]
    pub key: Option<String>,
    /// Streams at the same time.
    #[arg(long, default_value_t = 1)]
    pub streams: usize,
    /// Requests in all; the default is one per stream. With --seconds: no bound.
    #[arg(long)]
    pub requests: Option<usize>,
    /// Starts requests for so long instead of a fixed number.
    #[arg(long)]
    pub seconds: Option<f64>,
    /// Requests per second, arriving at random (Poisson), at most --streams of them at a time; none
    /// to start the next when one ends.
    #[arg(long)]
    pub rate: Option<f64>,
    /// Tokens (chat: words) of each prompt.
    #[arg(long, default_value_t = 128)]
    pub prompt_tokens: usize,
    /// Tokens of each prompt that all have in common.
    #[arg(long, default_value_t = 0)]
    pub shared_tokens: usize,
    /// Different prompts; the default is a new one per request. The same prompt must give the same
    /// text, which is checked.
    #[arg(long)]
    pub prompts: Option<usize>,
    /// Token ids are drawn from here on.
    #[arg(long, default_value_t = 300)]
    pub id_first: u32,
    /// Token ids are drawn up to here.
    #[arg(long, default_value_t = 1500)]
    pub id_last: u32,
    /// Limit of each answer.
    #[arg(long, default_value_t = 128)]
    pub output_tokens: usize,
    /// Lets answers end by themselves; else they go on to the limit, which is checked.
    #[arg(long)]
    pub may_end: bool,
    /// Fields put into each request, as a JSON object.
    #[arg(long, default_value = "{}")]
    pub extra: String,
    /// A file of JSON objects, one a line, each put into one request after the other (and round
    /// again).
    #[arg(long)]
    pub bodies: Option<std::path::PathBuf>,
    /// The lines of that file.
    #[arg(skip)]
    pub body_lines: std::rc::Rc<Vec<serde_json::Map<String, serde_json::Value>>>,
    /// Share of clients that vanish in the middle of a stream, 0 to 1.
    #[arg(long, default_value_t = 0.0)]
    pub vanishing: f64,
    /// Share of clients that read slowly, 0 to 1.
    #[arg(long, default_value_t = 0.0)]
    pub slow: f64,
    /// Pause of a slow reader between two reads of at most 512 bytes.
    #[arg(long, default_value_t = 100)]
    pub slow_pause_ms: u64,
    /// Longest silence before a stream counts as failed.
    #[arg(long, default_value_t = 300.0)]
    pub silence_seconds: f64,
    /// Tries after a refusal (429 or 503 with Retry-After) before a client gives up.
    #[arg(long, default_value_t = 0)]
    pub retries: usize,
    /// Requests before the measured ones, one after the other.
    #[arg(long, default_value_t = 0)]
    pub warm_up: usize,
    /// Number that all chance follows from.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Prints JSON.
    #[arg(long)]
    pub json: bool,
}

/// Which API is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Endpoint {
    /// `/v1/completions`.
    Completions,
    /// `/v1/chat/completions`.
    Chat,
}

impl Endpoint {
    /// Where it is.
    pub fn path(self) -> &'static str {
        match self {
            Self::Completions => "/v1/completions",
            Self::Chat => "/v1/chat/completions",
        }
    }
}

impl Settings {
    /// What is wrong with the flags together.
    pub fn check(&self) -> Result<(), String> {
        crate::http::Address::parse(&self.url)?;
        let extra: serde_json::Value =
            serde_json::from_str(&self.extra).map_err(|error| format!("--extra: {error}"))?;
        let shares = [("--vanishing", self.vanishing), ("--slow", self.slow)];
        if let Some((name, share)) = shares.iter().find(|(_, s)| !(0.0..=1.0).contains(s)) {
            return Err(format!("{name} {share}: a share is 0 to 1"));
        }
        match () {
            () if !extra.is_object() => Err("--extra: a JSON object, please".to_string()),
            () if self.streams == 0 => Err("--streams 0: at least one".to_string()),
            () if self.output_tokens == 0 => Err("--output-tokens 0: at least one".to_string()),
            () if self.id_first > self.id_last => Err("--id-first is above --id-last".to_string()),
            () if self.rate.is_some_and(|rate| rate.is_nan() || rate <= 0.0) => {
                Err("--rate: more than zero".to_string())
            }
            () => Ok(()),
        }
    }

    /// Reads the file of `--bodies`.
    pub fn read_bodies(&mut self) -> Result<(), String> {
        let Some(path) = &self.bodies else { return Ok(()) };
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("--bodies {}: {error}", path.display()))?;
        let lines: Result<Vec<_>, _> = text.lines().map(serde_json::from_str).collect();
        let lines = lines.map_err(|error| format!("--bodies {}: {error}", path.display()))?;
        if lines.is_empty() {
            return Err(format!("--bodies {}: empty", path.display()));
        }
        self.body_lines = std::rc::Rc::new(lines);
        Ok(())
    }

    /// Requests to start; none without a bound.
    pub fn request_count(&self) -> Option<usize> {
        match (self.requests, self.seconds) {
            (Some(count), _) => Some(count),
            (None, Some(_)) => None,
            (None, None) => Some(self.streams),
        }
    }
}
