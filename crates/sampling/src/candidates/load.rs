//! From a row of logits to candidates: all of them, or only those that can matter.
//!
//! Where the stages come down to the k largest logits, a step need not touch the other hundred
//! thousand. One pass takes the largest value of each chunk; the k-th largest of those is a floor
//! that at least k values reach, so that only chunks which reach it are looked into. What is
//! loaded holds everything that the stages could have kept of the whole row.

use super::{Candidates, ChooseError, HIGHEST, LANES, LOWEST};
use crate::TokenId;

/// Values whose largest is taken together; a multiple of twice `LANES`.
const CHUNK: usize = 512;

/// A type that logits come in: f32 from a model, f64 from a file.
pub trait Logit: Copy + PartialOrd + Into<f64> + std::ops::Add<Output = Self> {
    /// 0.
    const ZERO: Self;
    /// -inf.
    const NEG_INFINITY: Self;
    /// The largest value that is not above `value`.
    fn at_most(value: f64) -> Self;
    /// The nearest f32.
    fn to_f32(self) -> f32;
}

impl Logit for f32 {
    const ZERO: Self = 0.0;
    const NEG_INFINITY: Self = f32::NEG_INFINITY;

    fn at_most(value: f64) -> Self {
        let nearest = value as f32;
        if f64::from(nearest) > value { nearest.next_down() } else { nearest }
    }

    fn to_f32(self) -> f32 {
        self
    }
}

impl Logit for f64 {
    const ZERO: Self = 0.0;
    const NEG_INFINITY: Self = f64::NEG_INFINITY;

    fn at_most(value: f64) -> Self {
        value
    }

    fn to_f32(self) -> f32 {
        self as f32
    }
}

/// Which candidates are enough for what the stages do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'a> {
    /// How many of the largest logits can be kept in the end.
    pub count: usize,
    /// Ids whose logits may be lowered, or which may be removed, before that.
    pub lowered: &'a [TokenId],
    /// Ids whose logits may be raised before that: ascending and distinct.
    pub raised: &'a [TokenId],
}

impl Candidates {
    /// Starts a step: every id whose logit is finite becomes a candidate.
    ///
    /// `logits` has one value per vocabulary entry, as f32 from a model or as f64 from a file; -inf
    /// marks an impossible token. The range is that of f32: f64 values beyond it count as infinite.
    pub fn load<L: Logit>(&mut self, logits: &[L]) -> Result<(), ChooseError> {
        self.weights_fresh = false;
        self.row_length = logits.len();
        self.ids.clear();
        self.logits.clear();
        // Adding 0 turns -0 into +0, so that equal logits also order as equal.
        let values = logits.iter().map(|&logit| logit.into() + 0.0);
        self.logits.extend(values);
        if !logits.is_empty() && self.logits.iter().fold(true, |all, logit| all & is_finite(*logit))
        {
            self.ids.extend(0..logits.len() as TokenId);
            return Ok(());
        }
        check_logits(logits)?;
        self.ids.extend(
            (0..).zip(&self.logits).filter(|(_, logit)| is_finite(**logit)).map(|(id, _)| id),
        );
        self.logits.retain(|&logit| is_finite(logit));
        Ok(())
    }

    /// Starts a step with a part of the candidates that is enough for `part`, or with all.
    ///
    /// Errors as [`load`](Self::load).
    pub(crate) fn load_part<L: Logit>(
        &mut self,
        logits: &[L],
        part: &Part<'_>,
    ) -> Result<(), ChooseError> {
        let enough = part.count + part.raised.len();
        if logits.len() / CHUNK < 4 * enough || !self.take_maxima(logits) {
            return self.load(logits);
        }
        let Some(floor) = self.floor(logits, part) else { return self.load(logits) };
        self.load_from(logits, floor, part.raised);
        Ok(())
    }

    /// Makes candidates of the logits from `floor` up, and of those with the ids `raised`
    /// (ascending). The maxima are those of this row.
    pub(super) fn load_from<L: Logit>(&mut self, logits: &[L], floor: f64, raised: &[TokenId]) {
        let limit = L::at_most(floor);
        self.weights_fresh = false;
        self.row_length = logits.len();
        self.ids.clear();
        self.logits.clear();
        let mut raised = raised.iter().copied().peekable();
        for (index, chunk) in logits.chunks(CHUNK).enumerate() {
            let first_id = (index * CHUNK) as TokenId;
            let end_id = first_id + chunk.len() as TokenId;
            if self.maxima[index] < floor && raised.peek().is_none_or(|&id| id >= end_id) {
                continue;
            }
            for (values, first_id) in chunk.chunks(LANES).zip((first_id..).step_by(LANES)) {
                let end_id = first_id + values.len() as TokenId;
                let reached = values.iter().fold(false, |any, &logit| any | (logit >= limit));
                if !reached && raised.peek().is_none_or(|&id| id >= end_id) {
                    continue;
                }
                for (id, &logit) in (first_id..).zip(values) {
                    let wanted = raised.next_if_eq(&id).is_some() && logit.into() >= LOWEST;
                    if logit >= limit || wanted {
                        self.ids.push(id);
                        self.logits.push(logit.into() + 0.0);
                    }
                }
            }
        }
    }

