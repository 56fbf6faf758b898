//! A trace as one web page that needs nothing else: no network, no library.
//!
//! What the model wrote is hostile here. It is in the page once, as JSON in which no character can
//! end or begin markup, and the page's script only ever makes text of it. The page's own policy
//! names its one script and its one style by their digests and forbids everything else.

mod data;

pub use data::page_data;

use serde_json::Value;
use sha2::{Digest, Sha256};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Writes the page of `data`, an object of `about`, `prompt` and `steps`: those of the JSON trace,
/// each with `shown`, its share of the text.
pub fn page(data: &Value) -> String {
    let policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; base-uri 'none'; form-action 'none'",
        source_digest(SCRIPT),
        source_digest(STYLE)
    );
    // The data is put between two parts, not in the place of a mark: it may hold any mark itself.
    let (head, rest) = PAGE.split_once("{data}").expect("the page has a place for the data");
    let head = head.replacen("{policy}", &policy, 1).replacen("{style}", STYLE, 1);
    let tail = rest.replacen("{script}", SCRIPT, 1);
    [&head, &script_json(data), &tail].map(String::as_str).concat()
}

/// JSON that may stand inside of a script element: whatever could be read as markup, or as the end
/// of a line in a script, is written as an escape.
fn script_json(data: &Value) -> String {
    let json = data.to_string();
    let mut safe = String::with_capacity(json.len());
    for letter in json.chars() {
        match letter {
            // These stand in JSON only inside of strings, where an escape means the same.
            '<' | '>' | '&' | '\'' | '\u{2028}' | '\u{2029}' => {
                safe.push_str(&format!("\\u{:04x}", u32::from(letter)));
            }
            letter => safe.push(letter),
        }
    }
    safe
}

/// The digest by which a content security policy names an inline script or style.
fn source_digest(text: &str) -> String {
    format!("sha256-{}", base64(&Sha256::digest(text.as_bytes())))
}

/// Base64 of RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let word = group.iter().fold(0u32, |word, &byte| word << 8 | u32::from(byte));
        let word = word << (8 * (3 - group.len()));
        for place in 0..4 {
            let sign = SIGNS[(word >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= group.len() { char::from(sign) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn base64_has_the_vectors_of_its_rfc() {
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn hostile_text_stays_data() {
        let hostile = "</script><script>alert('x')</script><!-- {script} {data} & \u{2028}\"";
        let data = json!({"about": hostile, "prompt": hostile, "steps": []});
        let text = page(&data);
        assert_eq!(text.matches("<script").count(), 2, "the page's own two");
        assert_eq!(text.matches("</script").count(), 2);
        assert!(!text.contains("<!--") && !text.contains("alert('x')"));
        let start = text.find("id=\"trace\">").expect("the data is there") + "id=\"trace\">".len();
        let end = start + text[start..].find("</script>").expect("and ends");
        let back: Value = serde_json::from_str(&text[start..end]).expect("it is JSON");
        assert_eq!(back, data);
    }

    #[test]
    fn the_page_loads_nothing() {
        let text = page(&json!({"about": "", "prompt": "", "steps": []}));
        for word in ["http:", "https:", "src=", "@import", "url(", "innerHTML", "eval("] {
            assert!(!text.contains(word), "{word}");
        }
        assert!(!text.contains("{policy}") && !text.contains("{style}"));
        assert!(!text.contains(" style=\"") && !text.contains(" onclick"));
    }
}
