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
        #[cfg_attr(not(target_arch = "x86_64"), allow(unused_mut))]
        let mut sets = vec![Kernels::scalar()];
        #[cfg(target_arch = "x86_64")]
        sets.extend(
            crate::x86::kernels()
                .into_iter()
                .map(|(isa, matmul_range)| Kernels { isa, matmul_range }),
        );
        sets
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

/// Compiles one body once per instruction set and calls the one that `$kernels` stands for.
///
/// The body is plain Rust, `#[inline(always)]`, with loops that the compiler turns into vector
/// instructions. It never fuses, splits or reorders float operations on its own, so all the
/// compilations give the same bits; only a `mul_add` that would be a call of the C library becomes
/// one instruction. The scalar set uses that instruction too where the processor has it.
macro_rules! per_isa {
    ($kernels:expr, $body:path, ($($arg:ident: $type:ty),* $(,)?)) => {{
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "fma")]
            fn scalar_fma($($arg: $type),*) {
                $body($($arg),*)
            }
            #[target_feature(enable = "avx2,fma,f16c")]
            fn avx2($($arg: $type),*) {
                $body($($arg),*)
            }
            #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c")]
            fn avx512($($arg: $type),*) {
                $body($($arg),*)
            }
            match $kernels.isa() {
                // SAFETY: a `Kernels` of this set exists only where the processor runs it.
                $crate::Isa::Avx512 => unsafe { avx512($($arg),*) },
                // SAFETY: as above.
                $crate::Isa::Avx2 => unsafe { avx2($($arg),*) },
                _ if std::arch::is_x86_feature_detected!("fma") => {
                    // SAFETY: just asked.
                    unsafe { scalar_fma($($arg),*) }
                }
                _ => $body($($arg),*),
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            let _: &$crate::Kernels = $kernels;
            $body($($arg),*)
        }
    }};
}
pub(crate) use per_isa;