    /// Takes the largest value of each chunk. False when a value needs a closer look: the sum
    /// shows it, as NaN and the infinities spread to it.
    pub(super) fn take_maxima<L: Logit>(&mut self, logits: &[L]) -> bool {
        self.maxima.clear();
        let mut sums = [L::ZERO; LANES];
        let (chunks, rest) = logits.split_at(logits.len() - logits.len() % CHUNK);
        for chunk in chunks.chunks_exact(CHUNK) {
            let mut lanes = [L::NEG_INFINITY; LANES];
            for values in chunk.chunks_exact(2 * LANES) {
                let (first, second) = values.split_at(LANES);
                for lane in 0..LANES {
                    let (a, b) = (first[lane], second[lane]);
                    lanes[lane] = larger(lanes[lane], larger(a, b));
                    sums[lane] = sums[lane] + (a + b);
                }
            }
            let (low, high) = lanes.split_at(LANES / 2);
            let halves: [L; LANES / 2] = std::array::from_fn(|lane| larger(low[lane], high[lane]));
            self.maxima.push(largest_of(&halves));
        }
        if !rest.is_empty() {
            self.maxima.push(largest_of(rest));
            for &value in rest {
                sums[0] = sums[0] + value;
            }
        }
        sums.iter().all(|&sum| sum.into().is_finite())
            && self.maxima.iter().all(|&largest| largest <= HIGHEST)
    }

    /// A value that at least `count` logits reach which no stage lowers; none when too few do.
    fn floor<L: Logit>(&mut self, logits: &[L], part: &Part<'_>) -> Option<f64> {
        let mut wanted = part.count + part.raised.len();
        while wanted <= self.maxima.len() / 4 {
            let floor = self.nth_maximum(wanted);
            let reaches = |&&id: &&TokenId| {
                logits.get(id as usize).is_some_and(|&logit| logit.into() >= floor)
            };
            let lowered = part.lowered.iter().filter(reaches).count();
            let needed = part.count + part.raised.len() + lowered;
            if needed <= wanted {
                return Some(floor);
            }
            wanted = needed;
        }
        None
    }
}

impl Candidates {
    /// A value that at least `count` of the chunks reach; finite.
    pub(super) fn nth_maximum(&mut self, count: usize) -> f64 {
        self.sorted_maxima.clear();
        self.sorted_maxima.extend_from_slice(&self.maxima);
        let (_, &mut floor, _) =
            self.sorted_maxima.select_nth_unstable_by(count - 1, |a, b| b.total_cmp(a));
        // A division can make two logits equal that differ in the last bit.
        (floor - floor.abs() * 1e-12).max(LOWEST)
    }
}

fn is_finite(logit: f64) -> bool {
    (LOWEST..=HIGHEST).contains(&logit)
}

fn largest_of<L: Logit>(values: &[L]) -> f64 {
    values.iter().fold(L::NEG_INFINITY, |largest, &value| larger(largest, value)).into()
}

#[inline(always)]
fn larger<L: Logit>(a: L, b: L) -> L {
    if a > b { a } else { b }
}

/// Refuses NaN, +inf, and rows without a finite value; counts the finite values.
pub(crate) fn check_logits<L: Copy + Into<f64>>(logits: &[L]) -> Result<usize, ChooseError> {
    if logits.is_empty() {
        return Err(ChooseError::Empty);
    }
    let (mut usable_count, mut possible_count) = (0, 0);
    for &logit in logits {
        let logit: f64 = logit.into();
        // NaN compares false, so it is not usable.
        usable_count += usize::from(logit <= HIGHEST);
        possible_count += usize::from(logit >= LOWEST);
    }
    if usable_count < logits.len() {
        let mut values = logits.iter().map(|&logit| -> f64 { logit.into() }).enumerate();
        let (id, logit) =
            values.find(|(_, logit)| logit.is_nan() || *logit > HIGHEST).expect("one was counted");
        let id = id as TokenId;
        let not_a_number = logit.is_nan();
        return Err(if not_a_number {
            ChooseError::NotANumber { id }
        } else {
            ChooseError::PositiveInfinity { id }
        });
    }
    if possible_count == 0 { Err(ChooseError::NothingPossible) } else { Ok(possible_count) }
}
