//! `jeton trace --html`.

use super::jeton;
use serde_json::Value;

/// The page of a trace of `prompt`, and the trace itself as JSON.
fn page(prompt: &str, extra: &[&str]) -> (String, Value) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("trace.html");
    let path = file.to_str().expect("a plain path");
    let words = ["trace", prompt, "--json", "--html", path, "--seed", "4", "--think", "off"];
    let run = jeton(&[&words[..], extra].concat());
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.err.contains("wrote "), "{}", run.err);
    let trace = serde_json::from_str(&run.out).expect("one JSON object");
    (std::fs::read_to_string(&file).expect("the page was written"), trace)
}

fn data(page: &str) -> Value {
    let start = "<script type=\"application/json\" id=\"trace\">";
    let (_, rest) = page.split_once(start).expect("the page has its data");
    let (data, _) = rest.split_once("</script>").expect("which ends");
    serde_json::from_str(data).expect("it is JSON")
}

#[test]
fn the_page_holds_every_step_as_the_json_trace_does() {
    let (page, trace) = page("Tell me a story.", &["--max-tokens", "12", "--min-p", "0.05"]);
    let data = data(&page);
    let (shown, steps) = (data["steps"].as_array(), trace["steps"].as_array());
    let (shown, steps) = (shown.expect("steps"), steps.expect("steps"));
    assert_eq!((shown.len(), steps.len()), (12, 12));
    for (shown, step) in shown.iter().zip(steps) {
        for field in ["step", "id", "token", "probability", "nucleus_size", "raw", "final", "draw"]
        {
            assert_eq!(shown[field], step[field], "{field}");
            assert!(!step[field].is_null(), "{field}");
        }
        let stages = step["stages"].as_array().expect("stages");
        assert_eq!(shown["stages"].as_array().map(Vec::len), Some(stages.len()));
        assert!(stages.iter().any(|stage| stage["name"] == "min_p"), "{stages:?}");
        for (index, stage) in stages.iter().enumerate() {
            for field in ["name", "before", "kept", "mass", "entropy", "threshold", "removed"] {
                assert_eq!(shown["stages"][index][field], stage[field], "{field}");
            }
        }
    }
    let text: String = shown.iter().filter_map(|step| step["shown"].as_str()).collect();
    assert_eq!(Value::from(text), trace["text"]);
}

#[test]
fn the_page_is_well_formed_and_loads_nothing() {
    let hostile = "</script><img src=x onerror=alert(1)> \"'& <!-- https://example.com";
    let (page, _) = page(hostile, &["--max-tokens", "3"]);
    assert_eq!(data(&page)["prompt"], hostile);
    assert!(!page.contains("<img") && !page.contains("<!--"));
    let markup = markup_of(&page);
    assert!(!markup.contains("://") && !markup.contains("onerror"));
    assert!(page.contains("default-src 'none'"));
    assert_balanced(&markup);
}

/// The page without what stands inside of script and style elements.
fn markup_of(page: &str) -> String {
    let mut markup = String::new();
    let mut rest = page;
    while let Some(start) = ["<script", "<style"].iter().filter_map(|tag| rest.find(tag)).min() {
        let open_end = start + rest[start..].find('>').expect("the tag ends") + 1;
        markup.push_str(&rest[..open_end]);
        let close = rest[open_end..].find("</").expect("the element ends");
        rest = &rest[open_end + close..];
        let after = rest.find('>').expect("the tag ends") + 1;
        markup.push_str(&rest[..after]);
        rest = &rest[after..];
    }
    markup + rest
}

/// Every element that needs an end has it, in the right order.
fn assert_balanced(markup: &str) {
    let mut open: Vec<&str> = Vec::new();
    for tag in markup.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').expect("a tag ends");
        let name = tag.split_whitespace().next().expect("a tag has a name");
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None if ["!DOCTYPE", "meta", "input"].contains(&name) => {}
            None => open.push(name),
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}

#[test]
fn a_page_that_cannot_be_written_is_an_error() {
    let words = ["trace", "Hi", "--html", "/nowhere/at/all.html", "--max-tokens", "1"];
    let run = jeton(&words);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("/nowhere/at/all.html"), "{}", run.err);
}
