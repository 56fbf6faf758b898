//! How a tile of 16 weight rows gets from the file's order into vector lanes.
//!
//! ```text
//! for four rows at a time: put 16 bytes of each into one vector   (lane j of vector i: row 4j + i)
//! transpose the 4 x 4 dwords inside each lane                       (8 shuffles)
//! -> vector g, dword n = bytes 4g .. 4g + 4 of row n
//! ```
//! 1. Rows are picked so that no shuffle crosses a 128-bit lane: one cycle each.
//! 2. The loads into upper lanes are blends, not shuffles, which run on any port.
//! 3. The result is what `vpdpbusd` eats: four neighbours of one row in one dword, rows in lanes.
//!
//! The helpers are inlined into functions that have the instructions enabled, and have none enabled
//! themselves; so they contain no closures, which would stay calls, and calls of single
//! instructions at that.

use crate::x86::walk::TileRows;
use std::arch::x86_64::*;

/// All require that the bytes they name are readable in each of the 16 rows.
impl TileRows {
    /// The same rows, `bytes` further on.
    #[inline(always)]
    pub(super) unsafe fn at(self, bytes: usize) -> TileRows {
        // SAFETY: the caller stays inside the rows.
        unsafe { TileRows { start: self.start.add(bytes), stride: self.stride } }
    }

    /// 16 bytes of each row as four vectors; dword n of vector g is bytes 4g..4g+4 of row n.
    #[inline(always)]
    pub(super) unsafe fn dwords4(self) -> [__m512i; 4] {
        // SAFETY: 16 bytes are readable in each of the rows.
        unsafe { transpose([self.quad(0), self.quad(1), self.quad(2), self.quad(3)]) }
    }

    /// 32 bytes of each row as eight vectors; dword n of vector g is bytes 4g..4g+4 of row n.
    #[inline(always)]
    pub(super) unsafe fn dwords8(self) -> [__m512i; 8] {
        // SAFETY: 32 bytes are readable in each of the rows.
        unsafe {
            let ([a, b, c, d], [e, f, g, h]) = (self.dwords4(), self.at(16).dwords4());
            [a, b, c, d, e, f, g, h]
        }
    }

    /// 16 bytes of rows `i`, `i + 4`, `i + 8` and `i + 12` in the four 128-bit lanes.
    #[inline(always)]
    pub(super) unsafe fn quad(self, i: usize) -> __m512i {
        // SAFETY: 16 bytes are readable in each of the rows.
        unsafe {
            let vector = _mm512_castsi128_si512(self.sixteen(i));
            let vector = _mm512_inserti32x4::<1>(vector, self.sixteen(i + 4));
            let vector = _mm512_inserti32x4::<2>(vector, self.sixteen(i + 8));
            _mm512_inserti32x4::<3>(vector, self.sixteen(i + 12))
        }
    }

    /// Asks for the same bytes, at most `bytes`, of each row of the tile after this one: 16 short
    /// streams are too many for the prefetchers of processors.
    #[inline(always)]
    pub(super) unsafe fn prefetch_next(self, bytes: usize) {
        for row in 16..32 {
            let first = self.start.wrapping_add(row * self.stride);
            for line in (0..bytes).step_by(64) {
                // SAFETY: a prefetch reads nothing and faults nowhere.
                unsafe { _mm_prefetch::<_MM_HINT_T1>(first.wrapping_add(line).cast()) }
            }
        }
    }

    /// 16 bytes of row `row`.
    #[inline(always)]
    unsafe fn sixteen(self, row: usize) -> __m128i {
        // SAFETY: 16 bytes are readable in each of the rows.
        unsafe { load_16(self.start.add(row * self.stride)) }
    }
}

