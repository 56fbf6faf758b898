//! Broken and hostile templates end with an error of the right kind.

use serde_json::json;
use text::{ChatInput, ChatTemplate, TemplateError, TemplateErrorKind, limits};

fn render(source: &str) -> Result<String, TemplateError> {
    let input = ChatInput {
        messages: vec![json!({"role": "user", "content": "Hello"})],
        ..Default::default()
    };
    ChatTemplate::new(source)?.render(&input)
}

fn kind(source: &str) -> TemplateErrorKind {
    match render(source) {
        Err(error) => error.kind,
        Ok(text) => panic!("{source:?} rendered {} bytes", text.len()),
    }
}

#[test]
fn errors_have_their_kind() {
    for source in [
        "{% if %}",
        "{{ x",
        "{% unknown %}",
        "{{ 1 | nofilter }}",
        "{{ 1 is notest }}",
        "{% for %}",
    ] {
        assert_eq!(kind(source), TemplateErrorKind::Syntax, "{source}");
    }
    for source in ["{{ x.y }}", "{{ nofunction() }}", "{{ 1 + 'a' }}", "{{ 'a'.nomethod() }}"] {
        assert_eq!(kind(source), TemplateErrorKind::Undefined, "{source}");
    }
    let raised = render("{{ raise_exception('only ' ~ 1) }}").unwrap_err();
    assert_eq!((raised.kind, raised.message.as_str()), (TemplateErrorKind::Raised, "only 1"));
    let nested = "{% macro f() %}{{ raise_exception('deep') }}{% endmacro %}{{ f() }}";
    assert_eq!(render(nested).unwrap_err().message, "deep");
}

#[test]
fn nothing_outside_can_be_reached() {
    for source in ["{% include 'other' %}", "{% extends 'other' %}", "{% import 'other' as o %}"] {
        assert_eq!(kind(source), TemplateErrorKind::Syntax, "{source}");
    }
}

#[test]
fn templates_that_do_not_end_are_stopped() {
    let loops = "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}\
        {% set x = a %}{% endfor %}{% endfor %}{% endfor %}";
    assert_eq!(kind(loops), TemplateErrorKind::Limit);
    let recursion = "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}";
    assert_eq!(kind(recursion), TemplateErrorKind::Limit);
    let recursive_loop = "{% for m in [[1]] recursive %}{{ loop([[1]]) }}{% endfor %}";
    assert_eq!(kind(recursive_loop), TemplateErrorKind::Limit);
}

#[test]
fn templates_that_grow_are_stopped() {
    let sources = [
        "{% for a in range(9999) %}{{ 'x' * 1000000 }}{% endfor %}",
        "{{ 'x' * 99999999999 }}",
        "{{ [1] * 99999999999 }}",
        "{{ range(99999999999) }}",
        "{{ 'x' | center(999999999) }}",
        "{% set ns = namespace(x='abcdefgh') %}{% for i in range(60) %}\
            {% set y %}{{ ns.x }}{{ ns.x }}{% endset %}{% set ns.x = y %}{% endfor %}",
        "{% set x = 'x' * 10000 %}{{ x | replace('x', x) | length }}",
        "{% set x = 'x' * 10000 %}{{ x.replace('x', x) | length }}",
        "{% set x = 'x' * 10000 %}{{ x | join(x) | length }}",
        "{{ ([1] * 90000000) | list | length }}",
        "{{ '{:>99999999999999}'.format('x') }}",
        "{{ '{:0999999999999999}'.format(1) }}",
        "{{ '%099999999999999d' | format(1) }}",
        "{% set x = 'x' * 10000000 %}{{ [x, x, x, x, x, x, x, x] | tojson }}",
    ];
    for source in sources {
        assert_eq!(kind(source), TemplateErrorKind::Limit, "{source}");
    }
}

#[test]
fn a_long_source_is_refused() {
    let source = "x".repeat(limits::TEMPLATE_BYTES_MAX + 1);
    assert_eq!(kind(&source), TemplateErrorKind::Limit);
}

#[test]
fn deep_nesting_of_source_and_values_is_an_error() {
    let deep = format!("{}1{}", "(".repeat(5000), ")".repeat(5000));
    assert!(ChatTemplate::new(&format!("{{{{ {deep} }}}}")).is_err());
    let blocks = format!("{}{}", "{% if 1 %}".repeat(5000), "{% endif %}".repeat(5000));
    assert!(ChatTemplate::new(&blocks).is_err());
    let mut value = json!(1);
    for _ in 0..120 {
        value = json!([value]);
    }
    let input = ChatInput { messages: vec![value], ..Default::default() };
    ChatTemplate::new("{{ messages | tojson }}").unwrap().render(&input).unwrap();
}
