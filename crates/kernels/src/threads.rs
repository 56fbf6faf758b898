//! A fixed set of threads that run the same closure, each on its own share.
//!
//! ```text
//! caller                                    worker
//! publish the job, advance `turn`           spin on `turn`, then sleep until woken
//! wake the workers that sleep               run its share
//! run share 0                               count down `running`; the last one wakes the caller
//! spin on `running`, then sleep             ...
//! ```
//! Between two layers of a model there are microseconds, so waiting means spinning at first. A
//! spinning thread gives the processor away now and then, in case the awaited thread needs this
//! very processor, and it sleeps after some 50 microseconds, so that an idle pool costs nothing.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle, Thread};

/// More threads than any machine of ours has; a larger wish is cut to this.
const THREADS_MAX: usize = 256;
/// Looks at a variable before the first yield: one or two microseconds.
const EAGER_LOOKS: u32 = 100;
/// Looks between two yields afterwards.
const LOOKS_PER_YIELD: u32 = 16;
/// Yields before sleeping; together with the looks between them some 50 microseconds.
const YIELDS: u32 = 60;

/// A pool of workers; the calling thread is worker 0.
///
/// One caller at a time may [`run`](ThreadPool::run) something. Dropping the pool ends its threads.
#[derive(Debug)]
pub struct ThreadPool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    /// The threads of `workers`, for waking them.
    handles: Vec<Thread>,
    busy: AtomicBool,
}

/// What a turn runs.
type Work<'a> = &'a (dyn Fn(usize) + Sync);

struct Shared {
    /// Advanced by one for every job, and once more to end.
    turn: AtomicU32,
    /// Where the caller keeps the `Work` of this turn; null at the end.
    job: AtomicPtr<()>,
    /// Workers that have not finished this turn's job.
    running: AtomicUsize,
    /// Per worker whether it sleeps, or is about to.
    asleep: Vec<AtomicBool>,
    /// Whether the caller sleeps, or is about to, on `all_done`.
    caller_asleep: AtomicBool,
    all_done: Condvar,
    /// The first panic of a share in this turn. Also the lock of `all_done`.
    panicked: Mutex<Option<Box<dyn Any + Send>>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("turn", &self.turn).finish_non_exhaustive()
    }
}

impl ThreadPool {
    /// A pool of `threads` workers, at least 1 and at most 256.
    ///
    /// Where the system refuses a thread, the pool is smaller: ask [`ThreadPool::threads`]. No
    /// result depends on it.
    pub fn new(threads: usize) -> Self {
        let wanted = threads.clamp(1, THREADS_MAX) - 1;
        let shared = Arc::new(Shared {
            turn: AtomicU32::new(0),
            job: AtomicPtr::new(ptr::null_mut()),
            running: AtomicUsize::new(0),
            asleep: (0..wanted).map(|_| AtomicBool::new(false)).collect(),
            caller_asleep: AtomicBool::new(false),
            all_done: Condvar::new(),
            panicked: Mutex::new(None),
        });
        let workers: Vec<_> = (0..wanted)
            .map_while(|index| {
                let shared = Arc::clone(&shared);
                thread::Builder::new()
                    .name(format!("kernels-{}", index + 1))
                    .spawn(move || shared.work(index))
                    .ok()
            })
            .collect();
        let handles = workers.iter().map(|worker| worker.thread().clone()).collect();
        ThreadPool { shared, workers, handles, busy: AtomicBool::new(false) }
    }

    /// Number of workers, the caller included.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Runs `work(0)`, ..., `work(threads - 1)` at the same time and returns when all are done.
    ///
    /// # Panics
    /// With the panic of a share, after all shares have ended. When called while the pool is
    /// running something, be it from one of its shares or from another thread.
    pub fn run(&self, work: &(dyn Fn(usize) + Sync)) {
        let was_busy = self.busy.swap(true, Ordering::Acquire);
        assert!(!was_busy, "a thread pool runs one job at a time, and none from within a job");
        let _idle_again = IdleAgain(&self.busy);
        if self.workers.is_empty() {
            return work(0);
        }
        self.publish((&raw const work).cast_mut().cast());
        self.shared.run_share(work, 0);
        self.shared.wait_for_workers();
        let panicked = lock(&self.shared.panicked).take();
        if let Some(payload) = panicked {
            panic::resume_unwind(payload);
        }
    }

    /// Starts the next turn; `job` points to a `Work` or is null.
    fn publish(&self, job: *mut ()) {
        let shared = &*self.shared;
        shared.job.store(job, Ordering::Relaxed);
        shared.running.store(self.workers.len(), Ordering::Relaxed);
        shared.turn.fetch_add(1, Ordering::SeqCst);
        // A worker says that it will sleep before it looks at `turn` for the last time. So either
        // it sees this turn, or this loop sees it asleep; all four accesses are SeqCst.
        for (handle, asleep) in self.handles.iter().zip(&shared.asleep) {
            if asleep.load(Ordering::SeqCst) {
                handle.unpark();
            }
        }
    }
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        self.publish(ptr::null_mut());
        for worker in self.workers.drain(..) {
            // A worker catches the panics of its jobs, so it has no error to report.
            let _ = worker.join();
        }
    }
}

