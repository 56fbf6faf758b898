use super::*;
use json::JsonPlace;

fn open(text: &str) -> Vec<Open> {
    diagnose(text, &Context::default()).map(|found| found.open).unwrap_or_default()
}

fn names(text: &str) -> Vec<&'static str> {
    open(text).iter().map(Open::name).collect()
}

fn closing(text: &str) -> Option<String> {
    diagnose(text, &Context::default()).and_then(|found| found.closing)
}

#[test]
fn a_finished_text_has_no_diagnosis() {
    for text in [
        "All is said.",
        "これで終わりです。",
        "- one.\n- two.\n",
        "```rust\nfn main() {}\n```\n",
        "{\"a\": [1, 2]}",
        "{\n  \"a\": 1\n}",
        "Here it is:\n\n[\n  1\n]\n\n",
        "```json\n{\n  \"a\": 1\n}\n```",
        "| a | b |\n|---|---|\n| 1 | 2 |\n",
        "<think>hm</think>\nFour.",
        "",
    ] {
        assert_eq!(diagnose(text, &Context::default()), None, "{text}");
    }
}

#[test]
fn open_json_says_what_closes_it() {
    let text = r#"{"items": [{"name": "Al"#;
    let found = diagnose(text, &Context::default()).expect("open");
    let json = Open::Json { inside: JsonPlace::String, depth: 3, closing: r#""}]}"#.to_owned() };
    assert_eq!(found.open, [json]);
    assert_eq!(found.closing.as_deref(), Some(r#""}]}"#));
    assert_eq!(found.explanation, r#"cut in the middle of a JSON string: `"}]}` is missing"#);
    let later = "Here it is:\n\n{\n  \"a\": 1,\n  \"b\": [tru";
    assert_eq!(closing(later).as_deref(), Some("e]}"));
}

#[test]
fn a_fence_around_json_is_closed_after_it() {
    let text = "Sure:\n\n```json\n{\"a\": [1, 2";
    assert_eq!(names(text), ["code_fence", "json"]);
    assert_eq!(closing(text).as_deref(), Some("]}\n```"));
    assert_eq!(closing("~~~~\nx = 1\n~~").as_deref(), Some("~~"));
    assert_eq!(closing("````md\n```\n").as_deref(), Some("````"));
    assert_eq!(names("```python\nprint(1"), ["code_fence"]);
}

#[test]
fn a_whole_document_in_a_fence_leaves_only_the_fence_open() {
    let text = "```json\n{\n  \"a\": [1, 2]\n}";
    assert_eq!(names(text), ["code_fence"]);
    assert_eq!(closing(text).as_deref(), Some("\n```"));
    let used = Context { completion_tokens: 20, ..Context::default() };
    let suggestion = diagnose(text, &used).expect("open").suggestion;
    assert!(suggestion.max_tokens <= 30, "{suggestion:?}");
    // What follows a whole document is read as what it is.
    assert_eq!(names("{\n  \"a\": 1\n}\nThis says th"), ["sentence"]);
    assert_eq!(closing("{\n  \"a\": 1\n}\n{\n  \"b\": 2").as_deref(), Some("}"));
}

#[test]
fn prose_that_looks_like_json_stays_prose() {
    assert_eq!(names("[link](http://x) is the"), ["sentence"]);
    assert_eq!(names("{not json} but then"), ["sentence"]);
    assert_eq!(names("[1] The first reference"), ["sentence"]);
}

#[test]
fn thinking_comes_before_all_else() {
    assert_eq!(names("<think>Let me see. {\"a\":"), ["thinking"]);
    assert_eq!(names("<think>ok</think>\n"), ["no_answer"]);
    assert_eq!(names("<think>ok</think>\nThe answer"), ["sentence"]);
    assert_eq!(names("a</think>b<think>c"), ["thinking"]);
    let thinks = |is_thinking| Context { is_thinking: Some(is_thinking), ..Context::default() };
    assert_eq!(diagnose("So I", &thinks(true)).expect("open").open, [Open::Thinking]);
    assert_eq!(diagnose("So (I</think>Done.", &thinks(false)), None);
    assert_eq!(diagnose("Done.", &thinks(false)), None);
    let own = Context { markers: Some(("<r>", "</r>")), ..Context::default() };
    assert_eq!(diagnose("<r>x.", &own).expect("open").open, [Open::Thinking]);
}

#[test]
fn lists_are_cut_in_an_item_or_before_the_announced_number() {
    assert_eq!(names("Tips:\n1. Eat well.\n2. Sleep a lo"), ["list_item"]);
    let text = "Here are five tips:\n\n1. Eat well.\n2. Sleep.\n3. Run.";
    assert_eq!(open(text), [Open::List { items: 3, announced: 5 }]);
    assert_eq!(names("Here are 3 tips:\n- a.\n- b.\n- c."), Vec::<&str>::new());
    assert_eq!(names("x:\n- a\n- "), ["list_item"]);
    assert_eq!(names("x:\n- a\n- b\n"), Vec::<&str>::new());
    assert_eq!(names("x:\n- a (b\n  and c"), ["list_item", "bracket"]);
    assert_eq!(names("- a.\n\nA new paragraph beg"), ["sentence"]);
    assert_eq!(open("1. a.\n   - b.\n   - c"), [Open::ListItem { number: Some(1) }]);
}

#[test]
fn tables_headings_quotes_and_half_characters() {
    let table = "| a | b |\n|---|---|\n| 1 |";
    assert_eq!(open(table), [Open::TableRow { cells: 1, columns: 2 }]);
    assert_eq!(names("Text.\n\n## Next steps"), ["announcement"]);
    assert_eq!(names("He said: \"I will"), ["bracket", "sentence"]);
    assert_eq!(closing("He said: \"I will").as_deref(), Some("\""));
    assert_eq!(names("東京は（日本の"), ["bracket", "sentence"]);
    assert_eq!(names("Done. \u{FFFD}"), ["sentence", "character"]);
}

#[test]
fn a_suggestion_counts_what_is_missing() {
    let count = |text: &str| text.len();
    let context =
        Context { completion_tokens: 10, count_tokens: Some(&count), ..Context::default() };
    let found = diagnose(r#"{"a": [[["#, &context).expect("open").suggestion;
    assert_eq!(found, Suggestion { at_least: 14, max_tokens: 17 });
    let long = "Here are ten tips:\n1. Eat well.\n2. Sleep well.\n3. Run";
    let found = diagnose(long, &Context { completion_tokens: 20, ..Context::default() });
    let found = found.expect("open").suggestion;
    assert_eq!(found.at_least, 21);
    // Seven more items of about five tokens each.
    assert!((55..=90).contains(&found.max_tokens), "{found:?}");
    let thinking =
        Context { completion_tokens: 100, is_thinking: Some(true), ..Context::default() };
    assert_eq!(diagnose("so", &thinking).expect("open").suggestion.max_tokens, 200);
}
