//! Who starts when: a fixed number at a time, or arrivals at random.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use crate::client::ask;
use crate::http::Address;
use crate::prompts::Draws;
use crate::report::Report;
use crate::settings::Settings;

/// Puts the load on and waits for every client.
pub async fn run(settings: Rc<Settings>) -> Report {
    let Ok(address) = Address::parse(&settings.url) else { return Report::default() };
    // Warm-up prompts are far from the measured ones, so that no cache knows those.
    for index in 0..settings.warm_up {
        let calm = Settings { vanishing: 0.0, slow: 0.0, prompts: None, ..(*settings).clone() };
        ask(&calm, &address, usize::MAX / 2 + index).await;
    }
    let shared = Rc::new(Shared {
        address,
        report: RefCell::new(Report::default()),
        started: Cell::new(0),
        began: Instant::now(),
        settings,
    });
    match shared.settings.rate {
        Some(rate) => arrivals(&shared, rate).await,
        None => crowd(&shared).await,
    }
    let mut report = shared.report.take();
    report.seconds = shared.began.elapsed().as_secs_f64();
    report.check_texts();
    report
}

struct Shared {
    settings: Rc<Settings>,
    address: Address,
    report: RefCell<Report>,
    started: Cell<usize>,
    began: Instant,
}

impl Shared {
    /// The number of the next request, unless enough have been started.
    fn next(&self) -> Option<usize> {
        let index = self.started.get();
        let is_enough = self.settings.request_count().is_some_and(|count| index >= count)
            || self.settings.seconds.is_some_and(|s| self.began.elapsed().as_secs_f64() >= s);
        if is_enough {
            return None;
        }
        self.started.set(index + 1);
        Some(index)
    }

    async fn ask(&self, index: usize) {
        let seen = ask(&self.settings, &self.address, index).await;
        self.report.borrow_mut().add(seen);
    }
}

/// So many clients, each asking again when it is done.
async fn crowd(shared: &Rc<Shared>) {
    let clients: Vec<_> = (0..shared.settings.streams)
        .map(|_| {
            let shared = shared.clone();
            tokio::task::spawn_local(async move {
                while let Some(index) = shared.next() {
                    shared.ask(index).await;
                }
            })
        })
        .collect();
    for client in clients {
        finish(client).await;
    }
}

/// Clients that come at random times, whether or not earlier ones are done.
async fn arrivals(shared: &Rc<Shared>, rate: f64) {
    let mut draws = Draws::of(shared.settings.seed, 0xA11);
    let seats = Arc::new(Semaphore::new(shared.settings.streams));
    let mut clients = Vec::new();
    let mut due = shared.began;
    while let Some(index) = shared.next() {
        due += Duration::from_secs_f64(draws.wait_seconds(rate));
        tokio::time::sleep_until(due.into()).await;
        let Ok(seat) = seats.clone().try_acquire_owned() else {
            shared.report.borrow_mut().turned_away += 1;
            continue;
        };
        let shared = shared.clone();
        clients.push(tokio::task::spawn_local(async move {
            shared.ask(index).await;
            drop(seat);
        }));
    }
    for client in clients {
        finish(client).await;
    }
}

async fn finish(client: tokio::task::JoinHandle<()>) {
    if let Err(error) = client.await {
        std::panic::resume_unwind(error.into_panic());
    }
}
