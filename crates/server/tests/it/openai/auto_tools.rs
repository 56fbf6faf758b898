//! Calls that a model makes by itself: a model that says what a test wants, with a template in
//! which calls stand in tags.

use super::{CHAT, post_to, stream_from, text};
use crate::client::serve_this;
use ::text::{ChatTemplate, EncodeOptions};
use answers::open_model::OpenModel;
use engine::{Engine, EngineConfig, Speculation};
use model::ScriptedModel;
use policy::config::Config;
use serde_json::{Value, json};
use server::Running;
use server::service::ServedModel;

/// A template that shows tools and writes calls.
const TEMPLATE: &str = "{% for t in tools or [] %}{{ t | tojson }}{% endfor %}\
    {% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}\
    {% for c in m.tool_calls or [] %}<tool_call>{{ c.function | tojson }}</tool_call>{% endfor %}\
    <|im_end|>\n{% endfor %}<|im_start|>assistant{{ '\\n' }}";

/// A server whose model answers with this text, whatever it is asked.
fn saying(answer: &str) -> Running {
    let mut model = OpenModel::open(None).expect("the model inside");
    model.template = Some(ChatTemplate::new(TEMPLATE).expect("it parses"));
    let encode = |text: &str| {
        let options = EncodeOptions { add_special: false, parse_special: true };
        model.tokenizer.encode(text, options).expect("encoded")
    };
    let (before, said) = (encode("<|im_start|>assistant\n"), encode(answer));
    let end = model.eos_ids[0];
    let scripted = ScriptedModel::new(model.file.config().vocab_size, 4096);
    let scripted = scripted.with_script(move |history, logits| {
        let is_start = |window: &[u32]| window == before;
        // The prompt's own tokens are seen as well.
        let Some(start) = history.windows(before.len()).rposition(is_start) else { return };
        let written = history.len() - start - before.len();
        let next = said.get(written).copied().unwrap_or(end);
        logits[next as usize] = ScriptedModel::FAVOURED_LOGIT;
    });
    let config = EngineConfig { eos_ids: Some(model.eos_ids.clone()), ..EngineConfig::default() };
    let engine = Engine::new(Box::new(scripted), model.tokenizer.clone(), config).expect("valid");
    let (computing, id) = (Default::default(), "scripted".to_owned());
    let served = ServedModel::with_engine(id, model, computing, Speculation::Off, engine);
    serve_this(served.expect("a thread"), Config::default())
}

fn request(more: Value) -> Value {
    let weather = json!({"type": "function", "function": {"name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}});
    let mut request = json!({"messages": [{"role": "user", "content": "How is the weather?"}],
        "tools": [weather], "max_tokens": 200});
    for (name, value) in more.as_object().expect("fields") {
        request[name] = value.clone();
    }
    request
}

const TWO_CALLS: &str = "Let me look.\n\
    <tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\"}}\n</tool_call>\n\
    <tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Rome\"}}\n</tool_call>";

/// Content, then names and arguments of the calls, of a whole answer.
fn of_whole(answer: &Value) -> (String, Vec<(String, String)>) {
    let message = &answer["choices"][0]["message"];
    let calls = message["tool_calls"].as_array().into_iter().flatten().map(|call| {
        let part = |name: &str| text(&call["function"][name]).to_owned();
        (part("name"), part("arguments"))
    });
    (message["content"].as_str().unwrap_or_default().to_owned(), calls.collect())
}

/// The same of a stream, put together as clients do.
fn of_stream(chunks: &[Value]) -> (String, Vec<(String, String)>) {
    let (mut content, mut calls) = (String::new(), Vec::new());
    for chunk in chunks {
        let delta = &chunk["choices"][0]["delta"];
        content.push_str(delta["content"].as_str().unwrap_or_default());
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            let index = call["index"].as_u64().expect("a number") as usize;
            if call.get("id").is_some() {
                assert_eq!(index, calls.len());
                calls.push((text(&call["function"]["name"]).to_owned(), String::new()));
            }
            calls[index].1.push_str(text(&call["function"]["arguments"]));
        }
    }
    (content, calls)
}

#[test]
fn calls_in_the_text_become_calls_of_the_message() {
    let server = saying(TWO_CALLS);
    let answer = post_to(&server, CHAT, &request(json!({})));
    let call = |city: &str| ("weather".to_owned(), format!("{{\"city\": \"{city}\"}}"));
    let expected = ("Let me look.".to_owned(), vec![call("Paris"), call("Rome")]);
    assert_eq!(of_whole(&answer), expected);
    assert_eq!(answer["choices"][0]["finish_reason"], "tool_calls");
    let chunks = stream_from(&server, CHAT, &request(json!({})));
    assert_eq!(of_stream(&chunks), expected);
    let last = &chunks.last().expect("some")["choices"][0];
    assert_eq!(last["finish_reason"], "tool_calls");
    let single = post_to(&server, CHAT, &request(json!({"parallel_tool_calls": false})));
    assert_eq!(of_whole(&single), ("Let me look.".to_owned(), vec![call("Paris")]));
    let plain = post_to(&server, CHAT, &request(json!({"tool_choice": "none"})));
    assert_eq!(of_whole(&plain), (TWO_CALLS.to_owned(), vec![]));
    assert_eq!(plain["choices"][0]["finish_reason"], "stop");
    crate::client::stop(server);
}

#[test]
fn a_call_that_a_limit_cuts_says_so() {
    let server = saying(TWO_CALLS);
    for max_tokens in [1, 8, 12, 16, 20, 24] {
        let cut = request(json!({"max_tokens": max_tokens}));
        let answer = post_to(&server, CHAT, &cut);
        assert_eq!(answer["choices"][0]["finish_reason"], "length");
        assert_eq!(of_stream(&stream_from(&server, CHAT, &cut)), of_whole(&answer));
    }
    crate::client::stop(server);
}
