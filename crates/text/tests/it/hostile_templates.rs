//! Templates written to take memory, time or stack without end: each is stopped by a limit.
//!
//! A chat template comes inside a stranger's model file. The first of these took 3 GB in a minute,
//! for the engine counts steps and one step can double a text.

use serde_json::json;
use text::{ChatInput, ChatTemplate, TemplateErrorKind, limits};

#[track_caller]
fn stopped(source: &str) {
    stopped_as(source, TemplateErrorKind::Limit);
}

#[track_caller]
fn stopped_as(source: &str, kind: TemplateErrorKind) {
    let input = ChatInput { messages: vec![json!({"content": "Hello"})], ..Default::default() };
    let shown = &source[..source.len().min(200)];
    match ChatTemplate::new(source).and_then(|template| template.render(&input)) {
        Err(error) => assert_eq!(error.kind, kind, "{shown}: {error}"),
        Ok(text) => panic!("{shown} rendered {} bytes", text.len()),
    }
}

/// Repeats a statement that reads and writes `ns.x`.
fn repeated(start: &str, statement: &str) -> String {
    let head = format!("{{% set ns = namespace(x={start}) %}}");
    format!("{head}{{% for i in range(99999) %}}{statement}{{% endfor %}}{{{{ ns.x | length }}}}")
}

#[test]
fn texts_that_double_are_stopped() {
    for step in [
        "ns.x ~ ns.x",
        "ns.x + ns.x",
        "ns.x * 2",
        "[ns.x, ns.x] | join",
        "''.join([ns.x, ns.x])",
        "ns.x | replace('a', 'aa')",
        "ns.x.replace('a', 'aa')",
        "(ns.x | list | join('b'))",
        "[ns.x, ns.x] | string",
        "'%s%s' | format(ns.x, ns.x)",
        "'{}{}'.format(ns.x, ns.x)",
        "(ns.x ~ ns.x) | upper | trim | safe",
        "{'a': ns.x, 'b': ns.x} | tojson",
    ] {
        stopped(&repeated("'ab'", &format!("{{% set ns.x = {step} %}}")));
    }
}

#[test]
fn captured_texts_that_double_are_stopped() {
    let block = "{% set y %}{{ ns.x }}{{ ns.x }}{% endset %}{% set ns.x = y %}";
    stopped(&repeated("'a'", block));
    let own_text = format!("{{% set y %}}{}{{% endset %}}", "text ".repeat(20_000));
    stopped(&repeated("[]", &format!("{own_text}{{% set ns.x = ns.x + [y] %}}")));
    stopped(&repeated(
        "'a'",
        "{% filter upper %}{{ ns.x ~ ns.x }}{% endfilter %}{% set z = 1 %}\
        {% set ns.x = ns.x ~ ns.x %}",
    ));
    stopped("{% macro f(x) %}{{ f(x ~ x) }}{% endmacro %}{{ f('a' * 1000) }}");
    stopped("{% macro f(x) %}{{ x }}{{ f(x) }}{{ f(x) }}{% endmacro %}{{ f('a') }}");
}

#[test]
fn lists_that_double_are_stopped() {
    for step in [
        "ns.x + ns.x",
        "ns.x[0:] + ns.x[0:]",
        "ns.x * 2",
        "[ns.x, ns.x]",
        "(ns.x, ns.x)",
        "{'a': ns.x, 'b': ns.x}",
        "dict(a=ns.x, b=ns.x)",
        "(ns.x | list) + (ns.x | list)",
        "(ns.x | map('string') | list) + (ns.x | map('string') | list)",
        "ns.x | chain(ns.x) | list",
        "(ns.x | batch(1) | list)",
    ] {
        stopped(&repeated("[1, 2, 3]", &format!("{{% set ns.x = {step} %}}")));
    }
}

#[test]
fn values_that_are_kept_are_counted_together() {
    stopped(&repeated("[]", "{% set ns.x = ns.x + ['a' * 1000000] %}"));
    stopped(&repeated("[]", "{% set ns.x = ns.x + [range(99999) | list] %}"));
    stopped(&repeated("[]", "{% set ns.x = ns.x + [messages] %}"));
}

#[test]
fn long_readings_of_long_values_are_stopped() {
    let search = "{% set big = 'a' * 8000000 %}{% for i in range(99999) %}{% if 'b' in big %}\
        {% endif %}{% endfor %}";
    stopped(search);
    let loops = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}";
    stopped(loops);
    let length = "{% set big = range(99999) | list %}{% for i in range(99999) %}\
        {% set x = big == big %}{% endfor %}";
    stopped(length);
    let nested = "{% set a = [range(99999) | list] %}{% set b = [range(99999) | list] %}\
        {% for i in range(99999) %}{% if a == b and a in [b] %}{% endif %}{% endfor %}";
    stopped(nested);
}

