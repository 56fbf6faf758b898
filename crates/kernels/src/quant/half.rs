//! The 16-bit floats: f16 (IEEE binary16) and bf16 (the upper half of an f32), to and from f32.
//!
//! ```text
//! f32   s eeeeeeee fffffffffffffffffffffff   bias 127
//! f16   s    eeeee           ffffffffff      bias 15
//! bf16  s eeeeeeee                 fffffff   bias 127
//! ```
//! Widening is exact. Narrowing rounds to nearest, ties to even; what is too large is infinite.
//! A NaN stays a NaN of the same sign with the upper bits of its payload, made quiet, as the F16C
//! instructions do it.

#[cfg(target_arch = "x86_64")]
use crate::isa::Isa;
use crate::isa::Kernels;
use crate::weight::WeightType;

/// The f32 of the same value.
#[inline(always)]
pub fn f16_to_f32(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let magnitude = u32::from(bits & 0x7fff);
    // Shifted into place, the exponent is 112 too small; multiplying by 2^112 corrects it exactly
    // and makes subnormals of f16 normal on the way.
    let scaled = f32::from_bits(magnitude << 13) * f32::from_bits((127 + 112) << 23);
    let quiet = u32::from(magnitude > 0x7c00) << 22;
    let special = 0x7f80_0000 | (magnitude << 13) | quiet;
    f32::from_bits(sign | if magnitude >= 0x7c00 { special } else { scaled.to_bits() })
}

/// The nearest f16, ties to even.
#[inline(always)]
pub fn f32_to_f16(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = (bits >> 16) as u16 & 0x8000;
    let magnitude = bits & 0x7fff_ffff;
    let result = if magnitude > 0x7f80_0000 {
        0x7e00 | ((magnitude >> 13) & 0x3ff)
    } else if magnitude >= 0x4780_0000 {
        // 65536 and above.
        0x7c00
    } else if magnitude >= 0x3880_0000 {
        // A normal f16 (rounding may carry into the exponent, up to infinity, which is right).
        let odd = (magnitude >> 13) & 1;
        (magnitude - (112 << 23) + 0xfff + odd) >> 13
    } else {
        // Subnormal: one unit of 0.5 is 2^-24, so adding 0.5 leaves the f16 bits, rounded.
        (f32::from_bits(magnitude) + 0.5).to_bits() - 0.5f32.to_bits()
    };
    sign | result as u16
}

