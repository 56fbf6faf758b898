//! One client: asks, reads its stream event by event, and holds it to what a stream has to be.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::http::{Address, Pace, Response, post};
use crate::prompts::{Draws, body, prompt_index};
use crate::settings::{Endpoint, Settings};

/// What became of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// A whole stream.
    Whole,
    /// Refused with 429 or 503 and a time to come back, as often as the client tried.
    Refused,
    /// The client left, as it was meant to.
    Vanished,
    /// Anything else.
    Failed(String),
}

/// One request as its client saw it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// What became of it.
    pub end: End,
    /// The prompt that it had.
    pub prompt: usize,
    /// It read slowly, so its times say nothing about the server.
    pub is_slow: bool,
    /// From sending to the first text.
    pub first_ms: Option<f64>,
    /// Between texts.
    pub gaps_ms: Vec<f64>,
    /// From sending to the end.
    pub total_ms: f64,
    /// Tokens of the prompt, from the stream's own usage.
    pub prompt_tokens: u64,
    /// Tokens of the answer, from the stream's own usage.
    pub output_tokens: u64,
    /// Digest of the text.
    pub text: u64,
    /// Refusals before the last try.
    pub refusals: usize,
}

/// Asks once, or again after refusals.
pub async fn ask(settings: &Settings, address: &Address, index: usize) -> Seen {
    let mut draws = Draws::of(settings.seed ^ 0x5EED, index as u64);
    let manner = Manner::draw(settings, &mut draws);
    let mut refusals = 0;
    loop {
        let mut reading = Reading::new(settings, index, &manner);
        let end = reading.run(settings, address).await;
        match end {
            Ok(Refusal(seconds)) if refusals < settings.retries => {
                refusals += 1;
                // Everybody who was refused together must not come back together.
                let spread = 0.5 + draws.share();
                tokio::time::sleep(Duration::from_secs_f64(seconds.min(30.0) * spread)).await;
            }
            Ok(Refusal(_)) => return reading.seen(End::Refused, refusals + 1),
            Err(end) => return reading.seen(end, refusals),
        }
    }
}

/// Seconds after which the server wants to be asked again.
struct Refusal(f64);

/// How a client behaves.
struct Manner {
    /// Leaves after so many texts.
    leaves_after: Option<u64>,
    is_slow: bool,
}

impl Manner {
    fn draw(settings: &Settings, draws: &mut Draws) -> Self {
        let share = draws.share();
        let is_vanishing = share < settings.vanishing;
        let is_slow = !is_vanishing && share < settings.vanishing + settings.slow;
        let leaves_after =
            is_vanishing.then(|| draws.between(0, (settings.output_tokens as u64 / 2).max(1)));
        Self { leaves_after, is_slow }
    }
}

/// A stream while it is read.
struct Reading<'a> {
    settings: &'a Settings,
    index: usize,
    manner: &'a Manner,
    began: Instant,
    first: Option<Instant>,
    last: Option<Instant>,
    gaps_ms: Vec<f64>,
    texts: u64,
    hash: DefaultHasher,
    finish_reasons: Vec<String>,
    usage: Option<(u64, u64)>,
    is_done: bool,
}

impl<'a> Reading<'a> {
    fn new(settings: &'a Settings, index: usize, manner: &'a Manner) -> Self {
        Self {
            settings,
            index,
            manner,
            began: Instant::now(),
            first: None,
            last: None,
            gaps_ms: Vec::new(),
            texts: 0,
            hash: DefaultHasher::new(),
            finish_reasons: Vec::new(),
            usage: None,
            is_done: false,
        }
    }

    async fn run(&mut self, settings: &Settings, address: &Address) -> Result<Refusal, End> {
        let silence = Duration::from_secs_f64(settings.silence_seconds);
        let pace = match self.manner.is_slow {
            true => {
                Pace { bytes: 512, pause: Duration::from_millis(settings.slow_pause_ms), silence }
            }
            false => Pace { bytes: 16 * 1024, pause: Duration::ZERO, silence },
        };
        let sent = body(settings, self.index);
        self.began = Instant::now();
        let path = settings.endpoint.path();
        let mut response =
            post(address, path, settings.key.as_deref(), &sent, pace).await.map_err(End::Failed)?;
        if response.status != 200 {
            return refused(&mut response).await;
        }
        let kind = response.header("content-type").unwrap_or_default();
        if !kind.starts_with("text/event-stream") {
            return Err(End::Failed(format!("content-type {kind:?}")));
        }
        self.events(&mut response).await?;
        Err(match self.problem() {
            Some(problem) => End::Failed(problem),
            None => End::Whole,
        })
    }

