//! A `tokenizer.json` of a stranger: built or refused, and if built, it encodes and decodes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use text::{EncodeOptions, Tokenizer};

const TEXT: &str = "Hello, wörld 123 \u{1f600}\n\t <|x|> \0 aaaa";

fuzz_target!(|data: &[u8]| {
    let Ok(tokenizer) = Tokenizer::from_json(data, None) else { return };
    for (add_special, parse_special) in [(true, true), (false, false)] {
        let Ok(ids) = tokenizer.encode(TEXT, EncodeOptions { add_special, parse_special }) else {
            continue;
        };
        let whole = tokenizer.decode(&ids, false).expect("ids of its own are known");
        let mut stream = tokenizer.detokenizer(false);
        let mut pieces = String::new();
        for &id in &ids {
            pieces.push_str(&stream.push(id).expect("ids of its own are known"));
        }
        pieces.push_str(&stream.flush());
        assert_eq!(pieces, whole);
    }
});
