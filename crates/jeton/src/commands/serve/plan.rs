//! What is to be served: the settings, with the flags over them.

use crate::computing;
use crate::failure::Failure;
use clap::ArgMatches;
use engine::{EngineConfig, Speculation};
use ledger::Ledger;
use policy::config::{Config, Model};
use server::loading::ToServe;
use server::service::ServeAs;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How often entries that are too old are removed.
const PRUNE_EVERY: Duration = Duration::from_secs(3600);
const DAY_MS: u64 = 24 * 3600 * 1000;

/// What is to be served.
pub struct Plan {
    /// The file of the settings, if there is one.
    pub file: Option<String>,
    /// The settings, with the flags over them.
    pub config: Config,
    /// Where the ledger is, if somebody said.
    pub ledger: Option<String>,
    /// The models that flags name.
    named: Vec<(Option<String>, String)>,
}

impl Plan {
    /// Of the flags and the file that they name.
    ///
    /// # Errors
    /// When the file cannot be read, or holds something wrong: then all of it.
    pub fn of(flags: &ArgMatches) -> Result<Plan, Failure> {
        let file = flags.get_one::<String>("config").cloned();
        let config = match &file {
            None => Config::default(),
            Some(name) => {
                let text = server::read_settings(Path::new(name)).map_err(Failure::new)?;
                Config::from_yaml(&text, name).map_err(Failure::new)?
            }
        };
        let config = with_flags(config, flags);
        let ledger = flags.get_one::<String>("ledger").cloned();
        let named = flags.get_many::<String>("model").into_iter().flatten();
        Ok(Plan {
            file,
            ledger: ledger.or_else(|| config.ledger.path.clone()),
            config,
            named: named.map(|word| id_and_path(word)).collect(),
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the host is no address and no name of one.
    pub fn address(&self) -> Result<SocketAddr, Failure> {
        let (host, port) = (self.config.server.host.as_str(), self.config.server.port);
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let found = (bare, port).to_socket_addrs().ok().and_then(|mut all| all.next());
        found.ok_or_else(|| {
            Failure::new(format!("`{host}` is not an address of this machine"))
                .with_hint("127.0.0.1 is this machine alone, 0.0.0.0 every way to it")
        })
    }

    /// The models: those that flags name, else those of the settings, else the one inside.
    ///
    /// # Errors
    /// When a flag about computing cannot be met.
    pub fn to_serve(&self, flags: &ArgMatches) -> Result<Vec<ToServe>, Failure> {
        if !self.named.is_empty() {
            return self
                .named
                .iter()
                .map(|(id, path)| {
                    let known = id.as_ref().and_then(|id| self.config.model(id));
                    let mut to_serve = self.model(known, flags)?;
                    to_serve.path = Some(PathBuf::from(path));
                    to_serve.serve_as.id.clone_from(id);
                    Ok(to_serve)
                })
                .collect();
        }
        if self.config.models.is_empty() {
            return Ok(vec![self.model(None, flags)?]);
        }
        self.config.models.iter().map(|model| self.model(Some(model), flags)).collect()
    }

    fn model(&self, model: Option<&Model>, flags: &ArgMatches) -> Result<ToServe, Failure> {
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let mut how = computing::from_flags(flags);
        let mut effort = computing::effort(flags)?;
        let mut engine = EngineConfig {
            queue_requests_max: count(self.config.server.queue_max).min(1 << 20),
            request_event_bytes_max: engine::limits::REQUEST_EVENT_BYTES_MAX,
            ..EngineConfig::default()
        };
        let beside = flags.get_one::<u32>("prefill-beside").map(|&tokens| tokens.into());
        let beside = beside.or_else(|| model.and_then(|model| model.prefill_beside_tokens));
        if let Some(tokens) = beside {
            engine.prefill_tokens_beside_decode = count(tokens);
        }
        if let Some(model) = model {
            how.context_tokens = how.context_tokens.or(model.context_tokens.map(count));
            effort.threads = effort.threads.or(model.threads.map(count));
            if let Some(running_max) = model.running_max {
                engine.sequences_max = count(running_max);
                engine.step_tokens_max = engine.step_tokens_max.max(engine.sequences_max);
            }
        }
        let kv_gb = flags.get_one::<f64>("kv-gb").copied();
        let kv_gb = kv_gb.or(model.and_then(|model| model.kv_gb));
        let lookup = flags.get_flag("lookup");
        Ok(ToServe {
            path: model.and_then(|model| model.path.clone()).map(PathBuf::from),
            draft: model.and_then(|model| model.draft.clone()).map(PathBuf::from),
            kv_bytes: kv_gb.map(|gib| (gib * (1u64 << 30) as f64) as u64),
            serve_as: ServeAs {
                id: model.map(|model| model.id.clone()),
                computing: how,
                effort,
                engine,
                speculation: if lookup { Speculation::Lookup } else { Speculation::Off },
                ..ServeAs::default()
            },
        })
    }
}

/// The settings, with the flags over them.
pub fn with_flags(mut config: Config, flags: &ArgMatches) -> Config {
    if let Some(host) = flags.get_one::<String>("host") {
        config.server.host.clone_from(host);
    }
    if let Some(&port) = flags.get_one::<u16>("port") {
        config.server.port = port;
    }
    config.server.allow_no_keys |= flags.get_flag("insecure-no-keys");
    config
}

/// `id=path`, or a path. What is a file as a whole is a path, whatever signs it has.
fn id_and_path(word: &str) -> (Option<String>, String) {
    match word.split_once('=') {
        Some((id, path))
            if !id.is_empty() && !id.contains(['/', '\\']) && !Path::new(word).exists() =>
        {
            (Some(id.to_owned()), path.to_owned())
        }
        _ => (None, word.to_owned()),
    }
}

/// Removes entries that are too old, now and every hour, for as long as the program runs.
pub fn start_pruning(ledger: &Ledger, retention_days: Option<u64>) {
    let Some(days) = retention_days else { return };
    let ledger = ledger.clone();
    let prune = move || loop {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        match ledger.prune(now_ms.saturating_sub(days.saturating_mul(DAY_MS))) {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, days, "old entries were removed from the ledger"),
            Err(error) => tracing::error!(%error, "old entries stay in the ledger"),
        }
        std::thread::sleep(PRUNE_EVERY);
    };
    if let Err(error) = std::thread::Builder::new().name("pruning".to_owned()).spawn(prune) {
        tracing::error!(%error, "old entries stay in the ledger: no thread");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_may_be_named() {
        let named = |word: &str| id_and_path(word);
        assert_eq!(named("a=b.gguf"), (Some("a".to_owned()), "b.gguf".to_owned()));
        assert_eq!(named("b.gguf"), (None, "b.gguf".to_owned()));
        assert_eq!(named("dir/a=b.gguf"), (None, "dir/a=b.gguf".to_owned()));
        assert_eq!(named("=b.gguf"), (None, "=b.gguf".to_owned()));
    }
}
