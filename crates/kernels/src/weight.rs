//! Weight matrices as they lie in a file: a type, a shape, and borrowed bytes.

use std::fmt;

/// How the numbers of a matrix are stored. The block layouts are those of GGUF (ggml).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(non_camel_case_types, missing_docs)]
pub enum WeightType {
    F32,
    F16,
    BF16,
    Q8_0,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    IQ4_NL,
    MXFP4,
    Q2_K,
    Q3_K,
    Q4_K,
    Q5_K,
    Q6_K,
    IQ4_XS,
}

/// In which arithmetic a matrix is multiplied; it follows from the weight type and the precision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arithmetic {
    /// Weights become f32 exactly, activations stay f32, 16-lane fused sums.
    Float,
    /// Integer dot products over blocks of 32, activations quantized per 32 values.
    Block32,
    /// Integer dot products over superblocks of 256, activations quantized per 256 values.
    Block256,
}

impl WeightType {
    /// Every type, in the order of the enum.
    pub const ALL: [WeightType; 16] = [
        WeightType::F32,
        WeightType::F16,
        WeightType::BF16,
        WeightType::Q8_0,
        WeightType::Q4_0,
        WeightType::Q4_1,
        WeightType::Q5_0,
        WeightType::Q5_1,
        WeightType::IQ4_NL,
        WeightType::MXFP4,
        WeightType::Q2_K,
        WeightType::Q3_K,
        WeightType::Q4_K,
        WeightType::Q5_K,
        WeightType::Q6_K,
        WeightType::IQ4_XS,
    ];

    /// Values per quant block (1 for plain floats).
    pub const fn block_values(self) -> usize {
        match self {
            WeightType::F32 | WeightType::F16 | WeightType::BF16 => 1,
            WeightType::Q8_0
            | WeightType::Q4_0
            | WeightType::Q4_1
            | WeightType::Q5_0
            | WeightType::Q5_1
            | WeightType::IQ4_NL
            | WeightType::MXFP4 => 32,
            _ => 256,
        }
    }

    /// Bytes per quant block.
    pub const fn block_bytes(self) -> usize {
        match self {
            WeightType::F32 => 4,
            WeightType::F16 | WeightType::BF16 => 2,
            WeightType::Q8_0 => 34,
            WeightType::Q4_0 | WeightType::IQ4_NL => 18,
            WeightType::Q4_1 => 20,
            WeightType::Q5_0 => 22,
            WeightType::Q5_1 => 24,
            WeightType::MXFP4 => 17,
            WeightType::Q2_K => 84,
            WeightType::Q3_K => 110,
            WeightType::Q4_K => 144,
            WeightType::Q5_K => 176,
            WeightType::Q6_K => 210,
            WeightType::IQ4_XS => 136,
        }
    }

    /// The arithmetic in which this type is multiplied unless f32 is asked for throughout.
    pub const fn native_arithmetic(self) -> Arithmetic {
        match self.block_values() {
            1 => Arithmetic::Float,
            32 => Arithmetic::Block32,
            _ => Arithmetic::Block256,
        }
    }

    /// The name as GGUF tools print it.
    pub const fn name(self) -> &'static str {
        match self {
            WeightType::F32 => "F32",
            WeightType::F16 => "F16",
            WeightType::BF16 => "BF16",
            WeightType::Q8_0 => "Q8_0",
            WeightType::Q4_0 => "Q4_0",
            WeightType::Q4_1 => "Q4_1",
            WeightType::Q5_0 => "Q5_0",
            WeightType::Q5_1 => "Q5_1",
            WeightType::IQ4_NL => "IQ4_NL",
            WeightType::MXFP4 => "MXFP4",
            WeightType::Q2_K => "Q2_K",
            WeightType::Q3_K => "Q3_K",
            WeightType::Q4_K => "Q4_K",
            WeightType::Q5_K => "Q5_K",
            WeightType::Q6_K => "Q6_K",
            WeightType::IQ4_XS => "IQ4_XS",
        }
    }
}

impl fmt::Display for WeightType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A matrix of shape (rows, cols): `rows` outputs, `cols` inputs, one row after the other.
///
/// The bytes are borrowed as they lie in the file and need no alignment. The lengths were checked
/// by [`Weight::new`], so the kernels index without checking again.
#[derive(Clone, Copy, Debug)]
pub struct Weight<'a> {
    kind: WeightType,
    rows: usize,
    cols: usize,
    bytes: &'a [u8],
}

/// Why bytes are not a matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WeightError {
    /// The row length is no multiple of the type's block.
    RaggedRow {
        /// The weight type.
        kind: WeightType,
        /// The row length asked for.
        cols: usize,
    },
    /// The byte count does not fit the shape.
    Length {
        /// The weight type.
        kind: WeightType,
        /// Rows asked for.
        rows: usize,
        /// Columns asked for.
        cols: usize,
        /// Bytes given.
        bytes: usize,
    },
}

impl fmt::Display for WeightError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WeightError::RaggedRow { kind, cols } => write!(
                f,
                "rows of {cols} values do not fit {kind}, which packs {} values to a block",
                kind.block_values()
            ),
            WeightError::Length { kind, rows, cols, bytes } => {
                write!(f, "{bytes} bytes do not hold a {rows} x {cols} matrix of {kind}")
            }
        }
    }
}

impl std::error::Error for WeightError {}

impl<'a> Weight<'a> {
    /// Checks that `bytes` is exactly a (`rows`, `cols`) matrix of `kind`.
    ///
    /// # Errors
    /// [`WeightError`] when a row does not consist of whole blocks or the length differs.
    pub fn new(
        kind: WeightType,
        rows: usize,
        cols: usize,
        bytes: &'a [u8],
    ) -> Result<Self, WeightError> {
        if !cols.is_multiple_of(kind.block_values()) {
            return Err(WeightError::RaggedRow { kind, cols });
        }
        let expected = (cols / kind.block_values())
            .checked_mul(kind.block_bytes())
            .and_then(|row_bytes| row_bytes.checked_mul(rows));
        if expected != Some(bytes.len()) {
            return Err(WeightError::Length { kind, rows, cols, bytes: bytes.len() });
        }
        Ok(Weight { kind, rows, cols, bytes })
    }

    /// The storage type.
    pub fn kind(&self) -> WeightType {
        self.kind
    }

    /// Number of outputs.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of inputs.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// All bytes, row after row.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Bytes of one row.
    pub fn row_bytes(&self) -> usize {
        self.cols / self.kind.block_values() * self.kind.block_bytes()
    }

    /// The bytes of row `row`.
    pub fn row(&self, row: usize) -> &'a [u8] {
        let row_bytes = self.row_bytes();
        &self.bytes[row * row_bytes..(row + 1) * row_bytes]
    }
}
