//! What every route shares.

use crate::error::ApiError;
use crate::limits::DoorLimits;
use crate::open_requests::OpenRequests;
use crate::service::Service;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::sync::{Semaphore, watch};

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
    /// Memory for requests that are being read, in KiB.
    pub(crate) request_memory: Arc<Semaphore>,
    /// Requests whose answers are not complete.
    pub(crate) open_requests: OpenRequests,
    /// Everything behind the routes, from the moment on when the models are loaded.
    service: OnceLock<Arc<Service>>,
    phase: AtomicU8,
    ending: watch::Sender<bool>,
}

impl Site {
    /// A site that is loading.
    pub fn new(limits: DoorLimits) -> Self {
        let kib = (limits.requests_bytes_max >> 10).min(Semaphore::MAX_PERMITS);
        Site {
            limits,
            request_memory: Arc::new(Semaphore::new(kib)),
            open_requests: OpenRequests::default(),
            service: OnceLock::new(),
            phase: AtomicU8::new(Phase::Loading as u8),
            ending: watch::Sender::new(false),
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
        let loading = || ApiError::unavailable("The models are still being loaded", 5);
        self.service.get().ok_or_else(|| loading().with_code("loading"))
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
    pub fn advance(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::AcqRel);
        if phase == Phase::Ending {
            self.ending.send_replace(true);
            if let Some(service) = self.service.get() {
                service.end_all();
            }
        }
    }

    /// Becomes true when running answers must end now: each is then finished as
    /// `Interruption::Shutdown`, so that its client still gets a last frame.
    pub fn ending(&self) -> watch::Receiver<bool> {
        self.ending.subscribe()
    }

    /// Whether new work is taken.
    ///
    /// # Errors
    /// 503 with `Retry-After` while the server loads or stops.
    pub fn check_open(&self) -> Result<(), ApiError> {
        match self.phase() {
            Phase::Ready => Ok(()),
            Phase::Loading => {
                Err(ApiError::unavailable("The models are still being loaded", 5)
                    .with_code("loading"))
            }
            Phase::Draining | Phase::Ending => {
                Err(ApiError::unavailable("The server is stopping", 30).with_code("stopping"))
            }
        }
    }
}
