//! Eight outputs of each input row of a group: loading, storing, and adding lanes up.

use crate::x86::walk::Place;
use std::arch::x86_64::*;

/// The sums that a kernel goes on from: zeros, or what earlier panels left in the output.
#[inline(always)]
pub(super) unsafe fn load_sums<const R: usize>(place: &Place<'_>) -> [__m256; R] {
    // SAFETY: the place's columns of its rows are this thread's.
    unsafe {
        let mut acc = [_mm256_setzero_ps(); R];
        if !place.is_first {
            for (r, acc) in acc.iter_mut().enumerate() {
                *acc = _mm256_maskload_ps(place.row(r), mask(place));
            }
        }
        acc
    }
}

/// Stores the sums to the columns that exist.
#[inline(always)]
pub(super) unsafe fn store_sums<const R: usize>(place: &Place<'_>, acc: [__m256; R]) {
    for (r, acc) in acc.into_iter().enumerate() {
        // SAFETY: the place's columns of its rows are this thread's.
        unsafe { _mm256_maskstore_ps(place.row(r), mask(place), acc) }
    }
}

/// All bits in the lanes of columns that exist.
#[inline(always)]
unsafe fn mask(place: &Place<'_>) -> __m256i {
    // SAFETY: register arithmetic.
    unsafe {
        let lanes = _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0);
        _mm256_cmpgt_epi32(_mm256_set1_epi32(place.columns as i32), lanes)
    }
}

/// Lane n of the result is the sum of all lanes of `rows[n]`.
#[inline(always)]
pub(super) unsafe fn sum_rows([a, b, c, d, e, f, g, h]: [__m256i; 8]) -> __m256i {
    // SAFETY: register arithmetic.
    unsafe {
        let first = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
        let last = _mm256_hadd_epi32(_mm256_hadd_epi32(e, f), _mm256_hadd_epi32(g, h));
        _mm256_add_epi32(
            _mm256_permute2x128_si256::<0x20>(first, last),
            _mm256_permute2x128_si256::<0x31>(first, last),
        )
    }
}
