//! The key that the environment holds: one that opens the server beside those of its ledger.

use crate::failure::Failure;
use server::guard::keys::KEY_BYTES_MAX;
use std::ffi::OsString;

/// What holds it.
const VARIABLE: &str = "JETON_API_KEY";

/// The key, if the variable is there.
///
/// # Errors
/// When no request could bring what it holds. A server with such a key would be shut for all, or
/// open for all, and neither was meant.
pub fn from_environment() -> Result<Option<String>, Failure> {
    std::env::var_os(VARIABLE).map(key).transpose()
}

fn key(value: OsString) -> Result<String, Failure> {
    let refused = |is: &str| {
        let rule = format!("must be 1 to {KEY_BYTES_MAX} letters, digits and signs of ASCII");
        Failure::new(format!("{VARIABLE} {rule}; it {is}"))
            .with_hint("unset it to start without this key")
    };
    let text = value.into_string().map_err(|_| refused("is no UTF-8 text"))?;
    // Secrets come out of files with a line's end; keys of requests are read without it too.
    let key = text.trim();
    match key.len() {
        0 => return Err(refused("is empty")),
        1..=KEY_BYTES_MAX => {}
        bytes => return Err(refused(&format!("has {bytes} bytes"))),
    }
    match key.chars().find(|letter| !matches!(letter, ' '..='~')) {
        Some(other) => Err(refused(&format!("holds {}", other.escape_unicode()))),
        None => Ok(key.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lines_end_is_no_part_of_a_key() {
        assert_eq!(key("secret\n".into()).expect("a key"), "secret");
        assert_eq!(key(" two words\r\n".into()).expect("a key"), "two words");
        assert_eq!(key("x".repeat(512).into()).expect("a key").len(), 512);
    }

    #[test]
    fn what_no_request_can_bring_is_refused_and_not_told() {
        let long = "secret".repeat(100);
        for (value, is) in [
            ("", "it is empty"),
            (" \n", "it is empty"),
            ("secret\nsecret", "it holds \\u{a}"),
            ("secrét", "it holds \\u{e9}"),
            (&long, "it has 600 bytes"),
        ] {
            let told = key(value.into()).expect_err(value).to_string();
            assert!(told.ends_with(is) && !told.contains("secr"), "{told}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_text_is_refused() {
        let value = std::os::unix::ffi::OsStringExt::from_vec(vec![0xFF, b'a']);
        let told = key(value).expect_err("no text").to_string();
        assert!(told.ends_with("is no UTF-8 text"), "{told}");
    }
}
