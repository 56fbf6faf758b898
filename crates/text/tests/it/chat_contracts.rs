//! Templates of our own: what a chat template is given and may rely on.

use serde_json::{Value, json};
use text::{ChatInput, ChatTemplate, LocalTime, TemplateErrorKind};

fn messages(value: Value) -> Vec<Value> {
    value.as_array().unwrap().clone()
}

fn hello() -> ChatInput {
    ChatInput {
        messages: messages(json!([{"role": "user", "content": "Hello"}])),
        special_tokens: json!({"bos_token": "<s>"}).as_object().unwrap().clone(),
        ..Default::default()
    }
}

fn render(source: &str, input: &ChatInput) -> String {
    ChatTemplate::new(source).unwrap().render(input).unwrap()
}

const TURNS: &str = "{{ bos_token }}{% for m in messages %}\n[{{ m.role }}] {{ m.content }}\n\
    {% endfor %}\n{% if add_generation_prompt %}\n[assistant]{% endif %}";

#[test]
fn a_conversation_becomes_a_prompt() {
    let input = ChatInput { add_generation_prompt: true, ..hello() };
    assert_eq!(render(TURNS, &input), "<s>[user] Hello\n[assistant]");
    assert_eq!(render(TURNS, &hello()), "<s>[user] Hello\n");
}

#[test]
fn the_last_message_can_be_continued() {
    let mut input = hello();
    input.messages.push(json!({"role": "assistant", "content": "It is "}));
    input.continue_final_message = true;
    assert_eq!(render(TURNS, &input), "<s>[user] Hello\n[assistant] It is ");
    let trimming = TURNS.replace("m.content", "m.content | trim");
    assert_eq!(render(&trimming, &input), "<s>[user] Hello\n[assistant] It is");
    input.messages[1]["content"] = json!([{"type": "text", "text": "part"}]);
    let parts = "{% for m in messages %}{% if m.content is string %}{{ m.content }}{% else %}\
        {{ m.content[0].text }}{% endif %}.{% endfor %}";
    assert_eq!(render(parts, &input), "Hello.part");
}

#[test]
fn a_message_that_cannot_be_continued_is_the_callers_mistake() {
    let input = ChatInput { continue_final_message: true, ..Default::default() };
    let kind = |source: &str, input: &ChatInput| {
        ChatTemplate::new(source).unwrap().render(input).unwrap_err().kind
    };
    assert_eq!(kind(TURNS, &input), TemplateErrorKind::Input);
    let hello = ChatInput { continue_final_message: true, ..hello() };
    assert_eq!(kind("{{ messages | length }}content", &hello), TemplateErrorKind::Input);
    assert_eq!(kind("{{ messages | length }}", &hello), TemplateErrorKind::Input);
}

#[test]
fn reasoning_is_found_under_both_names() {
    let source = "{% for m in messages %}{{ m.thinking }}={{ m.reasoning_content }};{% endfor %}";
    let input = ChatInput {
        messages: messages(
            json!([{"thinking": "a"}, {"reasoning_content": "b"}, {"reasoning": "c"}]),
        ),
        ..Default::default()
    };
    assert_eq!(render(source, &input), "a=a;b=b;c=c;");
}

#[test]
fn absent_tools_and_documents_are_none_and_given_ones_keep_their_order() {
    let source = "{{ tools is none }} {{ documents is defined }} {{ tools | tojson }}";
    assert_eq!(render(source, &hello()), "True True null");
    let tools = messages(json!([{"z": 1, "a": {"y": "<é>", "b": [1.0, null, true]}}]));
    let input = ChatInput { tools: Some(tools), ..hello() };
    let expected = "False True [{\"z\": 1, \"a\": {\"y\": \"<é>\", \"b\": [1.0, null, true]}}]";
    assert_eq!(render(source, &input), expected);
}

#[test]
fn kwargs_are_variables() {
    let source = "{{ 'on' if enable_thinking else 'off' }}";
    let mut input = hello();
    assert_eq!(render(source, &input), "off");
    input.template_kwargs.insert("enable_thinking".into(), true.into());
    assert_eq!(render(source, &input), "on");
}

#[test]
fn the_clock_is_an_argument() {
    let source = "{{ strftime_now('%d %b %Y') }}";
    let input = ChatInput { now: LocalTime::parse_iso("2026-03-04T05:06:07"), ..hello() };
    assert_eq!(render(source, &input), "04 Mar 2026");
    let error = ChatTemplate::new(source).unwrap().render(&hello()).unwrap_err();
    assert_eq!(error.kind, TemplateErrorKind::Undefined);
}

#[test]
fn training_marks_are_scopes() {
    let source = "a{% generation %}b{{ messages[0].content }}{% endgeneration %}c";
    assert_eq!(render(source, &hello()), "abHelloc");
}

#[test]
fn pythons_methods_and_filters_are_there() {
    let cases = [
        ("{{ 'a-b-c'.rsplit('-', 1) }}{{ ' a  b '.rsplit() }}", "['a-b', 'c']['a', 'b']"),
        ("{{ 'a b c'.rsplit(none, 1) }}", "['a b', 'c']"),
        ("{{ 'a.b.c'.rpartition('.') }}{{ 'x'.partition('.') }}", "('a.b', '.', 'c')('x', '', '')"),
        ("{{ '-5'.zfill(4) }}{{ 'ab'.ljust(4) }}|{{ 'ab'.rjust(4, '.') }}", "-005ab  |..ab"),
        ("{{ 'ab'.center(5) }}|{{ 'abc' | center(6) }}|", "  ab | abc  |"),
        ("{{ 'prefix-x'.removeprefix('prefix-') }}{{ 'x.py'.removesuffix('.py') }}", "xx"),
        ("{{ 'a\\r\\nb\\n\\nc'.splitlines() }}", "['a', 'b', '', 'c']"),
        ("{{ 'aXb'.swapcase() }}{{ [3, 4].index(4) }}{{ 'héé'.rindex('é') }}", "AxB12"),
        ("{{ 'x\\n\\ny\\n' | indent(2) }}|", "x\n\n  y\n|"),
        ("{{ 'x\\n\\ny' | indent('> ', true, true) }}", "> x\n> \n> y"),
        (
            "{{ '7.9'|int }}{{ none|int }}{{ 'a'|int(3) }}{{ '2'|float }}{{ 'a'|float }}",
            "7032.00.0",
        ),
        ("{{ {'a': 1e20, 'b': 1e-5} | tojson }}", "{\"a\": 1e+20, \"b\": 1e-05}"),
        ("{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}", "aba"),
        ("{{ '%05.1f %s %%' | format(2.25, 'a') }}{{ 12345 }}", "002.2 a %12345"),
        ("{{ '12345{{}} {:>5}|{1}'.replace('1}', '}').format('a', 'b') }}", "12345{}     a|b"),
        ("{{ 5 is iterable }}{{ none is iterable }}{{ {} is sequence }}", "FalseFalseTrue"),
    ];
    for (source, expected) in cases {
        assert_eq!(render(source, &hello()), expected, "{source}");
    }
}
