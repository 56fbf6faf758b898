//! A request as it was decided: all that its account needs when it is over.

use super::asked::Asked;
use super::govern::Governed;
use super::meters::Held;
use super::running::Told;
use super::runs::Place;
use super::served::ServedModel;
use super::{Service, random_hex};
use answers::effective::Effective;
use engine::GenerateRequest;
use ledger::Slot;
use policy::quote::Quote;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// A request as it was decided.
pub(super) struct Job {
    /// Who settles it.
    pub service: Arc<Service>,
    /// The model that answers.
    pub model: Arc<ServedModel>,
    /// What was asked; its prompt went into the request.
    pub asked: Asked,
    /// What was decided about its limits.
    pub governed: Governed,
    /// The parameters in force and who set them.
    pub effective: Effective,
    /// The request that its runs are made of.
    pub request: GenerateRequest,
    /// What each run is for.
    pub places: Vec<Place>,
    /// Whether the prompt was made with the chat template.
    pub template_used: bool,
    /// What the route was told.
    pub told: Arc<Told>,
    /// Whether an earlier answer, which this one goes on from, paid for the prompt.
    pub prompt_is_paid: bool,
    /// What it would likely take, as was said before; none where a saved run goes on.
    pub quote: Option<Quote>,
    /// What it holds of its key's budgets.
    pub held: Held,
    /// Its place in the ledger's queue.
    pub slot: Slot,
    /// When it came in.
    pub arrival: Arrival,
}

impl Job {
    /// Whether it is no part of a run that began earlier.
    pub fn begins_anew(&self) -> bool {
        self.request.generated.is_empty()
    }

    /// The time that the request may take: what it asks for, and no more than the configuration
    /// gives.
    pub fn time_max(&self) -> Duration {
        let asked = self.asked.deadline_ms.map(Duration::from_millis);
        let seconds = self.governed.config.server.request_timeout_s;
        let given = Duration::try_from_secs_f64(seconds).ok().filter(|time| !time.is_zero());
        asked.into_iter().chain(given).min().unwrap_or(Duration::MAX)
    }
}

/// When a request came in, and its name from then on.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    /// The ledger's name for it.
    pub request_id: String,
    /// By the clock that measures.
    pub at: Instant,
    /// By the clock on the wall, in milliseconds since 1970.
    pub unix_ms: u64,
}

impl Arrival {
    /// A request comes in now.
    pub fn now() -> Self {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Arrival {
            request_id: format!("req-{}", random_hex()),
            at: Instant::now(),
            unix_ms: since_1970.map_or(0, |time| time.as_millis() as u64),
        }
    }

    /// In seconds since 1970.
    pub fn unix_s(&self) -> u64 {
        self.unix_ms / 1000
    }
}
