//! A GGUF file from its header to the model in memory.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::{Bytes, LoadOptions, LoadedModel, ModelFile};

fuzz_target!(|data: &[u8]| {
    let bytes = Bytes::from_vec(data.to_vec());
    if let Ok(gguf) = model::Gguf::read(&bytes, "fuzz.gguf") {
        let metadata = &gguf.metadata;
        for key in metadata.keys() {
            let _ = (metadata.get(key), metadata.u32s(key), metadata.f32s(key));
            if let Ok(Some(strings)) = metadata.strings(key) {
                strings.for_each(drop);
            }
        }
    }
    let Ok(file) = ModelFile::from_gguf(bytes, "fuzz.gguf") else { return };
    let _ = (file.generation_defaults(), file.chat_template(), file.quantization_mix());
    let _ = (file.parameter_count(), file.tensor_bytes());
    let _ = LoadedModel::load(&file, &LoadOptions { threads: 1, ..LoadOptions::default() });
});
