//! How many rows each sequence gets in a step.
//!
//! Who decodes gets its row, always. The rest is for gaps: prompts, and texts that are computed
//! again. While somebody decodes, gaps together get no more than a bound, so that a long prompt
//! stretches everybody's step by little; alone they get the whole step. Gaps are shared evenly
//! between owners, and within an owner go by arrival; everyone who advances keeps a row.

use crate::limits::SCORED_ROWS_MAX;
use crate::sequence::Sequence;
use std::collections::BTreeSet;

/// The bounds of a step, in rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepBounds {
    /// All rows.
    pub step_tokens_max: usize,
    /// Rows of gaps while somebody decodes.
    pub prefill_tokens_beside_decode: usize,
}

/// A sequence that has a gap to close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Demand {
    pub owner: u64,
    pub rows: usize,
}

/// What the sequences of a step ask for, in order of rank.
#[derive(Debug, Default)]
pub(crate) struct Demands {
    decode_count: usize,
    prefills: Vec<Demand>,
    prefill_rows_wanted: usize,
    prefill_owners: BTreeSet<u64>,
    scored_rows: usize,
}

impl Demands {
    /// Grants a sequence the rows that it wants in this step, until all wants are known. Rows of
    /// prompts that are scored are bounded by themselves: each needs a row of logits in memory.
    pub fn add(&mut self, sequence: &mut Sequence) {
        let mut rows = if sequence.waits { 0 } else { sequence.open_rows() };
        if sequence.scores_next_rows() {
            rows = rows.min(SCORED_ROWS_MAX - self.scored_rows);
            self.scored_rows += rows;
        }
        sequence.granted_rows = rows;
        match rows {
            0 => {}
            _ if is_prefill(sequence) => {
                self.prefills.push(Demand { owner: sequence.owner, rows });
                self.prefill_rows_wanted += rows;
                self.prefill_owners.insert(sequence.owner);
            }
            _ => self.decode_count += 1,
        }
    }

    /// Whether rows are left that nobody asks for.
    pub fn leave_rows(&self, bounds: StepBounds) -> bool {
        self.prefill_rows_wanted < self.prefill_rows(bounds)
    }

    /// Whether an owner has a gap to close.
    pub fn has_prefill(&self, owner: u64) -> bool {
        self.prefill_owners.contains(&owner)
    }

    /// The rows of each gap, in the order in which they were added.
    pub fn share(&self, bounds: StepBounds) -> Vec<usize> {
        split(&self.prefills, self.prefill_rows(bounds))
    }

    fn prefill_rows(&self, bounds: StepBounds) -> usize {
        let rows = bounds.step_tokens_max - self.decode_count;
        match self.decode_count {
            0 => rows,
            _ => rows.min(bounds.prefill_tokens_beside_decode.max(self.prefills.len())),
        }
    }
}

/// Whether a sequence that was granted rows has more to compute than its newest token.
pub(crate) fn is_prefill(sequence: &Sequence) -> bool {
    sequence.granted_rows > 0 && sequence.gap() > 1
}

/// Shares `rows` among `demands`: one for each as long as there are any, then evenly between owners
/// (who wants less than its share leaves the rest to the others), in order within an owner.
pub(crate) fn split(demands: &[Demand], rows: usize) -> Vec<usize> {
    let mut given: Vec<usize> =
        demands.iter().enumerate().map(|(index, _)| usize::from(index < rows)).collect();
    let mut left = rows.saturating_sub(demands.len());
    let mut owners: Vec<(usize, u64)> = Vec::new();
    for demand in demands {
        let more = demand.rows.saturating_sub(1);
        match owners.iter_mut().find(|(_, owner)| *owner == demand.owner) {
            Some((total, _)) => *total += more,
            None => owners.push((more, demand.owner)),
        }
    }
    // The sort is stable: equal owners keep their rank.
    owners.sort_by_key(|(total, _)| *total);
    let owner_count = owners.len();
    for (index, (total, owner)) in owners.into_iter().enumerate() {
        let mut share = total.min(left / (owner_count - index));
        left -= share;
        let own = demands.iter().zip(&mut given).filter(|(demand, _)| demand.owner == owner);
        for (demand, given) in own {
            let more = share.min(demand.rows.saturating_sub(*given));
            *given += more;
            share -= more;
        }
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn demands(rows: &[(u64, usize)]) -> Vec<Demand> {
        rows.iter().map(|&(owner, rows)| Demand { owner, rows }).collect()
    }

    #[test]
    fn one_owner_goes_by_arrival_and_everyone_keeps_a_row() {
        assert_eq!(split(&demands(&[(0, 30)]), 10), [10]);
        assert_eq!(split(&demands(&[(0, 30), (0, 4)]), 10), [9, 1]);
        assert_eq!(split(&demands(&[(0, 3), (0, 4), (0, 9)]), 10), [3, 4, 3]);
        assert_eq!(split(&demands(&[(0, 3), (0, 4), (0, 9)]), 2), [1, 1, 0]);
    }

    #[test]
    fn owners_get_even_shares_whatever_they_ask_for() {
        assert_eq!(split(&demands(&[(1, 100), (1, 100), (1, 100), (2, 100)]), 24), [11, 1, 1, 11]);
        assert_eq!(split(&demands(&[(1, 1000), (2, 5)]), 64), [59, 5]);
        assert_eq!(split(&demands(&[(1, 9), (2, 50), (3, 50)]), 60), [9, 25, 26]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nobody_gets_more_than_it_wants(
            wanted in proptest::collection::vec((0u64..4, 1usize..40), 0..12),
            rows in 0usize..120,
        ) {
            let demands = demands(&wanted);
            let given = split(&demands, rows);
            let total: usize = demands.iter().map(|demand| demand.rows).sum();
            prop_assert_eq!(given.iter().sum::<usize>(), total.min(rows));
            for (demand, &given) in demands.iter().zip(&given) {
                prop_assert!(given <= demand.rows);
                prop_assert!(given > 0 || rows < demands.len());
            }
            // Nobody has more than another owner who wants more, but for the rows that all keep.
            let of = |owner: u64, counts: &dyn Fn(usize) -> usize| -> usize {
                let own = demands.iter().enumerate().filter(|(_, demand)| demand.owner == owner);
                own.map(|(index, _)| counts(index)).sum()
            };
            for a in 0..4 {
                for b in 0..4 {
                    let beyond_first = |index: usize| given[index].saturating_sub(1);
                    let missing = of(a, &|index| demands[index].rows - given[index]);
                    let ours = of(a, &beyond_first);
                    let theirs = of(b, &beyond_first);
                    prop_assert!(rows < demands.len() || missing == 0 || theirs <= ours + 4);
                }
            }
        }
    }
}
