//! Just enough XML to hold a picture to: nesting, quoting, escapes, and no character outside of
//! XML 1.0.

/// The elements of `text` in order, with their attributes and the text directly inside.
pub fn elements(text: &str) -> Vec<(String, String, String)> {
    let mut found: Vec<(String, String, String)> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        if let Some(inside) = open.last() {
            found[*inside].2.push_str(&plain(&rest[..at]));
        } else {
            assert_eq!(rest[..at].trim(), "", "text outside of the root");
        }
        let end = rest.find('>').expect("a tag that ends");
        let tag = &rest[at + 1..end];
        assert!(!tag.contains('<'), "a tag inside of a tag: {tag}");
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            let last = open.pop().expect("something open");
            assert_eq!(found[last].0, name);
            continue;
        }
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        let name = name.trim_end_matches('/').to_string();
        assert!(name.chars().all(|c| c.is_ascii_lowercase()), "{name}");
        found.push((name, attributes.to_string(), String::new()));
        if !tag.ends_with('/') {
            open.push(found.len() - 1);
        }
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "left open: {open:?} {rest:?}");
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "a control character");
    found
}

/// `text` with its escapes resolved; anything else after `&` is a mistake.
fn plain(text: &str) -> String {
    let mut parts = text.split('&');
    let mut out = parts.next().unwrap_or_default().to_string();
    for part in parts {
        let (name, rest) = part.split_once(';').expect("an escape that ends");
        out.push(match name {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            "apos" => '\'',
            _ => panic!("unknown escape {name}"),
        });
        out.push_str(rest);
    }
    out
}
