//! Read-only bytes of a model: a mapped file, an embedded array, or memory of our own.
//!
//! The one file of this crate with `unsafe`.
//!
//! Known limit: a mapping shows the file as it is, not as it was. When another process truncates
//! the file while it is mapped, reading a page that is gone ends this process with SIGBUS (on
//! Windows truncation is refused instead); when another process overwrites it, the numbers change
//! under the computation. Replace model files by renaming a new file over the old name: the
//! mapping then keeps the old contents.

#![allow(unsafe_code)]

use std::fs::File;
use std::ops::{Deref, Range};
use std::path::Path;
use std::sync::Arc;

/// A cheaply cloned window on shared read-only bytes; it keeps the mapping alive.
#[derive(Clone)]
pub struct Bytes {
    source: Source,
    range: Range<usize>,
}

#[derive(Clone)]
enum Source {
    Static(&'static [u8]),
    Owned(Arc<Vec<u8>>),
    Mapped(Arc<memmap2::Mmap>),
}

impl Bytes {
    /// Maps the file at `path` into memory, read-only. Pages are read when first touched.
    ///
    /// # Errors
    /// What the system says when the file cannot be opened or mapped.
    pub fn map_file(path: &Path) -> std::io::Result<Self> {
        let file = File::open(path)?;
        if file.metadata()?.len() == 0 {
            return Ok(Bytes::from_static(&[]));
        }
        // SAFETY: the mapping is read-only and private to this handle, and every `&[u8]` given out
        // borrows from a handle that keeps it alive. Changes of the file by other processes cannot
        // be excluded by any call; the module documentation states that limit, and no code of
        // this crate relies on a byte being the same when read twice for its memory safety.
        let map = unsafe { memmap2::Mmap::map(&file)? };
        let range = 0..map.len();
        Ok(Bytes { source: Source::Mapped(Arc::new(map)), range })
    }

    /// Bytes that are part of the program, for an embedded model.
    pub fn from_static(bytes: &'static [u8]) -> Self {
        Bytes { source: Source::Static(bytes), range: 0..bytes.len() }
    }

    /// Bytes in memory of our own: copies that had to be rearranged, and tests.
    pub fn from_vec(bytes: Vec<u8>) -> Self {
        let range = 0..bytes.len();
        Bytes { source: Source::Owned(Arc::new(bytes)), range }
    }

    /// The part `range` of these bytes, sharing the memory; `None` when it is out of bounds.
    pub fn slice(&self, range: Range<usize>) -> Option<Self> {
        if range.start > range.end || range.end > self.range.len() {
            return None;
        }
        let start = self.range.start + range.start;
        let end = self.range.start + range.end;
        Some(Bytes { source: self.source.clone(), range: start..end })
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let all: &[u8] = match &self.source {
            Source::Static(bytes) => bytes,
            Source::Owned(bytes) => bytes,
            Source::Mapped(map) => map,
        };
        &all[self.range.clone()]
    }
}

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bytes({} bytes)", self.range.len())
    }
}