    /// Reads events to the proper end of the body.
    async fn events(&mut self, response: &mut Response) -> Result<(), End> {
        let mut pending: Vec<u8> = Vec::new();
        while let Some(piece) = response.piece().await.map_err(End::Failed)? {
            pending.extend_from_slice(&piece);
            while let Some(at) = pending.windows(2).position(|pair| pair == b"\n\n") {
                let event: Vec<u8> = pending.drain(..at + 2).collect();
                let event = String::from_utf8(event)
                    .map_err(|_| End::Failed("an event is not UTF-8".to_string()))?;
                self.event(&event)?;
                if self.manner.leaves_after.is_some_and(|after| self.texts >= after) {
                    return Err(End::Vanished);
                }
            }
        }
        match pending.is_empty() {
            true => Ok(()),
            false => Err(End::Failed("the stream ends inside of an event".to_string())),
        }
    }

    fn event(&mut self, event: &str) -> Result<(), End> {
        for line in event.lines().filter(|line| !line.is_empty() && !line.starts_with(':')) {
            let Some(data) = line.strip_prefix("data:").map(str::trim_start) else { continue };
            if self.is_done {
                return Err(End::Failed(format!("after [DONE]: {data}")));
            }
            if data == "[DONE]" {
                self.is_done = true;
                continue;
            }
            let chunk: Value = serde_json::from_str(data)
                .map_err(|error| End::Failed(format!("{error} in {data}")))?;
            self.chunk(&chunk)?;
        }
        Ok(())
    }

    fn chunk(&mut self, chunk: &Value) -> Result<(), End> {
        if let Some(error) = chunk.get("error").filter(|error| !error.is_null()) {
            return Err(End::Failed(format!("error in the stream: {error}")));
        }
        let usage = &chunk["usage"];
        if let (Some(prompt), Some(completion)) =
            (usage["prompt_tokens"].as_u64(), usage["completion_tokens"].as_u64())
        {
            self.usage = Some((prompt, completion));
        }
        for choice in chunk["choices"].as_array().into_iter().flatten() {
            let text = match self.settings.endpoint {
                Endpoint::Completions => choice["text"].as_str().unwrap_or_default().to_string(),
                Endpoint::Chat => ["reasoning_content", "reasoning", "content"]
                    .iter()
                    .filter_map(|part| choice["delta"][*part].as_str())
                    .collect(),
            };
            self.text(&text);
            if let Some(reason) = choice["finish_reason"].as_str() {
                self.finish_reasons.push(reason.to_string());
            }
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let now = Instant::now();
        match self.last {
            Some(last) => self.gaps_ms.push(ms(now - last)),
            None => self.first = Some(now),
        }
        self.last = Some(now);
        self.texts += 1;
        self.hash.write(text.as_bytes());
    }

    /// What a whole stream of this load may not be.
    fn problem(&self) -> Option<String> {
        let Some((prompt, completion)) = self.usage else { return Some("no usage".to_string()) };
        let limit = self.settings.output_tokens as u64;
        let is_length = self.finish_reasons == ["length"];
        let asked = self.settings.prompt_tokens as u64;
        match () {
            () if !self.is_done => Some("no [DONE]".to_string()),
            () if self.finish_reasons.len() != 1 => {
                Some(format!("finish reasons {:?}", self.finish_reasons))
            }
            () if completion > limit => Some(format!("{completion} tokens of {limit}")),
            () if !self.settings.may_end && (!is_length || completion != limit) => Some(format!(
                "{completion} tokens of {limit}, finish reason {:?}",
                self.finish_reasons
            )),
            () if self.texts > completion => {
                Some(format!("{} texts in {completion} tokens", self.texts))
            }
            () if self.settings.endpoint == Endpoint::Completions
                && self.settings.body_lines.is_empty()
                && prompt != asked =>
            {
                Some(format!("a prompt of {prompt} tokens, sent {asked}"))
            }
            () => None,
        }
    }

    fn seen(self, end: End, refusals: usize) -> Seen {
        let (prompt_tokens, output_tokens) = self.usage.unwrap_or((0, self.texts));
        let mut hash = self.hash;
        output_tokens.hash(&mut hash);
        Seen {
            end,
            prompt: prompt_index(self.settings, self.index),
            is_slow: self.manner.is_slow,
            first_ms: self.first.map(|first| ms(first - self.began)),
            gaps_ms: self.gaps_ms,
            total_ms: ms(self.last.unwrap_or_else(Instant::now) - self.began),
            prompt_tokens,
            output_tokens,
            text: hash.finish(),
            refusals,
        }
    }
}

/// A refusal that says when to come back, or a failure with the body's beginning.
async fn refused(response: &mut Response) -> Result<Refusal, End> {
    let status = response.status;
    let seconds = response.header("retry-after").and_then(|value| value.parse::<f64>().ok());
    let mut body = Vec::new();
    while body.len() < 4096 {
        match response.piece().await {
            Ok(Some(piece)) => body.extend(piece),
            Ok(None) => break,
            Err(problem) => return Err(End::Failed(format!("status {status}, then {problem}"))),
        }
    }
    match (status, seconds) {
        (429 | 503, Some(seconds)) => Ok(Refusal(seconds.max(0.05))),
        _ => {
            let text: String = String::from_utf8_lossy(&body).chars().take(300).collect();
            Err(End::Failed(format!("status {status}: {text}")))
        }
    }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
