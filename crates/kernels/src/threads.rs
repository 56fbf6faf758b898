//! A fixed set of threads that run the same closure, each on its own share.

/// A pool of `threads` workers; the calling thread is worker 0.
#[derive(Debug)]
pub struct ThreadPool {
    threads: usize,
}

impl ThreadPool {
    /// A pool of `threads` workers (at least 1).
    pub fn new(threads: usize) -> Self {
        ThreadPool { threads: threads.max(1) }
    }

    /// Number of workers.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Runs `work(0..threads)` and returns when all are done.
    pub fn run(&self, work: &(dyn Fn(usize) + Sync)) {
        for thread in 0..self.threads {
            work(thread);
        }
    }
}
