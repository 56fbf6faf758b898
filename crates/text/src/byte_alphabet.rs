//! The byte alphabet of GPT-2: each of the 256 bytes written as one printable character.
//!
//! Printable bytes stand for themselves; the 68 others (controls, blank, 0x7F..=0xA0, 0xAD) are
//! numbered in order from U+0100. Source: the published GPT-2 encoder (`bytes_to_unicode`).

/// First code point that stands for an unprintable byte.
const SHIFTED_FIRST: u32 = 0x100;

/// The byte a character of the alphabet stands for, `None` outside the alphabet.
pub(crate) fn byte_of(character: char) -> Option<u8> {
    match u32::from(character) {
        code @ (0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF) => Some(code as u8),
        code @ 0x100..=0x120 => Some((code - SHIFTED_FIRST) as u8),
        code @ 0x121..=0x142 => Some((code - 0x121 + 0x7F) as u8),
        0x143 => Some(0xAD),
        _ => None,
    }
}

/// Writes the bytes a token's text stands for; a text that leaves the alphabet is taken verbatim.
pub(crate) fn push_bytes(text: &str, out: &mut Vec<u8>) {
    let start = out.len();
    for character in text.chars() {
        match byte_of(character) {
            Some(byte) => out.push(byte),
            None => {
                out.truncate(start);
                out.extend_from_slice(text.as_bytes());
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_exactly_one_character() {
        let mut seen = [0; 256];
        for code in 0..0x200 {
            if let Some(byte) = char::from_u32(code).and_then(byte_of) {
                seen[usize::from(byte)] += 1;
            }
        }
        assert_eq!(seen, [1; 256]);
        assert_eq!(byte_of('Ġ'), Some(b' '));
        assert_eq!(byte_of('Ċ'), Some(b'\n'));
        assert_eq!(byte_of(' '), None);
    }

    #[test]
    fn a_text_outside_the_alphabet_is_verbatim() {
        let mut bytes = Vec::new();
        push_bytes("Ġa", &mut bytes);
        push_bytes("Ġ ", &mut bytes);
        assert_eq!(bytes, [b" a", "Ġ ".as_bytes()].concat());
    }
}
