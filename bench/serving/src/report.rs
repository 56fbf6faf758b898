//! What the clients saw, added up.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};

use crate::client::{End, Seen};

/// Everything about a load.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// From the first start to the last end.
    pub seconds: f64,
    /// Arrivals that found every stream taken.
    pub turned_away: usize,
    whole: usize,
    slow_whole: usize,
    refused: usize,
    refusals: usize,
    vanished: usize,
    failures: BTreeMap<String, usize>,
    prompt_tokens: u64,
    output_tokens: u64,
    ttft_ms: Vec<f64>,
    gaps_ms: Vec<f64>,
    tpot_ms: Vec<f64>,
    total_ms: Vec<f64>,
    texts: BTreeMap<usize, Vec<u64>>,
}

impl Report {
    /// Adds what one client saw. Times are those of undisturbed clients.
    pub fn add(&mut self, seen: Seen) {
        self.refusals += seen.refusals;
        match seen.end {
            End::Refused => self.refused += 1,
            End::Vanished => self.vanished += 1,
            End::Failed(problem) => {
                let kind = if seen.is_slow { "slow reader: " } else { "" };
                *self.failures.entry(format!("{kind}{problem}")).or_default() += 1;
            }
            End::Whole => {
                self.whole += 1;
                self.slow_whole += usize::from(seen.is_slow);
                self.prompt_tokens += seen.prompt_tokens;
                self.output_tokens += seen.output_tokens;
                self.texts.entry(seen.prompt).or_default().push(seen.text);
                if !seen.is_slow {
                    self.times(&seen);
                }
            }
        }
    }

    fn times(&mut self, seen: &Seen) {
        self.total_ms.push(seen.total_ms);
        self.gaps_ms.extend(&seen.gaps_ms);
        let Some(first) = seen.first_ms else { return };
        self.ttft_ms.push(first);
        if seen.output_tokens > 1 {
            self.tpot_ms.push((seen.total_ms - first) / (seen.output_tokens - 1) as f64);
        }
    }

    /// Counts prompts whose texts were not all the same as failures.
    pub fn check_texts(&mut self) {
        let differ = self.texts.values().filter(|all| all.iter().any(|one| one != &all[0]));
        let count = differ.count();
        if count > 0 {
            let problem = "the same prompt gave different texts".to_string();
            self.failures.insert(problem, count);
        }
    }

    /// Whether nothing happened but what may.
    pub fn is_sound(&self) -> bool {
        self.failures.is_empty() && self.whole + self.vanished + self.refused > 0
    }

    /// For programs.
    pub fn to_json(&self) -> Value {
        let per_second = |count: u64| count as f64 / self.seconds.max(1e-9);
        json!({
            "seconds": self.seconds,
            "whole": self.whole,
            "slow_whole": self.slow_whole,
            "refused": self.refused,
            "refusals": self.refusals,
            "vanished": self.vanished,
            "turned_away": self.turned_away,
            "failed": self.failures.values().sum::<usize>(),
            "failures": self.failures,
            "prompt_tokens": self.prompt_tokens,
            "output_tokens": self.output_tokens,
            "requests_per_second": per_second(self.whole as u64),
            "output_tokens_per_second": per_second(self.output_tokens),
            "ttft_ms": quantiles(&self.ttft_ms),
            "itl_ms": quantiles(&self.gaps_ms),
            "tpot_ms": quantiles(&self.tpot_ms),
            "total_ms": quantiles(&self.total_ms),
        })
    }

    /// For people.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let rate = self.output_tokens as f64 / self.seconds.max(1e-9);
        let Self { whole, refused, vanished, refusals, turned_away, .. } = self;
        let _ = writeln!(
            text,
            "{whole} whole ({} slow), {vanished} vanished, {refused} refused ({refusals} refusals), \
             {turned_away} turned away, in {:.2} s\n{} tokens out, {rate:.1} per second",
            self.slow_whole, self.seconds, self.output_tokens,
        );
        let times = [
            ("TTFT", &self.ttft_ms),
            ("ITL", &self.gaps_ms),
            ("TPOT", &self.tpot_ms),
            ("total", &self.total_ms),
        ];
        for (name, values) in times {
            let all = quantiles(values);
            let at = |which: &str| all[which].as_f64().unwrap_or(0.0);
            let (p50, p99) = (at("p50"), at("p99"));
            let _ = writeln!(text, "{name:<6} p50 {p50:>9.1} ms   p99 {p99:>9.1} ms");
        }
        for (problem, count) in &self.failures {
            let _ = writeln!(text, "failed {count} x: {problem}");
        }
        text
    }
}

fn quantiles(values: &[f64]) -> Value {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |level: f64| {
        let rank = (level * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.max(1) - 1).copied()
    };
    json!({"count": sorted.len(), "p10": at(0.1), "p50": at(0.5), "p90": at(0.9), "p99": at(0.99)})
}