impl Shared {
    /// The life of worker `index` (share `index + 1`).
    fn work(&self, index: usize) {
        let mut seen = 0;
        loop {
            self.wait_for_turn(index, seen);
            seen = seen.wrapping_add(1);
            let job = self.job.load(Ordering::Relaxed);
            if job.is_null() {
                return;
            }
            // SAFETY: `run` stored the address of a variable of this type before it advanced
            // `turn`, and keeps it and the closure until every worker has counted itself off below.
            let work = unsafe { *job.cast::<Work<'_>>() };
            self.run_share(work, index + 1);
            if self.running.fetch_sub(1, Ordering::SeqCst) == 1
                && self.caller_asleep.load(Ordering::SeqCst)
            {
                // Under the lock, so as not to fall between the caller's last look and its sleep.
                let _lock = lock(&self.panicked);
                self.all_done.notify_one();
            }
        }
    }

    /// Runs one share and keeps the first panic of the turn. Never panics.
    fn run_share(&self, work: Work<'_>, share: usize) {
        let Err(payload) = panic::catch_unwind(AssertUnwindSafe(|| work(share))) else { return };
        let mut first = lock(&self.panicked);
        if first.is_none() {
            *first = Some(payload);
        } else {
            // Dropping it could panic again, and this worker would never count itself off.
            std::mem::forget(payload);
        }
    }

    /// Returns once `turn` is not `seen` any more.
    fn wait_for_turn(&self, index: usize, seen: u32) {
        let started = || self.turn.load(Ordering::SeqCst) != seen;
        if spin_until(started) {
            return;
        }
        self.asleep[index].store(true, Ordering::SeqCst);
        while !started() {
            thread::park();
        }
        self.asleep[index].store(false, Ordering::Relaxed);
    }

    /// Returns once no worker is running.
    fn wait_for_workers(&self) {
        let done = || self.running.load(Ordering::SeqCst) == 0;
        if spin_until(done) {
            return;
        }
        let mut guard = lock(&self.panicked);
        self.caller_asleep.store(true, Ordering::SeqCst);
        while !done() {
            guard = self.all_done.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
        self.caller_asleep.store(false, Ordering::Relaxed);
    }
}

/// Whether `ready` became true within the time worth spinning for.
fn spin_until(ready: impl Fn() -> bool) -> bool {
    let look = |times: u32| {
        (0..times).any(|_| {
            std::hint::spin_loop();
            ready()
        })
    };
    look(EAGER_LOOKS)
        || (0..YIELDS).any(|_| {
            thread::yield_now();
            look(LOOKS_PER_YIELD)
        })
}

/// Locks; no code that holds one of these locks can panic halfway through a change.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Marks the pool idle again when `run` ends, in whatever way.
struct IdleAgain<'a>(&'a AtomicBool);

impl Drop for IdleAgain<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn panic_text(result: thread::Result<()>) -> String {
        let payload = result.expect_err("the job panics");
        match payload.downcast::<String>() {
            Ok(text) => *text,
            Err(payload) => (*payload.downcast::<&str>().expect("a text")).to_string(),
        }
    }

    #[test]
    fn every_share_runs_exactly_once_in_every_turn() {
        for threads in [1, 2, 3, 5] {
            let pool = ThreadPool::new(threads);
            assert_eq!(pool.threads(), threads);
            let counts: Vec<_> = (0..threads).map(|_| AtomicUsize::new(0)).collect();
            for turn in 1..=2000 {
                pool.run(&|share| {
                    counts[share].fetch_add(1, Ordering::Relaxed);
                });
                for count in &counts {
                    assert_eq!(count.load(Ordering::Relaxed), turn);
                }
            }
        }
        assert_eq!(ThreadPool::new(0).threads(), 1);
    }

    #[test]
    fn sleepers_on_both_sides_are_woken() {
        let pool = ThreadPool::new(2);
        let count = AtomicUsize::new(0);
        for turn in 0..20 {
            // Long enough for the worker to fall asleep before, the caller within the turn.
            thread::sleep(Duration::from_millis(2));
            pool.run(&|share| {
                if share != turn % 2 {
                    thread::sleep(Duration::from_millis(2));
                }
                count.fetch_add(1, Ordering::Relaxed);
            });
        }
        assert_eq!(count.into_inner(), 40);
    }

    #[test]
    fn a_panic_of_any_share_reaches_the_caller_after_all_have_ended() {
        for threads in [1, 3] {
            let pool = ThreadPool::new(threads);
            for share_that_panics in 0..threads {
                let ended = AtomicUsize::new(0);
                let result = panic::catch_unwind(AssertUnwindSafe(|| {
                    pool.run(&|share| {
                        assert_ne!(share, share_that_panics, "share on fire");
                        thread::sleep(Duration::from_millis(1));
                        ended.fetch_add(1, Ordering::Relaxed);
                    });
                }));
                assert!(panic_text(result).contains("share on fire"));
                assert_eq!(ended.into_inner(), threads - 1);
            }
            let count = AtomicUsize::new(0);
            pool.run(&|_| _ = count.fetch_add(1, Ordering::Relaxed));
            assert_eq!(count.into_inner(), threads);
        }
    }

    #[test]
    fn a_panic_that_panics_when_dropped_ends_the_turn_too() {
        struct Grenade;
        impl Drop for Grenade {
            fn drop(&mut self) {
                panic!("dropped");
            }
        }
        let pool = ThreadPool::new(3);
        let result = panic::catch_unwind(AssertUnwindSafe(|| {
            pool.run(&|_| panic::panic_any(Grenade));
        }));
        std::mem::forget(result.expect_err("the job panics"));
        let count = AtomicUsize::new(0);
        pool.run(&|_| _ = count.fetch_add(1, Ordering::Relaxed));
        assert_eq!(count.into_inner(), 3);
    }

    #[test]
    fn a_job_cannot_start_a_job() {
        for threads in [1, 2] {
            let pool = ThreadPool::new(threads);
            let result = panic::catch_unwind(AssertUnwindSafe(|| {
                pool.run(&|_| pool.run(&|_| {}));
            }));
            assert!(panic_text(result).contains("one job at a time"));
        }
    }
}
