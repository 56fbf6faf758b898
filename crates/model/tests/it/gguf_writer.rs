//! Writes GGUF files in memory, correct ones and broken ones, so that fixtures are made in code.
//!
//! The writer checks nothing: what a test asks for is what the file says.

/// A metadata value.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Meta {
    U8(u8),
    U32(u32),
    I32(i32),
    U64(u64),
    F32(f32),
    F64(f64),
    Bool(bool),
    Str(String),
    Strings(Vec<String>),
    U32s(Vec<u32>),
    I32s(Vec<i32>),
    F32s(Vec<f32>),
    Bools(Vec<bool>),
    /// Type number and bytes as they are.
    Raw(u32, Vec<u8>),
}

/// A file under construction.
#[derive(Clone, Debug)]
pub struct GgufWriter {
    pub version: u32,
    pub alignment: usize,
    pub keys: Vec<(String, Meta)>,
    pub tensors: Vec<Tensor>,
}

/// A tensor to be written.
#[derive(Clone, Debug)]
pub struct Tensor {
    pub name: String,
    /// Outermost dimension first: (rows, cols).
    pub shape: Vec<usize>,
    /// ggml's type number.
    pub kind: u32,
    pub bytes: Vec<u8>,
}

pub const F32: u32 = 0;

impl GgufWriter {
    /// An empty file of version 3 for `architecture`.
    pub fn new(architecture: &str) -> Self {
        let mut writer =
            GgufWriter { version: 3, alignment: 32, keys: Vec::new(), tensors: Vec::new() };
        writer.set("general.architecture", Meta::Str(architecture.into()));
        writer
    }

    /// Adds a key, or replaces its value.
    pub fn set(&mut self, key: &str, value: Meta) -> &mut Self {
        match self.keys.iter_mut().find(|(name, _)| name == key) {
            Some(entry) => entry.1 = value,
            None => self.keys.push((key.into(), value)),
        }
        self
    }

    /// Removes a key.
    pub fn unset(&mut self, key: &str) -> &mut Self {
        self.keys.retain(|(name, _)| name != key);
        self
    }

    /// Adds an F32 tensor of shape (rows, cols) or (len).
    pub fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) -> &mut Self {
        assert_eq!(shape.iter().product::<usize>(), values.len(), "{name}");
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.tensor(name, shape, F32, bytes)
    }

    /// Adds a tensor of any type.
    pub fn tensor(&mut self, name: &str, shape: &[usize], kind: u32, bytes: Vec<u8>) -> &mut Self {
        self.tensors.push(Tensor { name: name.into(), shape: shape.into(), kind, bytes });
        self
    }

    /// The file up to the tensor data, without the padding before it.
    pub fn header(&self) -> Vec<u8> {
        let mut out = b"GGUF".to_vec();
        out.extend(self.version.to_le_bytes());
        out.extend((self.tensors.len() as u64).to_le_bytes());
        out.extend((self.keys.len() as u64).to_le_bytes());
        for (key, value) in &self.keys {
            string(&mut out, key);
            value.write(&mut out);
        }
        let mut offset = 0;
        for tensor in &self.tensors {
            string(&mut out, &tensor.name);
            out.extend((tensor.shape.len() as u32).to_le_bytes());
            for &dim in tensor.shape.iter().rev() {
                out.extend((dim as u64).to_le_bytes());
            }
            out.extend(tensor.kind.to_le_bytes());
            out.extend((offset as u64).to_le_bytes());
            offset += tensor.bytes.len().next_multiple_of(self.alignment);
        }
        out
    }

    /// The whole file.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = self.header();
        out.resize(out.len().next_multiple_of(self.alignment), 0);
        for tensor in &self.tensors {
            out.extend(&tensor.bytes);
            out.resize(out.len().next_multiple_of(self.alignment), 0);
        }
        out
    }
}

fn string(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

impl Meta {
    fn write(&self, out: &mut Vec<u8>) {
        let mut scalar = |kind: u32, bytes: &[u8]| {
            out.extend(kind.to_le_bytes());
            out.extend(bytes);
        };
        match self {
            Meta::U8(value) => scalar(0, &[*value]),
            Meta::U32(value) => scalar(4, &value.to_le_bytes()),
            Meta::I32(value) => scalar(5, &value.to_le_bytes()),
            Meta::F32(value) => scalar(6, &value.to_le_bytes()),
            Meta::Bool(value) => scalar(7, &[u8::from(*value)]),
            Meta::U64(value) => scalar(10, &value.to_le_bytes()),
            Meta::F64(value) => scalar(12, &value.to_le_bytes()),
            Meta::Raw(kind, bytes) => scalar(*kind, bytes),
            Meta::Str(text) => {
                out.extend(8u32.to_le_bytes());
                string(out, text);
            }
            Meta::Strings(texts) => {
                array(out, 8, texts.len());
                texts.iter().for_each(|text| string(out, text));
            }
            Meta::U32s(values) => {
                array(out, 4, values.len());
                out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            }
            Meta::I32s(values) => {
                array(out, 5, values.len());
                out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            }
            Meta::F32s(values) => {
                array(out, 6, values.len());
                out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            }
            Meta::Bools(values) => {
                array(out, 7, values.len());
                out.extend(values.iter().map(|&value| u8::from(value)));
            }
        }
    }
}

fn array(out: &mut Vec<u8>, kind: u32, count: usize) {
    out.extend(9u32.to_le_bytes());
    out.extend(kind.to_le_bytes());
    out.extend((count as u64).to_le_bytes());
}

/// A llama of two layers with small deterministic weights and a vocabulary of `vocab_size` tokens;
/// keys and tensors can be changed before it is written.
pub fn tiny_llama(vocab_size: usize) -> GgufWriter {
    let (hidden, ffn, kv) = (8, 16, 4);
    let mut writer = GgufWriter::new("llama");
    for (key, value) in [
        ("context_length", 64),
        ("embedding_length", hidden),
        ("block_count", 2),
        ("feed_forward_length", ffn),
        ("attention.head_count", 2),
        ("attention.head_count_kv", 1),
    ] {
        writer.set(&format!("llama.{key}"), Meta::U32(value as u32));
    }
    writer.set("llama.attention.layer_norm_rms_epsilon", Meta::F32(1e-5));
    let tokens = (0..vocab_size).map(|id| format!("t{id}")).collect();
    writer.set("tokenizer.ggml.tokens", Meta::Strings(tokens));
    let mut add = |name: &str, shape: &[usize]| {
        let len = shape.iter().product();
        let seed = name.len() as f32;
        let values: Vec<f32> = (0..len).map(|i| (i as f32 * 0.37 + seed).sin() * 0.1).collect();
        writer.floats(name, shape, &values);
    };
    add("token_embd.weight", &[vocab_size, hidden]);
    add("output_norm.weight", &[hidden]);
    for layer in 0..2 {
        for (name, shape) in [
            ("attn_norm", &[hidden][..]),
            ("attn_q", &[hidden, hidden]),
            ("attn_k", &[kv, hidden]),
            ("attn_v", &[kv, hidden]),
            ("attn_output", &[hidden, hidden]),
            ("ffn_norm", &[hidden]),
            ("ffn_gate", &[ffn, hidden]),
            ("ffn_up", &[ffn, hidden]),
            ("ffn_down", &[hidden, ffn]),
        ] {
            add(&format!("blk.{layer}.{name}.weight"), shape);
        }
    }
    writer
}
