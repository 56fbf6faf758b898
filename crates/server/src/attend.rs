//! What a running server is told from outside: signals, and new settings in its file.

use crate::site::Site;
use crate::start::Running;
use policy::config::{Config, FILE_BYTES_MAX, Limits, Model, Thinking};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::MissedTickBehavior;

/// How often the settings' file is looked at, and whether keys are needed by now.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How a server came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It was told to stop and let running answers end first.
    Drained,
    /// It was told twice, and left everything as it was.
    AtOnce,
}

/// Why a server cannot be attended to.
#[derive(Debug, thiserror::Error)]
#[error("signals cannot be received: {0}")]
pub struct AttendError(#[from] std::io::Error);

/// Attends to a server until it has stopped. SIGTERM and SIGINT stop it, a second one at once;
/// SIGHUP, and a change of the file, have its settings read again. `settings` makes settings of the
/// file's text, or says what is wrong with it; then the old ones stay.
///
/// # Errors
/// When the system gives no signals.
pub fn attend(
    running: &Running,
    file: Option<PathBuf>,
    settings: impl Fn(&str) -> Result<Config, String>,
) -> Result<Stopped, AttendError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    runtime.block_on(async {
        let mut hangup = signal(SignalKind::hangup())?;
        let mut stops = Stops::new()?;
        let mut ended = running.ended.clone();
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut watched = file.map(Watched::new);
        let mut stop_count = 0;
        loop {
            let mut must_read = false;
            tokio::select! {
                // An error says that the thread is gone, which is an end as well.
                _ = ended.wait_for(|ended| *ended) => return Ok(Stopped::Drained),
                () = stops.next() => {
                    stop_count += 1;
                    if stop_count > 1 {
                        return Ok(Stopped::AtOnce);
                    }
                    tracing::info!("stopping: running answers may end first");
                    running.shutdown();
                }
                _ = hangup.recv() => must_read = true,
                _ = look.tick() => {
                    if let Err(error) = running.site().keys.refresh() {
                        tracing::error!(%error, "keys could not be read");
                    }
                }
            }
            if let Some(watched) = &mut watched
                && (watched.changed() || must_read)
            {
                reload(running.site(), &watched.path, &settings);
            }
        }
    })
}

/// The signals that stop a server.
struct Stops {
    terminate: Signal,
    interrupt: Signal,
}

impl Stops {
    fn new() -> std::io::Result<Stops> {
        Ok(Stops {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Comes back with the next one.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// A file, how it looked when it was last read, and how it looked last time.
struct Watched {
    path: PathBuf,
    read: Option<(SystemTime, u64)>,
    seen: Option<(SystemTime, u64)>,
}

impl Watched {
    /// Never seen yet: what was changed while the models were loaded counts as well.
    fn new(path: PathBuf) -> Watched {
        Watched { path, read: None, seen: None }
    }

    /// Whether it was changed and then left alone for one look: what is being written is not read
    /// before it is whole. A file that is not there, as for a moment while an editor saves it, has
    /// not changed.
    fn changed(&mut self) -> bool {
        let now = look_of(&self.path);
        let rests = now.is_some() && now == self.seen;
        self.seen = now;
        if !rests || now == self.read {
            return false;
        }
        self.read = now;
        true
    }
}

fn look_of(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// Reads the file and lets its settings count, or leaves the old ones and says why.
fn reload(site: &Site, path: &Path, settings: &impl Fn(&str) -> Result<Config, String>) {
    let file = path.display();
    let config = match read_settings(path).and_then(|text| settings(&text)) {
        Ok(config) => config,
        Err(problems) => {
            tracing::error!("the new settings are wrong and the old ones stay:\n{problems}");
            return;
        }
    };
    let Some(service) = site.loaded() else { return };
    let old = service.config();
    if *old == config {
        return;
    }
    if fixed(&old) != fixed(&config) {
        tracing::warn!(
            %file,
            "what is new under `server` (but cors_origins, open_metrics, plan_without_key and \
             request_timeout_s), the list of models and `ledger` count from the next start on"
        );
    }
    site.settle_in(&config.server);
    service.set_config(config);
    tracing::info!(%file, "new settings count");
}

/// What of the settings counts from the start on: as JSON, to be compared.
fn fixed(config: &Config) -> String {
    let mut server = config.server.clone();
    (server.cors_origins, server.open_metrics) = (Vec::new(), false);
    (server.request_timeout_s, server.plan_without_key) = (0.0, None);
    let without_rules = |model: &Model| Model {
        prices: None,
        limits: Limits::default(),
        thinking: Thinking::default(),
        locked: None,
        ..model.clone()
    };
    let models: Vec<Model> = config.models.iter().map(without_rules).collect();
    format!("{server:?} {models:?} {:?}", config.ledger)
}

/// The text of a file of settings.
///
/// # Errors
/// In words: when it cannot be read, is too long, or is no text.
pub fn read_settings(path: &Path) -> Result<String, String> {
    let told =
        |error: &dyn std::fmt::Display| format!("{}: cannot be read: {error}", path.display());
    let file = std::fs::File::open(path).map_err(|error| told(&error))?;
    let mut text = String::new();
    let limit = FILE_BYTES_MAX as u64 + 1;
    file.take(limit).read_to_string(&mut text).map_err(|error| told(&error))?;
    Ok(text)
}
