//! `system_fingerprint`: the same as long as the same file is computed in the same way.

use answers::computing::Computing;
use answers::open_model::OpenModel;
use sha2::{Digest, Sha256};

/// A short name for a model's file and how it is computed. Made of what the file says about itself
/// and not of its weights, which would have to be read for it; receipts hold their digest.
pub(super) fn of(model: &OpenModel, computing: &Computing) -> String {
    let file = &model.file;
    let mix: Vec<String> = file
        .quantization_mix()
        .iter()
        .map(|share| format!("{}:{}", share.name, share.bytes))
        .collect();
    let facts = [
        env!("CARGO_PKG_VERSION").to_owned(),
        file.name(),
        file.file_bytes().to_string(),
        file.parameter_count().to_string(),
        mix.join(","),
        computing.to_json().to_string(),
    ];
    let digest = Sha256::digest(facts.join("\n").as_bytes());
    let hex: String = digest[..5].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("fp_{hex}")
}
