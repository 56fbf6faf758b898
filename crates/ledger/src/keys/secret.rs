//! What a key looks like: `jt-<id>-<secret>`, and what is stored of it.
//!
//! The secret is 256 bits from the operating system. A slow password hash protects words that
//! people choose, by making each guess dear; 2^256 equally likely secrets cannot be guessed at any
//! price, and a slow hash before each request would only be a way to wear the server out. So what
//! is stored is HMAC-SHA256 (RFC 2104) under the ledger's own random pepper: it tells nothing about
//! the secret, and digests of two ledgers cannot be compared.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// How every key begins.
const PREFIX: &str = "jt-";
/// Characters of an id: 50 bits.
const ID_CHARS: usize = 10;
/// Characters of a secret: 256 bits in groups of five, rounded up.
const SECRET_CHARS: usize = 52;
/// Base 32 of RFC 4648, lower case: no character that is taken for another, none that a shell, a
/// URL or a double click treats as its own.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// What is stored of a secret.
pub type Digest = [u8; 32];

/// A fresh id and secret.
///
/// # Errors
/// When the operating system has no random numbers.
pub fn fresh() -> Result<(String, String), getrandom::Error> {
    let mut random = [0; 8 + 32];
    getrandom::fill(&mut random)?;
    let (id, secret) = random.split_at(8);
    Ok((base32(id)[..ID_CHARS].to_owned(), base32(secret)))
}

/// The key as its owner sees it, once.
pub fn shown(id: &str, secret: &str) -> String {
    format!("{PREFIX}{id}-{secret}")
}

/// The id and the secret of a key, if it looks like one.
pub fn parts(key: &str) -> Option<(&str, &str)> {
    let (id, secret) = key.strip_prefix(PREFIX)?.split_once('-')?;
    (is_coded(id, ID_CHARS) && is_coded(secret, SECRET_CHARS)).then_some((id, secret))
}

fn is_coded(text: &str, chars: usize) -> bool {
    text.len() == chars && text.bytes().all(|byte| ALPHABET.contains(&byte))
}

/// What is stored of a key.
pub fn digest(pepper: &[u8; 32], id: &str, secret: &str) -> Digest {
    let mut mac = Hmac::<Sha256>::new_from_slice(pepper).expect("HMAC takes keys of any length");
    mac.update(shown(id, secret).as_bytes());
    mac.finalize().into_bytes().into()
}

/// Whether two digests are the same, in a time that does not tell where they differ.
pub fn is_same(one: &Digest, other: &Digest) -> bool {
    one.ct_eq(other).into()
}

fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let (mut held, mut held_bits) = (0u32, 0);
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        held_bits += 8;
        while held_bits >= 5 {
            held_bits -= 5;
            text.push(letter(held >> held_bits));
            held &= (1 << held_bits) - 1;
        }
    }
    if held_bits > 0 {
        text.push(letter(held << (5 - held_bits)));
    }
    text
}

fn letter(five_bits: u32) -> char {
    char::from(ALPHABET[(five_bits & 31) as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base32_is_that_of_the_rfc() {
        // RFC 4648, section 10, without padding.
        for (plain, coded) in
            [("", ""), ("f", "my"), ("fo", "mzxq"), ("foob", "mzxw6yq"), ("foobar", "mzxw6ytboi")]
        {
            assert_eq!(base32(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn the_digest_is_hmac_sha256() {
        // Python: hmac.new(bytes(range(32)), b"jt-" + b"a"*10 + b"-" + b"b"*52, "sha256").
        let pepper = std::array::from_fn(|index| index as u8);
        let digest = digest(&pepper, &"a".repeat(10), &"b".repeat(52));
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "99d72495d807d01e81d4ba3cd044858c831f01372083ab89c5882c0fab07ab38");
    }

    #[test]
    fn fresh_keys_differ_and_read_back() {
        let (id, secret) = fresh().expect("random numbers");
        let (other_id, other_secret) = fresh().expect("random numbers");
        assert!(id != other_id && secret != other_secret);
        let key = shown(&id, &secret);
        assert_eq!(parts(&key), Some((id.as_str(), secret.as_str())));
    }

    #[test]
    fn what_is_no_key_is_not_taken_for_one() {
        let key = shown(&"a".repeat(ID_CHARS), &"b".repeat(SECRET_CHARS));
        assert!(parts(&key).is_some());
        for wrong in
            [&key[1..], &key[..key.len() - 1], &key.to_uppercase(), &format!("{key}b"), "jt--", ""]
        {
            assert_eq!(parts(wrong), None, "{wrong}");
        }
        assert_eq!(parts(&key.replace('b', "ü")), None);
    }
}
