//! What every route shares.

use crate::error::ApiError;
use crate::guard::keys::KeyCheck;
use crate::guard::origin::Rules;
use crate::limits::DoorLimits;
use crate::metrics::DoorMetrics;
use crate::open_requests::OpenRequests;
use crate::service::Service;
use policy::config::Server;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use tokio::sync::Semaphore;

/// How far the server is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Models are being loaded.
    Loading,
    /// It serves.
    Ready,
    /// It was told to stop: running answers go on, new ones are refused.
    Draining,
    /// The running answers are ended too.
    Ending,
}

/// What every route shares. Routes get it as `State<Arc<Site>>`.
pub struct Site {
    /// What clients may cost.
    pub limits: DoorLimits,
    /// Whose keys open the door.
    pub keys: KeyCheck,
    /// What is counted at the door.
    pub(crate) metrics: DoorMetrics,
    /// Whether only this machine can reach it.
    pub(crate) address_is_loopback: bool,
    /// Memory for requests that are being read, in KiB.
    pub(crate) request_memory: Arc<Semaphore>,
    /// Requests whose answers are not complete.
    pub(crate) open_requests: OpenRequests,
    /// Everything behind the routes, from the moment on when the models are loaded.
    service: OnceLock<Arc<Service>>,
    rules: RwLock<Arc<Rules>>,
    phase: AtomicU8,
}

impl Site {
    /// A site that is loading.
    pub(crate) fn new(settings: &Server, keys: KeyCheck, address_is_loopback: bool) -> Self {
        let limits = DoorLimits::of(settings);
        let kib = (limits.requests_bytes_max >> 10).min(Semaphore::MAX_PERMITS);
        Site {
            limits,
            keys,
            metrics: DoorMetrics::default(),
            address_is_loopback,
            request_memory: Arc::new(Semaphore::new(kib)),
            open_requests: OpenRequests::default(),
            service: OnceLock::new(),
            rules: RwLock::new(Arc::new(Rules::of(settings))),
            phase: AtomicU8::new(Phase::Loading as u8),
        }
    }

    /// Everything is loaded: from now on requests are taken. Only the first time counts.
    pub fn serve(&self, service: Arc<Service>) {
        if self.service.set(service).is_ok() {
            self.advance(Phase::Ready);
        }
    }

    /// Everything behind the routes.
    ///
    /// # Errors
    /// 503 with `Retry-After` while the server loads or stops.
    pub fn service(&self) -> Result<&Arc<Service>, ApiError> {
        self.check_open()?;
        self.loaded().ok_or_else(loading)
    }

    /// Everything behind the routes, also while the server stops.
    pub(crate) fn loaded(&self) -> Option<&Arc<Service>> {
        self.service.get()
    }

    /// How far the server is.
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Loading,
            1 => Phase::Ready,
            2 => Phase::Draining,
            _ => Phase::Ending,
        }
    }

    /// Goes on to `phase`; never back.
    pub(crate) fn advance(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::AcqRel);
        if phase == Phase::Ending
            && let Some(service) = self.loaded()
        {
            service.end_all();
        }
    }

    /// The rules for pages of other origins.
    pub(crate) fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes over what of new settings counts at once.
    pub(crate) fn settle_in(&self, settings: &Server) {
        let rules = Arc::new(Rules::of(settings));
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = rules;
    }

    /// Whether new work is taken.
    ///
    /// # Errors
    /// 503 with `Retry-After` while the server loads or stops.
    pub fn check_open(&self) -> Result<(), ApiError> {
        match self.phase() {
            Phase::Ready => Ok(()),
            Phase::Loading => Err(loading()),
            Phase::Draining | Phase::Ending => Err(ApiError::stopping()),
        }
    }
}

fn loading() -> ApiError {
    ApiError::unavailable("The models are still being loaded", 5).with_code("loading")
}
