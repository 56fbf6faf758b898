//! Reads little-endian numbers and strings, never beyond the end.

use crate::error::LoadError;

/// A place in a file's bytes.
#[derive(Clone)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    file: &'a str,
    offset: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8], file: &'a str) -> Self {
        Cursor { bytes, file, offset: 0 }
    }

    pub(super) fn at(bytes: &'a [u8], file: &'a str, offset: usize) -> Self {
        Cursor { bytes, file, offset }
    }

    pub(super) fn file(&self) -> &'a str {
        self.file
    }

    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    fn left(&self) -> u64 {
        (self.bytes.len() - self.offset) as u64
    }

    /// An error about the bytes at `offset`.
    pub(super) fn refuse(&self, offset: u64, message: impl Into<String>) -> LoadError {
        LoadError::malformed(self.file, offset, message)
    }

    /// The next `len` bytes.
    pub(super) fn take(&mut self, len: u64, what: &str) -> Result<&'a [u8], LoadError> {
        let left = self.left();
        if len > left {
            let message = format!("{what} needs {len} bytes, the file has {left} more");
            return Err(self.refuse(self.offset as u64, message));
        }
        let start = self.offset;
        self.offset += len as usize;
        Ok(&self.bytes[start..self.offset])
    }

    fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], LoadError> {
        let bytes = self.take(N as u64, what)?;
        Ok(bytes.try_into().expect("take gives exactly N bytes"))
    }

    pub(super) fn u32(&mut self, what: &str) -> Result<u32, LoadError> {
        Ok(u32::from_le_bytes(self.array(what)?))
    }

    pub(super) fn u64(&mut self, what: &str) -> Result<u64, LoadError> {
        Ok(u64::from_le_bytes(self.array(what)?))
    }

    /// A number of things of at least `each_bytes` bytes that follow, at most `max`.
    pub(super) fn count(
        &mut self,
        what: &str,
        max: u64,
        each_bytes: u64,
    ) -> Result<u64, LoadError> {
        let at = self.offset as u64;
        let count = self.u64(what)?;
        let fitting = self.left() / each_bytes;
        if count > max.min(fitting) {
            let message = format!(
                "{what} is {count}, allowed: up to {max}, and the {} bytes left hold {fitting}",
                self.left()
            );
            return Err(self.refuse(at, message));
        }
        Ok(count)
    }

    /// Length and bytes of a string, which need not be UTF-8.
    pub(super) fn raw_string(&mut self, what: &str, bytes_max: u64) -> Result<&'a [u8], LoadError> {
        let at = self.offset as u64;
        let len = self.u64(what)?;
        if len > bytes_max {
            let message = format!("{what} has {len} bytes, allowed: up to {bytes_max}");
            return Err(self.refuse(at, message));
        }
        self.take(len, what)
    }

    /// Walks over `count` strings. Vocabularies have hundreds of thousands of them, so the loop
    /// builds no `Result` per string; the slow path below finds the words for what is wrong.
    pub(super) fn skip_strings(&mut self, count: u64) -> Result<(), LoadError> {
        for _ in 0..count {
            match string_end(self.bytes, self.offset) {
                Some(end) => self.offset = end,
                None => self.raw_string("string", u64::MAX).map(|_| ())?,
            }
        }
        Ok(())
    }

    pub(super) fn string(&mut self, what: &str, bytes_max: u64) -> Result<&'a str, LoadError> {
        let at = self.offset as u64;
        let bytes = self.raw_string(what, bytes_max)?;
        std::str::from_utf8(bytes).map_err(|_| self.refuse(at, format!("{what} is not UTF-8")))
    }
}

/// Where the string at `offset` ends; `None` when it does not end inside of `bytes`.
fn string_end(bytes: &[u8], offset: usize) -> Option<usize> {
    let (len, text) = bytes.get(offset..)?.split_first_chunk::<8>()?;
    let len = usize::try_from(u64::from_le_bytes(*len)).ok()?;
    (len <= text.len()).then(|| offset + 8 + len)
}
