//! Where a thought may end: between characters, and best between sentences.

/// The end of what was written, as far as it decides whether a thought may end there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tail {
    /// The last bytes, at most [`TAIL_BYTES`].
    bytes: Vec<u8>,
}

/// Enough for a sentence's last sign behind a few quotes and brackets.
const TAIL_BYTES: usize = 24;

/// Signs that end a sentence when a blank follows.
const SENTENCE_ENDS: [char; 4] = ['.', '!', '?', '…'];
/// Signs that end a sentence whatever follows.
const WIDE_SENTENCE_ENDS: [char; 4] = ['。', '！', '？', '｡'];
/// Signs that may stand between a sentence's last sign and the blank.
const CLOSERS: [char; 11] = ['"', '\'', ')', ']', '}', '*', '_', '`', '”', '’', '»'];

impl Tail {
    /// The beginning of a line.
    pub fn of_line_start() -> Self {
        Self { bytes: vec![b'\n'] }
    }

    /// Takes the bytes of the next token.
    pub fn push(&mut self, piece: &[u8]) {
        self.bytes.extend_from_slice(&piece[piece.len().saturating_sub(TAIL_BYTES)..]);
        let surplus = self.bytes.len().saturating_sub(TAIL_BYTES);
        self.bytes.drain(..surplus);
    }

    /// Whether a line has just begun.
    pub fn is_line_start(&self) -> bool {
        self.bytes.last() == Some(&b'\n')
    }

    /// Whether a token that begins with `next` would begin a new line or sentence, or words after
    /// one.
    pub fn ends_before(&self, next: &[u8]) -> bool {
        if self.is_line_start() {
            return true;
        }
        let text = String::from_utf8_lossy(&self.bytes);
        let text = text.trim_end_matches(CLOSERS);
        let blank_follows = next.first().is_some_and(u8::is_ascii_whitespace);
        text.ends_with(WIDE_SENTENCE_ENDS) || (blank_follows && text.ends_with(SENTENCE_ENDS))
    }

    /// Bytes that the last character lacks, from 0 to 3.
    pub fn missing_bytes(&self) -> usize {
        missing_bytes(&self.bytes)
    }

    /// Bytes that the last character would lack after `piece`.
    pub fn missing_bytes_after(&self, piece: &[u8]) -> usize {
        let kept = &self.bytes[self.bytes.len().saturating_sub(3)..];
        let added = &piece[piece.len().saturating_sub(4)..];
        missing_bytes(&[kept, added].concat())
    }
}

/// Bytes that a character at the end of `bytes` lacks in UTF-8; what cannot become one lacks none.
fn missing_bytes(bytes: &[u8]) -> usize {
    let tail = &bytes[bytes.len().saturating_sub(3)..];
    for (place, &byte) in tail.iter().enumerate().rev() {
        let length = match byte {
            0xC2..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF4 => 4,
            0x80..=0xBF => continue,
            _ => return 0,
        };
        let present = tail.len() - place;
        // An error of a known length says that these bytes can no longer become a character.
        let broken =
            std::str::from_utf8(&tail[place..]).is_err_and(|error| error.error_len().is_some());
        return if broken { 0 } else { length.max(present) - present };
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(text: &[u8]) -> Tail {
        let mut tail = Tail::default();
        tail.push(text);
        tail
    }

    #[test]
    fn sentences_and_lines_end_and_decimals_do_not() {
        assert!(tail(b"It is 12.").ends_before(b" Then"));
        assert!(tail(b"(It is 12.)").ends_before(b" Then"));
        assert!(tail(b"a line\n").ends_before(b"Then"));
        assert!(tail("終わり。".as_bytes()).ends_before("次".as_bytes()));
        assert!(!tail(b"pi is 3.").ends_before(b"14"));
        assert!(!tail(b"and then").ends_before(b" so"));
        assert!(!Tail::default().ends_before(b" so"));
    }

    #[test]
    fn what_a_character_lacks() {
        let euro = "a€😀".as_bytes();
        let lacks: Vec<usize> = (0..=euro.len()).map(|end| missing_bytes(&euro[..end])).collect();
        assert_eq!(lacks, [0, 0, 2, 1, 0, 3, 2, 1, 0]);
        assert_eq!(missing_bytes(b"\xE2\x41"), 0);
        assert_eq!(missing_bytes(b"\x80\x80"), 0);
        assert_eq!(missing_bytes(b"\xE0\x80"), 0, "an overlong form is no character");
        assert_eq!(tail(b"\xF0\x9F").missing_bytes_after(b"\x98"), 1);
    }

    #[test]
    fn long_pieces_leave_their_end() {
        let long = format!("{}.", "x".repeat(1000));
        assert!(tail(long.as_bytes()).ends_before(b" y"));
    }
}