/// The f32 of the same value.
#[inline(always)]
pub fn bf16_to_f32(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// The nearest bf16, ties to even.
#[inline(always)]
pub fn f32_to_bf16(value: f32) -> u16 {
    let bits = value.to_bits();
    if value.is_nan() {
        return (bits >> 16) as u16 | 0x40;
    }
    let odd = (bits >> 16) & 1;
    ((bits + 0x7fff + odd) >> 16) as u16
}

/// Widens every f16 of `from` into `to`.
///
/// # Panics
/// When the lengths differ.
pub fn widen_f16(kernels: &Kernels, from: &[u16], to: &mut [f32]) {
    assert_eq!(from.len(), to.len(), "as many numbers as there are halves");
    widen_f16_rows(kernels, from, from.len(), from.len(), to);
}

/// Widens rows of `dim` numbers, of which `from` has one every `stride`, into `to`, without gaps.
pub(crate) fn widen_f16_rows(
    kernels: &Kernels,
    from: &[u16],
    stride: usize,
    dim: usize,
    to: &mut [f32],
) {
    if to.is_empty() {
        return;
    }
    #[cfg(target_arch = "x86_64")]
    if kernels.isa() != Isa::Scalar {
        // SAFETY: both vector sets of x86-64 are chosen only where F16C is there.
        return unsafe { f16c::widen_rows(from, stride, dim, to) };
    }
    let _ = kernels;
    for (from, to) in from.chunks(stride).zip(to.chunks_exact_mut(dim)) {
        from.iter().zip(to).for_each(|(bits, to)| *to = f16_to_f32(*bits));
    }
}

/// Narrows every number of `from` to the nearest f16, ties to even: how keys and values are stored.
///
/// # Panics
/// When the lengths differ.
pub fn narrow_f16(kernels: &Kernels, from: &[f32], to: &mut [u16]) {
    assert_eq!(from.len(), to.len(), "as many halves as there are numbers");
    #[cfg(target_arch = "x86_64")]
    if kernels.isa() != Isa::Scalar {
        // SAFETY: both vector sets of x86-64 are chosen only where F16C is there.
        return unsafe { f16c::narrow(from, to) };
    }
    let _ = kernels;
    from.iter().zip(to).for_each(|(value, to)| *to = f32_to_f16(*value));
}

/// Eight numbers at a time, with the instructions made for it.
#[cfg(target_arch = "x86_64")]
mod f16c {
    use super::{f16_to_f32, f32_to_f16};
    use std::arch::x86_64::*;

    #[target_feature(enable = "avx,f16c")]
    pub(super) fn widen_rows(from: &[u16], stride: usize, dim: usize, to: &mut [f32]) {
        for (from, to) in from.chunks(stride).zip(to.chunks_exact_mut(dim)) {
            let (from, from_rest) = from[..dim].as_chunks::<8>();
            let (to, to_rest) = to.as_chunks_mut::<8>();
            for (from, to) in from.iter().zip(to) {
                // SAFETY: eight numbers on both sides.
                unsafe {
                    let halves = _mm_loadu_si128(from.as_ptr().cast());
                    _mm256_storeu_ps(to.as_mut_ptr(), _mm256_cvtph_ps(halves));
                }
            }
            from_rest.iter().zip(to_rest).for_each(|(bits, to)| *to = f16_to_f32(*bits));
        }
    }

    #[target_feature(enable = "avx,f16c")]
    pub(super) fn narrow(from: &[f32], to: &mut [u16]) {
        let (from, from_rest) = from.as_chunks::<8>();
        let (to, to_rest) = to.as_chunks_mut::<8>();
        for (from, to) in from.iter().zip(to) {
            // SAFETY: eight numbers on both sides.
            unsafe {
                let values = _mm256_loadu_ps(from.as_ptr());
                let halves = _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(values);
                _mm_storeu_si128(to.as_mut_ptr().cast(), halves);
            }
        }
        from_rest.iter().zip(to_rest).for_each(|(value, to)| *to = f32_to_f16(*value));
    }
}

/// Widens little-endian numbers of a plain float type.
pub(super) fn widen(kind: WeightType, bytes: &[u8], out: &mut [f32]) {
    let pairs = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    match kind {
        WeightType::F16 => out.iter_mut().zip(pairs).for_each(|(out, bits)| {
            *out = f16_to_f32(bits);
        }),
        WeightType::BF16 => out.iter_mut().zip(pairs).for_each(|(out, bits)| {
            *out = bf16_to_f32(bits);
        }),
        _ => out.iter_mut().zip(bytes.chunks_exact(4)).for_each(|(out, four)| {
            *out = f32::from_le_bytes([four[0], four[1], four[2], four[3]]);
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value of an f16 by the definition of the format, in f64, where it is exact.
    fn f16_value(bits: u16) -> f64 {
        let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
        let exponent = i32::from(bits >> 10 & 31);
        let fraction = f64::from(bits & 1023) / 1024.0;
        match exponent {
            0 => sign * fraction * 2f64.powi(-14),
            31 if fraction == 0.0 => sign * f64::INFINITY,
            31 => f64::NAN,
            _ => sign * (1.0 + fraction) * 2f64.powi(exponent - 15),
        }
    }

    #[test]
    fn every_f16_widens_to_its_value_and_back() {
        for bits in 0..=u16::MAX {
            let wide = f16_to_f32(bits);
            let expected = f16_value(bits);
            if expected.is_nan() {
                assert!(wide.is_nan(), "{bits:04x}");
                assert_eq!(f32_to_f16(wide), bits | 0x200, "{bits:04x}");
            } else {
                assert_eq!(wide.to_bits(), (expected as f32).to_bits(), "{bits:04x}");
                assert_eq!(f32_to_f16(wide), bits, "{bits:04x}");
            }
        }
    }

    #[test]
    fn every_instruction_set_converts_alike() {
        let halves: Vec<u16> = (0..=u16::MAX).chain([0x3c00; 5]).collect();
        // Every f16, its neighbours and the middle to the next, of f32.
        let singles: Vec<f32> = halves
            .iter()
            .flat_map(|&bits| {
                let bits = f16_to_f32(bits).to_bits();
                [0, 1, 0xfff, 0x1000, 0x1001].map(|more| f32::from_bits(bits.wrapping_add(more)))
            })
            .collect();
        for kernels in Kernels::all_available() {
            let mut wide = vec![0.0; halves.len()];
            widen_f16(&kernels, &halves, &mut wide);
            let expected = halves.iter().map(|&bits| f16_to_f32(bits).to_bits());
            assert!(wide.iter().map(|value| value.to_bits()).eq(expected), "{kernels:?}");
            let mut narrow = vec![0; singles.len()];
            narrow_f16(&kernels, &singles, &mut narrow);
            let expected = singles.iter().map(|&value| f32_to_f16(value));
            assert!(narrow.iter().copied().eq(expected), "{kernels:?}");
        }
    }

    #[test]
    fn narrowing_takes_the_nearest_f16_and_the_even_one_of_two() {
        for bits in 0..0x7c00u16 {
            let (low, high) = (f16_value(bits), f16_value(bits + 1));
            let high = if high.is_infinite() { 65536.0 } else { high };
            let middle = ((low + high) / 2.0) as f32;
            let even = if bits & 1 == 0 { bits } else { bits + 1 };
            assert_eq!(f32_to_f16(middle), even, "{middle}");
            assert_eq!(f32_to_f16(middle.next_down()), bits, "{middle}");
            assert_eq!(f32_to_f16(middle.next_up()), bits + 1, "{middle}");
            assert_eq!(f32_to_f16(-middle.next_up()), (bits + 1) | 0x8000, "{middle}");
        }
        assert_eq!(f32_to_f16(1e-45), 0);
        assert_eq!(f32_to_f16(f32::MAX), 0x7c00);
    }

    #[test]
    fn bf16_narrows_to_the_nearest_and_widens_exactly() {
        for bits in 0..=u16::MAX {
            let wide = bf16_to_f32(bits);
            let expected = if wide.is_nan() { bits | 0x40 } else { bits };
            assert_eq!(f32_to_bf16(wide), expected);
        }
        assert_eq!(f32_to_bf16(f32::from_bits(0x3f80_8000)), 0x3f80);
        assert_eq!(f32_to_bf16(f32::from_bits(0x3f80_8001)), 0x3f81);
        assert_eq!(f32_to_bf16(f32::from_bits(0x3f81_8000)), 0x3f82);
        assert_eq!(f32_to_bf16(f32::MAX), 0x7f80);
    }
}