#[test]
fn values_without_end_are_stopped() {
    stopped(&repeated("[]", "{% set ns.x = [ns.x] %}"));
    for endless in [
        "{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}",
        "{% set ns = namespace() %}{% set ns.x = [ns] %}{{ ns }}",
        "{% set a = namespace() %}{% set b = namespace(a=a) %}{% set a.b = b %}{{ a }}",
    ] {
        stopped_as(endless, TemplateErrorKind::Undefined);
    }
}

#[test]
fn filters_cannot_make_much_of_little() {
    let lines = "{% set x = '\n' * 1000000 %}";
    for source in [
        "{{ [1] | batch(99999999999, 0) | length }}",
        "{{ [1] | slice(99999999999) | length }}",
        "{{ ('a' * 8000000) | split('a') | length }}",
        "{{ ('a' * 8000000).split('a') | length }}",
        "{{ ('\n' * 8000000).splitlines() | length }}",
        "{{ ('\n' * 8000000) | lines | length }}",
        "{{ ('a' * 8000000) | join('') | length }}",
        "{{ ('%9999d' * 9999) | format(1) | length }}",
        &format!("{lines}{{{{ x | indent(9999, blank=true) | length }}}}"),
    ] {
        stopped(source);
    }
}

// The compiler computes operations on constants before any rendering, without asking anyone.
#[test]
fn constants_are_not_computed_ahead() {
    stopped("{{ ('a' * 100000000) ~ ('a' * 100000000) }}");
    let unused = "{% if false %}{{ 'a' * 100000000 }}{{ 'a' * 9999 * 9999 }}{% endif %}";
    ChatTemplate::new(&unused.repeat(2000)).unwrap().render(&ChatInput::default()).unwrap();
}

// The parser and the compiler call themselves for each link: without a bound they end the process.
#[test]
fn chains_as_long_as_the_file_are_refused() {
    let count = limits::TEMPLATE_BYTES_MAX / 16;
    for (start, link, end) in [
        ("{{ x", " ~ x", " }}"),
        ("{{ x", " + x", " }}"),
        ("{{ x", " and x", " }}"),
        ("{{ x", " if x else x", " }}"),
        ("{{ x", " if x", " }}"),
        ("{{ x", "|string", " }}"),
        ("{{ x", ".x", " }}"),
        ("{{ x", "[0]", " }}"),
        ("{{ x", "()", " }}"),
        ("{{ x", " is string", " }}"),
        ("{{ ", "- ", "1 }}"),
        ("{{ ", "not ", "1 }}"),
        ("{{ ", "[", " }}"),
        ("{{ 1 ", "in [1] ", " }}"),
        ("{{ 1 ", "== 1 ", " }}"),
        ("{% set ", "(", "x = 1 %}"),
        ("{% set x", ".x", " = 1 %}"),
        ("{% if x %}", "{% elif x %}", "{% endif %}"),
    ] {
        stopped(&format!("{start}{}{end}", link.repeat(count)));
    }
}

// What is refused above is refused far beyond what the smallest usual stack holds.
#[test]
fn the_longest_allowed_chains_fit_on_a_small_stack() {
    let links = limits::TEMPLATE_LINKS_MAX - 2;
    let chains = [
        format!("{{{{ 'x'{} }}}}", " ~ 'x'".repeat(links)),
        format!("{{{{ 'x'{} }}}}", "|string".repeat(links)),
        format!("{{{{ 1{} }}}}", " if 1 else 2".repeat(links / 2)),
        format!("{{{{ {}1 }}}}", "not ".repeat(links)),
        format!("{{{{ {}1 }}}}", "- ".repeat(links)),
        format!(
            "{{% if a %}}{}{{% endif %}}",
            "{% elif a %}".repeat(limits::TEMPLATE_ELIFS_MAX - 1)
        ),
    ];
    let render = move || {
        for chain in chains {
            let nested =
                format!("{}{chain}{}", "{% if 1 %}".repeat(100), "{% endif %}".repeat(100));
            ChatTemplate::new(&nested).unwrap().render(&ChatInput::default()).unwrap();
        }
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(render).unwrap().join().unwrap();
}

#[test]
fn errors_still_name_their_line_and_value() {
    let source = "line one\n{{ 'a' ~ 'b' ~ 'c' * 2 }}\n{% set x = 1 + 2 %}\n\n{{ x.y.z }}";
    let error = ChatTemplate::new(source).unwrap().render(&ChatInput::default()).unwrap_err();
    assert!(error.message.contains(":5"), "{error}");
    assert!(error.message.contains("x.y"), "{error}");
}

// The engine counts lines in two bytes.
#[test]
fn more_lines_than_the_engine_counts_are_no_panic() {
    let source = format!("{}{{{{ 'a' ~ 'b' }}}}", "\n".repeat(70_000));
    let text = ChatTemplate::new(&source).unwrap().render(&ChatInput::default()).unwrap();
    assert!(text.ends_with("ab"));
    stopped(&format!("{}{{{{ {}1 }}}}", "\n".repeat(70_000), "not ".repeat(70_000)));
}
