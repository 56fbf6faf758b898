//! The numbers by which GGUF names tensor types (ggml's `enum ggml_type`).

use kernels::WeightType;

use crate::files::view::StoredType;

/// The type with number `id`; numbers that ggml has not given out become `type <id>`.
pub(super) fn stored_type(id: u32) -> StoredType {
    StoredType::Weight(match id {
        0 => WeightType::F32,
        1 => WeightType::F16,
        2 => WeightType::Q4_0,
        3 => WeightType::Q4_1,
        6 => WeightType::Q5_0,
        7 => WeightType::Q5_1,
        8 => WeightType::Q8_0,
        10 => WeightType::Q2_K,
        11 => WeightType::Q3_K,
        12 => WeightType::Q4_K,
        13 => WeightType::Q5_K,
        14 => WeightType::Q6_K,
        20 => WeightType::IQ4_NL,
        23 => WeightType::IQ4_XS,
        30 => WeightType::BF16,
        39 => WeightType::MXFP4,
        _ => return StoredType::Other(other_name(id)),
    })
}

fn other_name(id: u32) -> String {
    let name = match id {
        4 => "Q4_2",
        5 => "Q4_3",
        9 => "Q8_1",
        15 => "Q8_K",
        16 => "IQ2_XXS",
        17 => "IQ2_XS",
        18 => "IQ3_XXS",
        19 => "IQ1_S",
        21 => "IQ3_S",
        22 => "IQ2_S",
        24 => "I8",
        25 => "I16",
        26 => "I32",
        27 => "I64",
        28 => "F64",
        29 => "IQ1_M",
        31 => "Q4_0_4_4",
        32 => "Q4_0_4_8",
        33 => "Q4_0_8_8",
        34 => "TQ1_0",
        35 => "TQ2_0",
        36 => "IQ4_NL_4_4",
        37 => "IQ4_NL_4_8",
        38 => "IQ4_NL_8_8",
        40 => "NVFP4",
        _ => return format!("type {id}"),
    };
    name.into()
}
