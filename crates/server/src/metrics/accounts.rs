//! What is counted when an account is settled.

use ledger::{Entry, Status};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// From a millisecond to ten minutes.
const SECONDS: [f64; 16] =
    [0.001, 0.003, 0.01, 0.03, 0.06, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 180.0, 600.0];
/// Time per token, from a thousandth of a second to a second.
const TOKEN_SECONDS: [f64; 12] =
    [0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1.0];
/// Tokens in powers of two, and the usual presets between.
const TOKENS: [f64; 17] = [
    1.0, 8.0, 16.0, 32.0, 50.0, 64.0, 128.0, 150.0, 256.0, 500.0, 1024.0, 2048.0, 4096.0, 8192.0,
    16384.0, 65536.0, 262_144.0,
];

/// Which model.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ModelLabel {
    model: String,
}

/// Which model, and what kind of its tokens.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TokenLabels {
    model: String,
    kind: &'static str,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    model: String,
    route: String,
    status: &'static str,
    finish_reason: String,
}

/// Who set a limit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LimitLabels {
    model: String,
    set_by: String,
}

/// Makes histograms with these buckets.
#[derive(Clone, Copy)]
struct Buckets(&'static [f64]);

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(self.0.iter().copied())
    }
}

type Histograms = Family<ModelLabel, Histogram, Buckets>;

/// What is counted when an account is settled.
pub struct AccountMetrics {
    requests: Family<RequestLabels, Counter>,
    tokens: Family<TokenLabels, Counter>,
    limits: Family<LimitLabels, Counter>,
    queue: Histograms,
    first_token: Histograms,
    per_token: Histograms,
    whole: Histograms,
    limit_asked: Histograms,
    limit_effective: Histograms,
    used: Histograms,
}

impl Default for AccountMetrics {
    fn default() -> Self {
        let histograms = |buckets| Histograms::new_with_constructor(Buckets(buckets));
        AccountMetrics {
            requests: Family::default(),
            tokens: Family::default(),
            limits: Family::default(),
            queue: histograms(&SECONDS),
            first_token: histograms(&SECONDS),
            per_token: histograms(&TOKEN_SECONDS),
            whole: histograms(&SECONDS),
            limit_asked: histograms(&TOKENS),
            limit_effective: histograms(&TOKENS),
            used: histograms(&TOKENS),
        }
    }
}

impl AccountMetrics {
    /// Adds these series.
    pub fn register(&self, registry: &mut Registry) {
        let help = "Requests that were answered, by how they ended";
        registry.register("requests", help, self.requests.clone());
        let help = "Tokens by kind: prompt, cached (of prompts too), thinking, answer";
        registry.register("tokens", help, self.tokens.clone());
        let help = "Requests by who set their limit";
        registry.register("limits", help, self.limits.clone());
        let seconds = [
            ("queue", "From arrival to the first computed row", &self.queue),
            ("time_to_first_token", "From arrival to the first token", &self.first_token),
            ("time_per_output_token", "Per token after the first", &self.per_token),
            ("request", "From arrival to the end", &self.whole),
        ];
        for (name, help, histograms) in seconds {
            registry.register_with_unit(name, help, Unit::Seconds, histograms.clone());
        }
        let counts = [
            ("limit_asked_tokens", "Limits that clients asked for", &self.limit_asked),
            ("limit_effective_tokens", "Limits that held", &self.limit_effective),
            ("completion_tokens", "Tokens that were produced per choice", &self.used),
        ];
        for (name, help, histograms) in counts {
            registry.register(name, help, histograms.clone());
        }
    }

    /// A request ended, as its account says.
    pub fn settled(&self, entry: &Entry) {
        let model = || entry.model.clone();
        let labels = RequestLabels {
            model: model(),
            route: entry.route.clone(),
            status: entry.status.name(),
            finish_reason: entry.finish_reason.clone().unwrap_or_default(),
        };
        self.requests.get_or_create(&labels).inc();
        let kinds = [
            ("prompt", entry.prompt_tokens.saturating_sub(entry.cached_tokens)),
            ("cached", entry.cached_tokens),
            ("thinking", entry.thinking_tokens),
            ("answer", entry.answer_tokens),
        ];
        for (kind, count) in kinds {
            self.tokens.get_or_create(&TokenLabels { model: model(), kind }).inc_by(count);
        }
        if entry.status == Status::Rejected {
            return;
        }
        if let Some(set_by) = entry.limit_set_by.clone() {
            self.limits.get_or_create(&LimitLabels { model: model(), set_by }).inc();
        }
        let label = ModelLabel { model: model() };
        let tokens = |count: u64| count as f64;
        let produced = entry.thinking_tokens + entry.answer_tokens;
        let seen = [
            (&self.queue, entry.queue_ms.map(seconds)),
            (&self.first_token, entry.ttft_ms.map(seconds)),
            (&self.per_token, entry.tpot_ms.map(seconds)),
            (&self.whole, entry.total_ms.map(seconds)),
            (&self.limit_asked, entry.asked_max_tokens.map(tokens)),
            (&self.limit_effective, entry.effective_max_tokens.map(tokens)),
            (&self.used, Some(tokens(produced / entry.choices.max(1)))),
        ];
        for (histograms, value) in seen {
            if let Some(value) = value {
                histograms.get_or_create(&label).observe(value);
            }
        }
    }
}

fn seconds(ms: f64) -> f64 {
    ms / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::encoding::text::encode;

    #[test]
    fn a_settled_request_is_in_every_series() {
        let metrics = AccountMetrics::default();
        metrics.settled(&Entry {
            model: "m".to_owned(),
            route: "/v1/chat/completions".to_owned(),
            prompt_tokens: 10,
            cached_tokens: 4,
            thinking_tokens: 3,
            answer_tokens: 20,
            asked_max_tokens: Some(5000),
            effective_max_tokens: Some(1000),
            limit_set_by: Some("admin".to_owned()),
            queue_ms: Some(1.5),
            ttft_ms: Some(20.0),
            tpot_ms: Some(8.0),
            total_ms: Some(250.0),
            finish_reason: Some("stop".to_owned()),
            ..Entry::default()
        });
        let mut text = String::new();
        let mut registry = Registry::with_prefix("jeton");
        metrics.register(&mut registry);
        encode(&mut text, &registry).expect("a string can be written");
        for line in [
            r#",route="/v1/chat/completions",status="done",finish_reason="stop"} 1"#,
            r#"jeton_tokens_total{model="m",kind="prompt"} 6"#,
            r#"jeton_tokens_total{model="m",kind="answer"} 20"#,
            r#"jeton_limits_total{model="m",set_by="admin"} 1"#,
            r#"jeton_time_to_first_token_seconds_sum{model="m"} 0.02"#,
            r#"jeton_limit_asked_tokens_bucket{le="8192.0",model="m"} 1"#,
            r#"jeton_completion_tokens_sum{model="m"} 23.0"#,
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
