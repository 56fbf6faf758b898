//! Every weight type unpacks to the published values, bit for bit.

use kernels::WeightType;
use kernels::quant::dequantize_row;
use std::path::PathBuf;

/// Checks all sixteen types against the safetensors file at `path`, which holds for every type `T`
/// the tensors `T.bytes` (u8, whole blocks) and `T.f32` (the values). Plain f32 needs no file.
fn check(path: PathBuf) {
    let file = std::fs::read(&path).expect("the conformance file is readable");
    let header_bytes = u64::from_le_bytes(file[..8].try_into().expect("8 bytes")) as usize;
    let header: serde_json::Value =
        serde_json::from_slice(&file[8..8 + header_bytes]).expect("the header is JSON");
    let data = &file[8 + header_bytes..];
    let tensor = |name: &str| {
        let offset = |i: usize| header[name]["data_offsets"][i].as_u64().expect("an offset");
        &data[offset(0) as usize..offset(1) as usize]
    };
    for kind in WeightType::ALL.into_iter().filter(|&kind| kind != WeightType::F32) {
        let bytes = tensor(&format!("{kind}.bytes"));
        let expected = tensor(&format!("{kind}.f32"));
        let mut values = vec![0.0f32; expected.len() / 4];
        assert!(!values.is_empty());
        dequantize_row(kind, bytes, &mut values);
        for (i, (value, expected)) in values.iter().zip(expected.chunks_exact(4)).enumerate() {
            let expected = f32::from_le_bytes(expected.try_into().expect("4 bytes"));
            let both_nan = value.is_nan() && expected.is_nan();
            assert!(
                both_nan || value.to_bits() == expected.to_bits(),
                "{kind} value {i}: {value} instead of {expected}"
            );
        }
    }
}

#[test]
fn golden_copy() {
    check(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/dequantize.safetensors"));
}

#[test]
fn conformance_set() {
    match std::env::var_os("JETON_CONFORMANCE") {
        None => eprintln!("skipped: JETON_CONFORMANCE is not set"),
        Some(folder) => check(PathBuf::from(folder).join("gguf/dequantize.safetensors")),
    }
}

#[test]
fn plain_f32_is_copied() {
    let values = [0.0f32, -0.0, 1.5, f32::MIN_POSITIVE, f32::INFINITY];
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let mut out = [1.0f32; 5];
    dequantize_row(WeightType::F32, &bytes, &mut out);
    assert_eq!(out.map(f32::to_bits), values.map(f32::to_bits));
}
