//! Numbers to compute with, and how results are compared.

/// Reproducible noise (splitmix64).
pub struct Noise(pub u64);

impl Noise {
    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number in -1..1.
    pub fn unit(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1u32 << 23) as f32 - 1.0
    }

    /// `count` numbers in -`size`..`size`.
    pub fn row(&mut self, count: usize, size: f32) -> Vec<f32> {
        (0..count).map(|_| self.unit() * size).collect()
    }

    /// `count` bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.bits() as u8).collect()
    }
}

/// Rows that tempt arithmetic: ordinary, tiny, huge, subnormal, and such with NaN and infinity.
pub fn awkward_rows(count: usize, seed: u64) -> Vec<Vec<f32>> {
    let mut noise = Noise(seed);
    let mut rows: Vec<Vec<f32>> =
        [1.0, 1e-30, 1e30, 1e-42, 100.0].iter().map(|&size| noise.row(count, size)).collect();
    for special in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0, f32::MAX] {
        let mut row = noise.row(count, 2.0);
        if count > 0 {
            row[noise.bits() as usize % count] = special;
        }
        rows.push(row);
        rows.push(vec![special; count]);
    }
    rows
}

/// The bits of a row; all NaN count as one, since which of two NaN survives is left to the
/// processor.
pub fn bits(row: &[f32]) -> Vec<u32> {
    row.iter().map(|value| if value.is_nan() { u32::MAX } else { value.to_bits() }).collect()
}

/// Panics unless every value is within `relative` of the exact one, or within `absolute`.
#[track_caller]
pub fn assert_close(values: &[f32], exact: &[f64], relative: f64, absolute: f64) {
    assert_eq!(values.len(), exact.len());
    for (i, (&value, &exact)) in values.iter().zip(exact).enumerate() {
        let off = (f64::from(value) - exact).abs();
        assert!(
            off <= absolute + relative * exact.abs(),
            "value {i}: {value} instead of {exact}, off by {off:e}"
        );
    }
}
