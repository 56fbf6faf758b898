//! Random damage: whatever the bytes, reading ends, and ends with a model or an error.

use model::{Bytes, Gguf, LoadOptions, LoadedModel, ModelFile};
use proptest::prelude::*;

use crate::gguf_writer::tiny_llama;

/// Reads everything that a file offers, down to the model in memory.
fn read_all(bytes: Vec<u8>) {
    let Ok(file) = ModelFile::from_gguf(Bytes::from_vec(bytes), "hostile.gguf") else { return };
    let metadata = file.metadata().expect("a GGUF file");
    for key in metadata.keys() {
        let _ = (metadata.get(key), metadata.u32s(key), metadata.f32s(key));
        if let Ok(Some(strings)) = metadata.strings(key) {
            strings.for_each(drop);
        }
    }
    let _ = (file.generation_defaults(), file.chat_template(), file.quantization_mix());
    let _ = LoadedModel::load(&file, &LoadOptions::default());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn flipped_bytes(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = tiny_llama(10).bytes();
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        read_all(bytes);
    }

    #[test]
    fn flipped_bytes_of_the_header(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let writer = tiny_llama(10);
        let (header, mut bytes) = (writer.header().len(), writer.bytes());
        for (at, value) in flips {
            bytes[at.index(header)] = value;
        }
        read_all(bytes);
    }

    #[test]
    fn absurd_words(at in any::<prop::sample::Index>(), shift in 0u32..64, less in 0u64..2) {
        let writer = tiny_llama(10);
        let (header, mut bytes) = (writer.header().len(), writer.bytes());
        let at = at.index(header - 8);
        let word = (u64::MAX >> shift).wrapping_add(1).wrapping_sub(less);
        bytes[at..at + 8].copy_from_slice(&word.to_le_bytes());
        read_all(bytes);
    }

    #[test]
    fn random_bytes_after_the_magic(tail in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut bytes = b"GGUF\x03\0\0\0".to_vec();
        bytes.extend(tail);
        prop_assert!(Gguf::read(&Bytes::from_vec(bytes.clone()), "x").is_err() || bytes.len() > 23);
        read_all(bytes);
    }

    #[test]
    fn random_safetensors(bytes in prop::collection::vec(any::<u8>(), 0..200), json in ".{0,120}") {
        let _ = model::files::safetensors::read(&Bytes::from_vec(bytes), "x");
        let mut framed = (json.len() as u64).to_le_bytes().to_vec();
        framed.extend(json.as_bytes());
        let _ = model::files::safetensors::read(&Bytes::from_vec(framed), "x");
    }
}
