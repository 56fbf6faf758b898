//! Test data: the conformance folder and a reader for the metadata of GGUF files.

use std::path::PathBuf;

use serde_json::Value;
use text::VocabSource;

/// The conformance folder, or `None` (said on stderr) where there is none.
pub fn conformance() -> Option<PathBuf> {
    let folder = std::env::var_os("JETON_CONFORMANCE").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: JETON_CONFORMANCE is not set");
    }
    folder
}

/// Reads a JSON file of the conformance folder.
pub fn json(path: &std::path::Path) -> Value {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&bytes).unwrap()
}

/// Reads the vocabulary out of a GGUF file's metadata.
pub fn vocab_source(gguf: &[u8]) -> VocabSource {
    let mut reader = Reader { bytes: gguf, place: 0 };
    assert_eq!(reader.take(4), b"GGUF");
    reader.u32();
    reader.u64();
    let mut source = VocabSource::default();
    for _ in 0..reader.u64() {
        let key = reader.text();
        let kind = reader.u32();
        let values = reader.values(kind);
        let Some(name) = key.strip_prefix("tokenizer.ggml.") else { continue };
        fill(&mut source, name, values);
    }
    source
}

fn fill(source: &mut VocabSource, name: &str, values: Values) {
    match (name, values) {
        ("model", Values::Texts(mut texts)) => source.model = texts.remove(0),
        ("pre", Values::Texts(mut texts)) => source.pre = Some(texts.remove(0)),
        ("tokens", Values::Texts(texts)) => source.tokens = texts,
        ("merges", Values::Texts(texts)) => source.merges = texts,
        ("scores", Values::Floats(scores)) => source.scores = scores,
        ("token_type", Values::Integers(types)) => {
            source.token_types = types.into_iter().map(|kind| kind as i32).collect();
        }
        ("bos_token_id", Values::Integers(ids)) => source.bos_id = Some(ids[0] as u32),
        ("eos_token_id", Values::Integers(ids)) => source.eos_id = Some(ids[0] as u32),
        ("unknown_token_id", Values::Integers(ids)) => source.unk_id = Some(ids[0] as u32),
        ("padding_token_id", Values::Integers(ids)) => source.pad_id = Some(ids[0] as u32),
        ("add_bos_token", Values::Integers(flags)) => source.add_bos = Some(flags[0] != 0),
        ("add_eos_token", Values::Integers(flags)) => source.add_eos = Some(flags[0] != 0),
        ("add_space_prefix", Values::Integers(flags)) => {
            source.add_space_prefix = Some(flags[0] != 0);
        }
        (other, _) => panic!("the reader of this test does not know tokenizer.ggml.{other}"),
    }
}

enum Values {
    Texts(Vec<String>),
    Integers(Vec<i64>),
    Floats(Vec<f32>),
}

struct Reader<'a> {
    bytes: &'a [u8],
    place: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        self.place += count;
        &self.bytes[self.place - count..self.place]
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take(4).try_into().unwrap())
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take(8).try_into().unwrap())
    }

    fn text(&mut self) -> String {
        let length = self.u64() as usize;
        String::from_utf8(self.take(length).to_vec()).unwrap()
    }

    fn values(&mut self, kind: u32) -> Values {
        match kind {
            9 => {
                let kind = self.u32();
                let count = self.u64();
                self.list(kind, count)
            }
            kind => self.list(kind, 1),
        }
    }

    fn list(&mut self, kind: u32, count: u64) -> Values {
        match kind {
            8 => Values::Texts((0..count).map(|_| self.text()).collect()),
            6 => Values::Floats((0..count).map(|_| f32::from_bits(self.u32())).collect()),
            _ => Values::Integers((0..count).map(|_| self.integer(kind)).collect()),
        }
    }

    fn integer(&mut self, kind: u32) -> i64 {
        match kind {
            0 | 7 => i64::from(self.take(1)[0]),
            4 => i64::from(self.u32()),
            5 => i64::from(self.u32() as i32),
            10 | 11 => self.u64() as i64,
            other => panic!("the reader of this test does not know GGUF type {other}"),
        }
    }
}
