//! Counts the requests whose answers are not complete, so that a server can stop when none is left.

use std::sync::Arc;
use tokio::sync::watch;

/// The count; clones share it.
#[derive(Clone, Default)]
pub struct OpenRequests {
    count: Arc<watch::Sender<usize>>,
}

/// One request; it counts until this is dropped.
pub struct OpenRequest {
    count: Arc<watch::Sender<usize>>,
}

impl OpenRequests {
    /// Counts one more.
    pub fn enter(&self) -> OpenRequest {
        self.count.send_modify(|count| *count += 1);
        OpenRequest { count: Arc::clone(&self.count) }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        *self.count.borrow()
    }

    /// Comes back when there is none.
    pub async fn idle(&self) {
        let mut count = self.count.subscribe();
        // It cannot fail: the sender lives as long as `self`.
        let _ = count.wait_for(|count| *count == 0).await;
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.count.send_modify(|count| *count -= 1);
    }
}