/// Transposes four quads (see [`TileRows::quad`]) to dwords of 16 rows.
#[inline(always)]
pub(super) unsafe fn transpose([a, b, c, d]: [__m512i; 4]) -> [__m512i; 4] {
    // SAFETY: register arithmetic.
    unsafe {
        let (ab_low, ab_high) = (_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
        let (cd_low, cd_high) = (_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
        [
            _mm512_unpacklo_epi64(ab_low, cd_low),
            _mm512_unpackhi_epi64(ab_low, cd_low),
            _mm512_unpacklo_epi64(ab_high, cd_high),
            _mm512_unpackhi_epi64(ab_high, cd_high),
        ]
    }
}

/// Loads 16 bytes.
#[inline(always)]
pub(super) unsafe fn load_16(bytes: *const u8) -> __m128i {
    // SAFETY: the caller names 16 readable bytes.
    unsafe { _mm_loadu_si128(bytes.cast()) }
}

/// Loads 64 bytes.
#[inline(always)]
pub(super) unsafe fn load(bytes: *const u8) -> __m512i {
    // SAFETY: the caller names 64 readable bytes.
    unsafe { _mm512_loadu_si512(bytes.cast()) }
}

/// Stores 64 bytes.
#[inline(always)]
pub(super) unsafe fn store(bytes: *mut u8, vector: __m512i) {
    // SAFETY: the caller names 64 writable bytes.
    unsafe { _mm512_storeu_si512(bytes.cast(), vector) }
}

/// Loads 16 floats.
#[inline(always)]
pub(super) unsafe fn load_f32(bytes: *const u8) -> __m512 {
    // SAFETY: the caller names 64 readable bytes.
    unsafe { _mm512_loadu_ps(bytes.cast()) }
}

/// Stores 16 floats.
#[inline(always)]
pub(super) unsafe fn store_f32(bytes: *mut u8, vector: __m512) {
    // SAFETY: the caller names 64 writable bytes.
    unsafe { _mm512_storeu_ps(bytes.cast(), vector) }
}

/// Four bytes in all lanes.
#[inline(always)]
pub(super) unsafe fn broadcast(bytes: *const u8) -> __m512i {
    // SAFETY: the caller names 4 readable bytes.
    unsafe { _mm512_set1_epi32(bytes.cast::<i32>().read_unaligned()) }
}

/// One float in all lanes.
#[inline(always)]
pub(super) unsafe fn broadcast_f32(bytes: *const u8) -> __m512 {
    // SAFETY: the caller names 4 readable bytes.
    unsafe { _mm512_set1_ps(bytes.cast::<f32>().read_unaligned()) }
}

/// The f16 in the low half of each dword, widened.
#[inline(always)]
pub(super) unsafe fn low_f16(dwords: __m512i) -> __m512 {
    // SAFETY: register arithmetic.
    unsafe { _mm512_cvtph_ps(_mm512_cvtepi32_epi16(dwords)) }
}

/// The f16 in the high half of each dword, widened.
#[inline(always)]
pub(super) unsafe fn high_f16(dwords: __m512i) -> __m512 {
    // SAFETY: register arithmetic.
    unsafe { low_f16(_mm512_srli_epi32::<16>(dwords)) }
}

/// Each byte of `vector` shifted right by `count` and cut to `mask`; a constant `count` costs one
/// shift, because the mask removes what the dword shift brought in from the next byte.
#[inline(always)]
pub(super) unsafe fn shifted(vector: __m512i, count: i32, mask: i8) -> __m512i {
    // SAFETY: register arithmetic.
    unsafe {
        let shifted = _mm512_srlv_epi32(vector, _mm512_set1_epi32(count));
        _mm512_and_si512(shifted, _mm512_set1_epi8(mask))
    }
}

/// [`shifted`] for several vectors.
#[inline(always)]
pub(super) unsafe fn all_shifted<const N: usize>(
    mut vectors: [__m512i; N],
    count: i32,
    mask: i8,
) -> [__m512i; N] {
    for vector in &mut vectors {
        // SAFETY: register arithmetic.
        unsafe { *vector = shifted(*vector, count, mask) }
    }
    vectors
}

/// Sets the bits of `high`, moved up by `position`, in the bytes of `low`.
#[inline(always)]
pub(super) unsafe fn all_joined<const N: usize>(
    mut low: [__m512i; N],
    high: [__m512i; N],
    position: i32,
) -> [__m512i; N] {
    for (low, high) in low.iter_mut().zip(high) {
        // SAFETY: register arithmetic.
        unsafe {
            let high = _mm512_sllv_epi32(high, _mm512_set1_epi32(position));
            *low = _mm512_or_si512(*low, high);
        }
    }
    low
}
