//! Ctrl-C: the first one asks the work to stop, a second one within the same work ends the program.

use crate::failure::EXIT_INTERRUPTED;
use std::sync::atomic::{AtomicUsize, Ordering};

static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Takes over Ctrl-C. Where that is not possible, Ctrl-C keeps ending the program.
pub fn install() {
    let handler = || {
        if COUNT.fetch_add(1, Ordering::Relaxed) >= 1 {
            std::process::exit(i32::from(EXIT_INTERRUPTED));
        }
    };
    // An error says that there is a handler already or none can be set: nothing is lost.
    let _ = ctrlc::set_handler(handler);
}

/// Whether Ctrl-C was pressed since the last [`clear`].
pub fn pressed() -> bool {
    COUNT.load(Ordering::Relaxed) > 0
}

/// Forgets it: new work begins.
pub fn clear() {
    COUNT.store(0, Ordering::Relaxed);
}
