//! A tensor as it lies in a file, and a matrix cut from it.

use kernels::{Weight, WeightType};

use super::mapped::Bytes;
use crate::error::LoadError;

/// A matrix of shape (rows, cols) whose bytes are shared with the file.
#[derive(Clone, Debug)]
pub struct TensorView {
    /// The tensor's name in the file.
    pub name: String,
    /// How the numbers are stored.
    pub kind: WeightType,
    /// Outputs.
    pub rows: usize,
    /// Inputs.
    pub cols: usize,
    /// All rows, one after the other; no alignment is promised.
    pub bytes: Bytes,
}

impl TensorView {
    /// The matrix as the kernels take it.
    pub fn weight(&self) -> Weight<'_> {
        Weight::new(self.kind, self.rows, self.cols, &self.bytes)
            .expect("lengths were checked when the view was cut")
    }
}

/// How a tensor is stored: a type that the kernels multiply, or the name of one they do not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredType {
    /// One of the kernels' types.
    Weight(WeightType),
    /// Any other, by the name that the file format gives it.
    Other(String),
}

/// A tensor as the file describes it. Its bytes are known to lie inside of the file.
#[derive(Clone, Debug)]
pub struct StoredTensor {
    /// The name in the file.
    pub name: String,
    /// The file (of several) that holds it.
    pub file: String,
    /// How the numbers are stored.
    pub kind: StoredType,
    /// Outermost dimension first; 1 to 4 dimensions, none of them 0, for [`StoredType::Weight`].
    pub shape: Vec<usize>,
    /// The numbers; empty for [`StoredType::Other`].
    pub bytes: Bytes,
}

/// The weight types by name, for error messages.
pub(crate) fn supported_types() -> String {
    WeightType::ALL.map(WeightType::name).join(", ")
}

impl StoredTensor {
    /// The weight type.
    ///
    /// # Errors
    /// [`LoadError::TensorType`] when the kernels do not multiply it.
    pub fn weight_type(&self) -> Result<WeightType, LoadError> {
        match &self.kind {
            StoredType::Weight(kind) => Ok(*kind),
            StoredType::Other(found) => Err(LoadError::TensorType {
                file: self.file.clone(),
                tensor: self.name.clone(),
                found: found.clone(),
                supported: supported_types(),
            }),
        }
    }

    /// Refuses any shape but `expected`.
    pub(crate) fn expect_shape(&self, expected: &[usize]) -> Result<(), LoadError> {
        if self.shape == expected {
            return Ok(());
        }
        Err(LoadError::Shape {
            file: self.file.clone(),
            tensor: self.name.clone(),
            found: self.shape.clone(),
            expected: expected.to_vec(),
        })
    }

    /// Rows `first..first + count` of this matrix, sharing its bytes.
    ///
    /// # Errors
    /// When the type is not supported, rows are not whole blocks, or the rows are not there.
    pub fn rows(&self, first: usize, count: usize) -> Result<TensorView, LoadError> {
        let kind = self.weight_type()?;
        let cols = *self.shape.last().expect("weights have 1 to 4 dimensions");
        let total: usize = self.shape[..self.shape.len() - 1].iter().product();
        let row_bytes = cols / kind.block_values() * kind.block_bytes();
        let cut = || {
            let end = first.checked_add(count).filter(|&end| end <= total)?;
            self.bytes.slice(first * row_bytes..end * row_bytes)
        };
        let bytes = cut().filter(|_| cols.is_multiple_of(kind.block_values()));
        match bytes {
            Some(bytes) => {
                Ok(TensorView { name: self.name.clone(), kind, rows: count, cols, bytes })
            }
            None => Err(LoadError::Shape {
                file: self.file.clone(),
                tensor: self.name.clone(),
                found: self.shape.clone(),
                expected: vec![first + count, cols.next_multiple_of(kind.block_values())],
            }),
        }
    }

    /// All numbers as f32, exactly. Meant for norms, biases and factors.
    ///
    /// # Errors
    /// When the type is not supported or rows are not whole blocks.
    pub fn floats(&self) -> Result<Vec<f32>, LoadError> {
        self.weight_type()?;
        let count = self.shape.iter().product();
        let rows = count / self.shape.last().expect("weights have 1 to 4 dimensions");
        let view = self.rows(0, rows)?;
        let mut floats = vec![0.0; count];
        kernels::quant::dequantize_row(view.kind, &view.bytes, &mut floats);
        Ok(floats)
    }
}
