//! `x-request-id`: the client's own, where it is harmless, or a new one.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The header's name.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id that is taken over from a client, in bytes.
const OWN_BYTES_MAX: usize = 128;

/// What the response's header says. The ledger has an id of its own, which is always unique; it is
/// the header's too where the client names none.
#[derive(Clone, Debug)]
pub struct RequestId {
    value: HeaderValue,
    is_clients: bool,
}

impl RequestId {
    /// The client's id, or a new one where it has none or one with strange characters.
    pub fn of(headers: &HeaderMap) -> RequestId {
        let own = headers.get(X_REQUEST_ID).filter(|value| {
            let bytes = value.as_bytes();
            let harmless = |&byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(&byte);
            !bytes.is_empty() && bytes.len() <= OWN_BYTES_MAX && bytes.iter().all(harmless)
        });
        let is_clients = own.is_some();
        RequestId { value: own.cloned().unwrap_or_else(new_id), is_clients }
    }

    /// Takes the ledger's name for the request, unless the client named it.
    pub fn or_entry(&mut self, entry: &HeaderValue) {
        if !self.is_clients {
            self.value = entry.clone();
        }
    }

    /// The header's value.
    pub fn header(&self) -> HeaderValue {
        self.value.clone()
    }

    /// The id as text.
    pub fn text(&self) -> &str {
        self.value.to_str().unwrap_or_default()
    }
}

/// The header by which a response says the ledger's name for what was asked, so that the client's
/// name for it and a line of the log lead to the account.
pub fn named(entry: &str) -> Option<(HeaderName, HeaderValue)> {
    Some((X_REQUEST_ID, HeaderValue::from_str(entry).ok()?))
}

/// `req_` and 32 hexadecimal digits: a keyed hash of a counter. The standard library draws the keys
/// at random when the process starts, so ids of two runs do not meet.
fn new_id() -> HeaderValue {
    static KEYS: LazyLock<(RandomState, RandomState)> =
        LazyLock::new(|| (RandomState::new(), RandomState::new()));
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let (high, low) = (KEYS.0.hash_one(number), KEYS.1.hash_one(number));
    HeaderValue::from_str(&format!("req_{high:016x}{low:016x}")).expect("letters and digits")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_for(own: &[u8]) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(X_REQUEST_ID, HeaderValue::from_bytes(own).expect("a header may hold it"));
        RequestId::of(&headers).text().to_owned()
    }

    #[test]
    fn harmless_ids_are_kept_and_others_replaced() {
        assert_eq!(id_for(b"my-id_7"), "my-id_7");
        let too_long = vec![b'a'; OWN_BYTES_MAX + 1];
        for strange in [b"".as_slice(), b"a b", b"\xff", b"<script>", &too_long] {
            assert!(id_for(strange).starts_with("req_"), "{strange:?}");
        }
        assert_ne!(id_for(b""), id_for(b""));
    }

    #[test]
    fn who_names_no_request_is_told_the_ledgers_name() {
        let (_, entry) = named("req-7").expect("letters and digits");
        let mut headers = HeaderMap::new();
        let mut id = RequestId::of(&headers);
        id.or_entry(&entry);
        assert_eq!(id.text(), "req-7");
        headers.insert(X_REQUEST_ID, HeaderValue::from_static("mine"));
        let mut id = RequestId::of(&headers);
        id.or_entry(&entry);
        assert_eq!(id.text(), "mine");
    }
}
