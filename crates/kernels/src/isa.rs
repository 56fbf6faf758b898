//! Which instruction set does the work: found once at start, the same results on each.

use crate::input::Input;
use crate::matmul::OutRows;
use crate::weight::{Arithmetic, Weight};
use std::ops::Range;

/// An instruction set with its own kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Isa {
    /// Plain Rust: the definition of every result.
    Scalar,
    /// x86-64 with AVX2, FMA and F16C.
    Avx2,
    /// x86-64 with AVX-512 F, BW, VL, DQ and VNNI.
    Avx512,
    /// 64-bit Arm with Advanced SIMD.
    Neon,
}

impl Isa {
    /// The name used by `--isa` and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Isa::Scalar => "scalar",
            Isa::Avx2 => "avx2",
            Isa::Avx512 => "avx512",
            Isa::Neon => "neon",
        }
    }
}

/// Multiplies weight rows `range` with all rows of a prepared input and stores the products.
pub(crate) type MatmulRange = fn(&Weight<'_>, Range<usize>, Arithmetic, &Input, &OutRows);

/// The chosen instruction set; having one means that this machine can run it.
#[derive(Clone, Copy, Debug)]
pub struct Kernels {
    isa: Isa,
    pub(crate) matmul_range: MatmulRange,
}

impl Kernels {
    /// The fastest set that this machine can run.
    pub fn detect() -> Kernels {
        *Kernels::all_available().last().expect("the scalar kernels run anywhere")
    }

    /// The plain reference.
    pub fn scalar() -> Kernels {
        Kernels { isa: Isa::Scalar, matmul_range: crate::scalar::matmul_range }
    }

    /// Every set that this machine can run, slowest first.
    pub fn all_available() -> Vec<Kernels> {
        vec![Kernels::scalar()]
    }

    /// The set of that name, when this machine can run it.
    pub fn named(name: &str) -> Option<Kernels> {
        Kernels::all_available().into_iter().find(|kernels| kernels.isa.name() == name)
    }

    /// Which instruction set this is.
    pub fn isa(&self) -> Isa {
        self.isa
    }
}
