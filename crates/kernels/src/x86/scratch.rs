//! Per-thread working memory: grown once, aligned to cache lines, reused by every product.

use std::cell::RefCell;

/// Bytes of a cache line and of the widest vector.
const LINE_BYTES: usize = 64;

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; LINE_BYTES]);

/// A growing buffer whose start is aligned to a cache line.
#[derive(Default)]
pub(super) struct Lines(Vec<Line>);

impl Lines {
    /// At least `bytes` bytes, with whatever an earlier product left in them.
    pub(super) fn bytes(&mut self, bytes: usize) -> &mut [u8] {
        let lines = bytes.div_ceil(LINE_BYTES);
        if self.0.len() < lines {
            self.0.resize(lines, Line([0; LINE_BYTES]));
        }
        let start = self.0.as_mut_ptr().cast::<u8>();
        // SAFETY: the vector owns `lines` initialized lines of 64 plain bytes, and the returned
        // slice borrows it mutably.
        unsafe { std::slice::from_raw_parts_mut(start, bytes) }
    }
}

/// What one thread needs for one product.
#[derive(Default)]
pub(super) struct Scratch {
    /// Weights of a strip, unpacked and in the order in which the micro-kernel reads them.
    pub(super) panel: Lines,
    /// Activations of all input rows, in the order in which the micro-kernel reads them.
    pub(super) activations: Lines,
    /// The last rows of a matrix, filled up with zeros to a whole tile.
    pub(super) tail: Lines,
    /// Partial sums that wait for the next panel.
    pub(super) sums: Lines,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Lends this thread's scratch to `work`.
pub(super) fn with<R>(work: impl FnOnce(&mut Scratch) -> R) -> R {
    SCRATCH.with_borrow_mut(work)
}
