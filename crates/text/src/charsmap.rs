//! Checks SentencePiece's normalization table before anyone walks it.
//!
//! Layout (little endian): byte length of a trie, the trie as 32-bit units of a double array, then
//! replacement texts, each ended by a zero byte. A unit holds a label in its low byte, a "has a
//! value" bit 8, and an offset from bit 10 (shifted by 8 when bit 9 is set); the child for byte `c`
//! of the node at `i` is at `i ^ offset ^ c`. Source: Yata's darts-clone, as SentencePiece uses it.
//!
//! The reader walks without bounds of its own, so every place it can reach must lie inside.

use crate::VocabError;
use crate::limits::CHARSMAP_BYTES_MAX;
use crate::vocab::check_size;

/// Refuses a table in which a look-up could leave the trie or the texts.
pub(crate) fn check(table: &[u8]) -> Result<(), VocabError> {
    check_size("the length of precompiled_charsmap in bytes", table.len(), CHARSMAP_BYTES_MAX)?;
    let (units, texts) = split(table)?;
    let texts = std::str::from_utf8(texts).map_err(|_| invalid("its texts are no UTF-8"))?;
    let mut seen = vec![false; units.len()];
    let mut open = vec![0];
    while let Some(node) = open.pop() {
        if std::mem::replace(&mut seen[node], true) {
            continue;
        }
        let children = node ^ offset(units[node]);
        if node != 0 && has_value(units[node]) {
            let unit = *units.get(children).ok_or_else(outside)?;
            if !texts.is_char_boundary((unit & 0x7FFF_FFFF) as usize) {
                return Err(invalid("a value points outside its texts"));
            }
        }
        for byte in 1..=0xFF {
            let child = children ^ byte;
            let unit = *units.get(child).ok_or_else(outside)?;
            if (unit & 0x8000_00FF) as usize == byte {
                open.push(child);
            }
        }
    }
    Ok(())
}

fn split(table: &[u8]) -> Result<(Vec<u32>, &[u8]), VocabError> {
    let short = || invalid("it ends before its trie does");
    let (length, rest) = table.split_first_chunk::<4>().ok_or_else(short)?;
    let bytes = u32::from_le_bytes(*length) as usize / 4 * 4;
    let (trie, texts) = rest.split_at_checked(bytes).ok_or_else(short)?;
    let units: Vec<u32> = trie
        .chunks_exact(4)
        .map(|unit| u32::from_le_bytes([unit[0], unit[1], unit[2], unit[3]]))
        .collect();
    if units.is_empty() { Err(invalid("its trie is empty")) } else { Ok((units, texts)) }
}

/// Decodes the base64 in which `tokenizer.json` holds the table.
pub(crate) fn base64_bytes(text: &str) -> Result<Vec<u8>, VocabError> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut bit_count) = (0_u32, 0);
    for digit in text.trim_end_matches('=').bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return Err(invalid("it is not base64")),
        };
        bits = bits << 6 | u32::from(value);
        bit_count += 6;
        if bit_count >= 8 {
            bit_count -= 8;
            bytes.push((bits >> bit_count) as u8);
            bits &= (1 << bit_count) - 1;
        }
    }
    Ok(bytes)
}

fn offset(unit: u32) -> usize {
    ((unit >> 10) as usize) << ((unit & (1 << 9)) >> 6)
}

fn has_value(unit: u32) -> bool {
    (unit >> 8) & 1 == 1
}

fn outside() -> VocabError {
    invalid("a branch leads outside the trie")
}

fn invalid(reason: &str) -> VocabError {
    VocabError::Invalid { what: "precompiled_charsmap", reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokenizers::normalizers::Precompiled;

    use super::*;

    /// A table that maps "a" to "b": root at 0, its children in the block at 256.
    fn table() -> Vec<u8> {
        let mut units = vec![0_u32; 1024];
        units[0] = 256 << 10;
        let a = 256 ^ usize::from(b'a');
        units[a] = u32::from(b'a') | 1 << 8 | 512 << 10;
        units[a ^ 512] = 0;
        let mut bytes = 4096_u32.to_le_bytes().to_vec();
        bytes.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
        bytes.extend(b"b\0");
        bytes
    }

    #[test]
    fn a_sound_table_passes_and_works() {
        check(&table()).unwrap();
        let precompiled = Precompiled::from(&table()).unwrap();
        assert_eq!(precompiled.normalize_string("abc"), "bbc");
    }

    #[test]
    fn base64_is_read() {
        assert_eq!(base64_bytes("aGVsbG8=").unwrap(), b"hello");
        assert_eq!(base64_bytes("+/+/").unwrap(), [0xFB, 0xFF, 0xBF]);
        assert!(base64_bytes("a*").is_err());
    }

    #[test]
    fn cut_tables_are_refused() {
        assert!(check(&[]).is_err());
        assert!(check(&[0, 0, 0, 0]).is_err());
        assert!(check(&table()[..100]).is_err());
    }

    proptest! {
        #[test]
        fn a_table_that_passes_is_never_left(
            changes in prop::collection::vec((4_usize..4100, any::<u8>()), 0..12),
            text in "[a-c]{0,8}",
        ) {
            let mut bytes = table();
            for (place, value) in changes {
                bytes[place] = value;
            }
            if check(&bytes).is_ok() {
                Precompiled::from(&bytes).unwrap().normalize_string(&text);
            }
        }
    }
}
