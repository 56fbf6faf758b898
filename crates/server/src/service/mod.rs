//! The heart between routes and engine: a request comes in as [`Asked`], is decided, prepared,
//! submitted, kept while it runs, and settled. Reading order: [`Service::ask`] below, then the file
//! of each step: `govern` (whose wish counts), `prepare` (words to tokens), `runs` (what is asked
//! of the engine), `clerk` (what happens while it runs), `settle` (what is left of it).
//!
//! Invariant: a request that was accepted has exactly one entry in the ledger, and its `End` is
//! told only after that was committed. Nothing here waits for a reader.

mod account;
mod answered;
mod ask;
mod asked;
mod clerk;
mod decide;
mod entry;
mod feed;
mod fingerprint;
mod gather;
mod govern;
mod grammars;
mod jeton_object;
mod job;
mod load;
mod meters;
mod offer;
mod prepare;
mod quotes;
mod refusals;
mod resume;
mod running;
mod runs;
mod seals;
mod served;
mod settle;

pub use asked::{Asked, Route};
pub use running::{AnswerEvent, Running, Settled, Told};
pub(crate) use served::id_of;
pub use served::{KV_BYTES_DEFAULT, ServeAs, ServeError, ServedModel};

use crate::error::ApiError;
use crate::guard::Caller;
use crate::metrics::AccountMetrics;
use crate::open_requests::OpenRequests;
use ledger::{Entry, Ledger, LedgerError};
use load::Load;
use meters::Meters;
use policy::Refusal;
use policy::config::Config;
use quotes::Quotes;
use refusals::Refusals;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// Prompts that are prepared at the same time. More would take the cores from the engine, and with
/// [`QUESTIONS_MAX`] they leave a thread of those for slow work to settling accounts.
const PREPARING_MAX: usize = 2;

/// Questions to the ledger at the same time, which may read all of it.
const QUESTIONS_MAX: usize = 1;

/// Everything between the routes and the engines.
pub struct Service {
    models: Vec<Arc<ServedModel>>,
    config: RwLock<Arc<Config>>,
    ledger: Ledger,
    metrics: AccountMetrics,
    preparing: Arc<Semaphore>,
    questions: Arc<Semaphore>,
    load: Load,
    refusals: Refusals,
    meters: Arc<Meters>,
    quotes: Arc<Quotes>,
    /// Requests whose accounts are not settled.
    unsettled: OpenRequests,
    ending: watch::Sender<bool>,
}

impl Service {
    /// A service of these models; the first answers requests that name none.
    pub fn new(models: Vec<Arc<ServedModel>>, config: Config, ledger: Ledger) -> Arc<Service> {
        Arc::new(Service {
            models,
            config: RwLock::new(Arc::new(config)),
            meters: Meters::new(ledger.clone()),
            quotes: Arc::new(Quotes::new(ledger.clone())),
            ledger,
            metrics: AccountMetrics::default(),
            preparing: Arc::new(Semaphore::new(PREPARING_MAX)),
            questions: Arc::new(Semaphore::new(QUESTIONS_MAX)),
            load: Load::default(),
            refusals: Refusals::default(),
            unsettled: OpenRequests::default(),
            ending: watch::Sender::new(false),
        })
    }

    /// The models, the first of which answers requests that name none.
    pub fn models(&self) -> &[Arc<ServedModel>] {
        &self.models
    }

    /// The model of this id, or the first one.
    ///
    /// # Errors
    /// 404 when there is none of that id.
    pub fn model(&self, id: Option<&str>) -> Result<Arc<ServedModel>, ApiError> {
        let found = match id {
            Some(id) => self.models.iter().find(|model| model.id() == id),
            None => self.models.first(),
        };
        found.cloned().ok_or_else(|| ApiError::model_not_found(id.unwrap_or_default()))
    }

    /// The settings that count now. A request keeps those it came in under.
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Other settings count from now on.
    pub fn set_config(&self, config: Config) {
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
    }

    /// The ledger.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What is counted of settled accounts.
    pub fn metrics(&self) -> &AccountMetrics {
        &self.metrics
    }

    /// Requests whose accounts are not settled.
    pub fn unsettled(&self) -> &OpenRequests {
        &self.unsettled
    }

    /// The model of this id, or the first one, as `caller` may see it.
    ///
    /// # Errors
    /// 404 when there is none of that id, or the caller's key may not use it: the two cannot be
    /// told apart.
    pub fn model_for(
        &self,
        id: Option<&str>,
        caller: Option<&Caller>,
    ) -> Result<Arc<ServedModel>, ApiError> {
        let model = self.model(id)?;
        let who = govern::who(&self.config(), model.id(), "", caller)?;
        match policy::may_see(&who, model.id()) {
            true => Ok(model),
            false => Err(Refusal::model_not_found(model.id()).into()),
        }
    }

    /// Does work on a prompt that takes its time, on a thread of its own; a bounded number of them
    /// at once.
    ///
    /// # Errors
    /// 500 when the work panicked.
    pub async fn at_work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        on_thread(&self.preparing, work).await
    }

    /// Asks the ledger something that may take its time; a bounded number of questions at once, so
    /// that they keep no prompt and no account waiting.
    ///
    /// # Errors
    /// 400 for a question that asks too much, 500 when the ledger cannot be read.
    pub async fn ask_ledger<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Ledger) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let ledger = self.ledger.clone();
        let answer = on_thread(&self.questions, move || question(&ledger)).await?;
        answer.map_err(|error| match error {
            LedgerError::Question { field, .. } => ApiError::parameter(field, error.to_string()),
            error => decide::unreadable(&error),
        })
    }

    /// Writes a refused request down, where its key is known. Nobody waits for it.
    fn note_refused(&self, entry: Entry) {
        self.metrics.settled(&entry);
        let key_id = entry.key_id.as_deref().unwrap_or_default();
        if self.refusals.is_kept(key_id, entry.time_ms) {
            self.ledger.record(entry, Box::new(|_| ()));
        }
    }

    /// Becomes true when every answer must end.
    fn ending(&self) -> watch::Receiver<bool> {
        self.ending.subscribe()
    }

    /// Ends every answer that runs. Each is settled and told like any other.
    pub fn end_all(&self) {
        self.ending.send_replace(true);
    }
}

/// Does work on a thread that may wait, when one of `places` is free.
async fn on_thread<T: Send + 'static>(
    places: &Arc<Semaphore>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    let place = Arc::clone(places).acquire_owned().await.map_err(|_| ApiError::stopping())?;
    let work = move || {
        // Held until the work is done, also when nobody waits for it any more.
        let _place = place;
        work()
    };
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| ApiError::internal("The request could not be worked on"))
}

/// Time in milliseconds.
fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// 32 hexadecimal digits that nobody had before.
fn random_hex() -> String {
    // The standard library seeds its hash maps from the system's randomness.
    let random = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", random(), random())
}
