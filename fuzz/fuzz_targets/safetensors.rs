//! The header of a safetensors file, and every tensor in it as floats.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::{Bytes, files::safetensors};

fuzz_target!(|data: &[u8]| {
    let Ok(tensors) = safetensors::read(&Bytes::from_vec(data.to_vec()), "fuzz") else { return };
    for tensor in tensors.values() {
        let _ = (tensor.floats(), tensor.rows(0, 1), tensor.weight_type());
    }
});
