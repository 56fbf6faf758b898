//! How long answers are when nothing cuts them: the product-limit estimate of Kaplan and Meier
//! (1958), with ends before cuts where both are at one length.

use super::{Basis, Interval, Row};

/// Rows below which an interval of eight in ten is everything: `ceil(0.9 (n + 1)) > n`.
pub(super) const ROWS_FOR_AN_INTERVAL: usize = 9;

/// Rounding slack when a share is held against a level.
const SLACK: f64 = 1e-9;

/// The distribution of uncut lengths.
pub(super) struct Lengths {
    /// At each length where an answer ended, rising.
    steps: Vec<Step>,
    rows: usize,
}

struct Step {
    tokens: u64,
    /// Share of answers that are at most this long.
    share: f64,
    /// Rows that say whether an answer is longer than this: those that ended, and those cut no
    /// earlier.
    telling: usize,
}

/// A length, or beyond every length that was seen to end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Length {
    Tokens(u64),
    Unseen,
}

impl Length {
    /// Under a limit.
    pub fn within(self, limit_tokens: u64) -> u64 {
        match self {
            Self::Tokens(tokens) => tokens.min(limit_tokens),
            Self::Unseen => limit_tokens,
        }
    }

    /// Whether a limit, not an observation, is all that bounds it.
    fn is_unseen_within(self, limit_tokens: u64, longest_seen: u64) -> bool {
        self == Self::Unseen && limit_tokens > longest_seen
    }
}

impl Lengths {
    pub fn of(rows: &[Row]) -> Self {
        let mut seen: Vec<(u64, bool)> =
            rows.iter().map(|row| (total_tokens(row), row.is_cut)).collect();
        seen.sort_unstable();
        let ended = seen.iter().filter(|(_, is_cut)| !is_cut).count();
        let cut = seen.len() - ended;
        let mut steps = Vec::new();
        let (mut at_risk, mut survival, mut cut_before) = (seen.len(), 1.0, 0);
        for group in seen.chunk_by(|a, b| a.0 == b.0) {
            let ends = group.iter().filter(|(_, is_cut)| !is_cut).count();
            if ends > 0 {
                survival *= (at_risk - ends) as f64 / at_risk as f64;
                let telling = ended + cut - cut_before;
                steps.push(Step { tokens: group[0].0, share: 1.0 - survival, telling });
            }
            cut_before += group.len() - ends;
            at_risk -= group.len();
        }
        Self { steps, rows: rows.len() }
    }

    /// Tokens under `limit_tokens`, with an interval for one more answer drawn alike.
    pub fn interval(&self, limit_tokens: u64) -> (Interval<u64>, Basis) {
        if self.rows == 0 {
            return (Interval { p10: 0, p50: limit_tokens, p90: limit_tokens }, Basis::Bound);
        }
        let high = self.upper();
        let interval = Interval {
            p10: self.lower().min(limit_tokens),
            p50: self.quantile(0.5).within(limit_tokens),
            p90: high.within(limit_tokens),
        };
        let longest = self.steps.last().map_or(0, |step| step.tokens);
        let is_bound =
            self.rows < ROWS_FOR_AN_INTERVAL || high.is_unseen_within(limit_tokens, longest);
        (interval, if is_bound { Basis::Sparse } else { Basis::History })
    }

    /// The smallest length that a share of `level` does not exceed.
    pub fn quantile(&self, level: f64) -> Length {
        let at = self.steps.partition_point(|step| step.share < level - SLACK);
        self.steps.get(at).map_or(Length::Unseen, |step| Length::Tokens(step.tokens))
    }

    /// The `floor(0.1 (n + 1))`-th length, 0 where that is none; `n` are the rows that tell.
    fn lower(&self) -> u64 {
        let reached = |step: &&Step| {
            let rank = (step.telling + 1) / 10;
            rank == 0 || step.share * step.telling as f64 >= rank as f64 - SLACK
        };
        match self.steps.iter().find(reached) {
            Some(step) if step.telling >= ROWS_FOR_AN_INTERVAL => step.tokens,
            _ => 0,
        }
    }

    /// The `ceil(0.9 (n + 1))`-th length; unseen where there are fewer.
    fn upper(&self) -> Length {
        let reached = |step: &&Step| {
            let rank = (9 * (step.telling + 1)).div_ceil(10);
            rank <= step.telling && step.share * step.telling as f64 >= rank as f64 - SLACK
        };
        self.steps.iter().find(reached).map_or(Length::Unseen, |step| Length::Tokens(step.tokens))
    }
}

/// All tokens of an answer, which is what a limit counts.
fn total_tokens(row: &Row) -> u64 {
    row.answer_tokens.saturating_add(row.thinking_tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(lengths: &[(u64, bool)]) -> Vec<Row> {
        lengths
            .iter()
            .map(|(tokens, is_cut)| Row {
                answer_tokens: *tokens,
                is_cut: *is_cut,
                ..Row::default()
            })
            .collect()
    }

    /// Remission of leukemia in weeks under 6-MP (Freireich and others, 1963), the usual textbook
    /// case of the estimate; the shares are the published ones.
    #[test]
    fn survival_is_the_textbooks() {
        let ended = [6, 6, 6, 7, 10, 13, 16, 22, 23];
        let cut = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35];
        let all: Vec<_> = ended
            .iter()
            .map(|tokens| (*tokens, false))
            .chain(cut.iter().map(|tokens| (*tokens, true)))
            .collect();
        let lengths = Lengths::of(&rows(&all));
        let expected = [
            (6, 0.857),
            (7, 0.807),
            (10, 0.753),
            (13, 0.690),
            (16, 0.627),
            (22, 0.538),
            (23, 0.448),
        ];
        assert_eq!(lengths.steps.len(), expected.len());
        for (step, (tokens, left)) in lengths.steps.iter().zip(expected) {
            assert_eq!(step.tokens, tokens);
            assert!((1.0 - step.share - left).abs() < 6e-4, "{tokens}: {}", step.share);
        }
        assert_eq!(lengths.quantile(0.5), Length::Tokens(23));
        assert_eq!(lengths.quantile(0.9), Length::Unseen);
    }

    #[test]
    fn without_cuts_the_ends_are_order_statistics() {
        let nineteen: Vec<_> = (1..=19).map(|tokens| (tokens * 10, false)).collect();
        let (interval, basis) = Lengths::of(&rows(&nineteen)).interval(1000);
        assert_eq!(interval, Interval { p10: 20, p50: 100, p90: 180 });
        assert_eq!(basis, Basis::History);
    }

    #[test]
    fn eight_rows_are_not_enough_and_nine_are() {
        let alike = |count| Lengths::of(&rows(&vec![(100, false); count])).interval(500);
        assert_eq!(alike(8), (Interval { p10: 0, p50: 100, p90: 500 }, Basis::Sparse));
        assert_eq!(alike(9), (Interval { p10: 100, p50: 100, p90: 100 }, Basis::History));
    }

    #[test]
    fn a_larger_limit_than_any_is_not_quoted_as_if_answers_ended_there() {
        let mut all: Vec<_> = (1..=20).map(|tokens| (tokens * 5, false)).collect();
        all.extend(vec![(100, true); 20]);
        let lengths = Lengths::of(&rows(&all));
        assert_eq!(lengths.interval(100).0.p90, 100);
        assert_eq!(lengths.interval(100).1, Basis::History);
        assert_eq!(lengths.interval(2000).0.p90, 2000);
        assert_eq!(lengths.interval(2000).1, Basis::Sparse);
    }
}
