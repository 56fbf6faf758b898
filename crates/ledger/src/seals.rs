//! Seals: proof that this ledger's server has said something, for whoever brings it back. They hold
//! as long as the file does.

use crate::store::Ledger;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt::Write;

/// What a seal's message begins with. No key begins so: a seal tells nothing about a key's digest.
const LABEL: &[u8] = b"seal\0";

impl Ledger {
    /// The seal of a text: 64 hexadecimal digits, HMAC-SHA256 (RFC 2104) under the ledger's own
    /// random secret.
    pub fn seal(&self, text: &str) -> String {
        let bytes = self.mac(text).finalize().into_bytes();
        bytes.iter().fold(String::with_capacity(64), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }

    /// Whether this is the seal of a text, in a time that does not tell where it differs.
    pub fn is_seal(&self, seal: &str, text: &str) -> bool {
        let digit =
            |at: usize| seal.get(at..at + 2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let bytes: Option<Vec<u8>> = (0..seal.len()).step_by(2).map(digit).collect();
        bytes.is_some_and(|bytes| self.mac(text).verify_slice(&bytes).is_ok())
    }

    fn mac(&self, text: &str) -> Hmac<Sha256> {
        let pepper = &self.shared.pepper;
        let mut mac = Hmac::new_from_slice(pepper).expect("HMAC takes keys of any length");
        mac.update(LABEL);
        mac.update(text.as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_is_of_one_text_and_one_ledger() {
        let (ours, others) = (Ledger::in_memory().expect("memory"), Ledger::in_memory());
        let others = others.expect("memory");
        let seal = ours.seal("a text");
        assert_eq!(seal.len(), 64);
        assert!(ours.is_seal(&seal, "a text"));
        assert!(!ours.is_seal(&seal, "another text"));
        assert!(!others.is_seal(&seal, "a text"));
        for wrong in ["", "0", "ü0", &seal[1..], &seal[2..], &format!("{seal}00"), &"0".repeat(64)]
        {
            assert!(!ours.is_seal(wrong, "a text"), "{wrong}");
        }
    }

    #[test]
    fn a_seal_outlives_the_process() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger.db");
        let seal = Ledger::open(&path).expect("a new file").seal("a text");
        assert!(Ledger::open(&path).expect("the same file").is_seal(&seal, "a text"));
    }
}
