//! How the engines stand, read when somebody asks.

use engine::EngineStatus;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Which model's engine.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EngineLabel {
    model: String,
}

/// Adds the series of these engines, named by their models.
pub fn register(engines: &[(String, EngineStatus)], registry: &mut Registry) {
    let label = |model: &str| EngineLabel { model: model.to_owned() };
    for (name, help, of) in GAUGES {
        let family = Family::<EngineLabel, Gauge>::default();
        for (model, status) in engines {
            let value = i64::try_from(of(status)).unwrap_or(i64::MAX);
            family.get_or_create(&label(model)).set(value);
        }
        registry.register(*name, *help, family);
    }
    for (name, help, of) in COUNTERS {
        let family = Family::<EngineLabel, Counter>::default();
        for (model, status) in engines {
            family.get_or_create(&label(model)).inc_by(of(status));
        }
        registry.register(*name, *help, family);
    }
}

type Gauged = (&'static str, &'static str, fn(&EngineStatus) -> usize);
type Counted = (&'static str, &'static str, fn(&EngineStatus) -> u64);

const GAUGES: &[Gauged] = &[
    ("requests_running", "Requests that are being computed", |s| s.running),
    ("sequences_running", "Sequences that are being computed", |s| s.running_sequences),
    ("requests_waiting", "Requests that wait to be computed", |s| s.waiting),
    ("kv_blocks", "Blocks of key-value memory", |s| s.kv_blocks),
    ("kv_blocks_used", "Blocks that sequences hold", |s| s.kv_blocks - s.kv_blocks_free),
    ("kv_blocks_cached", "Free blocks that a later prompt may find", |s| s.kv_blocks_cached),
    ("kv_taken_bytes", "Key-value memory taken from the system", |s| s.kv_taken_bytes),
];

const COUNTERS: &[Counted] = &[
    ("engine_steps", "Steps computed", |s| s.steps_total),
    ("engine_rows", "Token rows computed", |s| s.rows_total),
    ("engine_tokens", "Tokens chosen", |s| s.tokens_total),
    ("engine_admitted", "Requests that began to run", |s| s.admitted_total),
    ("engine_preempted", "Requests whose memory was taken away", |s| s.preempted_total),
    ("prefix_hit_tokens", "Prompt tokens found in memory", |s| s.prefix_hit_tokens_total),
    ("drafted_tokens", "Guesses that were checked", |s| s.drafted_tokens_total),
    ("accepted_draft_tokens", "Guesses that were right", |s| s.accepted_draft_tokens_total),
];
