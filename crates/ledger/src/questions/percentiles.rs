//! Percentiles of times per group, exact, in constant memory: the database sorts, and only the two
//! values at their ranks are kept.

use super::usage::{Group, Reading};
use rusqlite::params_from_iter;
use std::collections::HashMap;

/// The middle and the slow end of times, in milliseconds, of the answered requests that have them.
/// Nearest rank: the smallest value that at least so many percent do not exceed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Percentiles {
    /// Half of them took at most this.
    pub p50: Option<f64>,
    /// 95 of 100 took at most this.
    pub p95: Option<f64>,
}

/// The rank of a percentile among `count` values, from 1 on.
fn rank(percent: u64, count: u64) -> u64 {
    (percent * count).div_ceil(100)
}

/// Percentiles of `column` for the groups at `places`, each with how many values it has in
/// `counts`; in the order of their places.
pub fn of_groups(
    reading: &Reading<'_>,
    column: &str,
    places: &HashMap<Vec<Group>, usize>,
    counts: &[u64],
) -> rusqlite::Result<Vec<Percentiles>> {
    let groups = reading.by.len();
    let sql = format!(
        "SELECT {column}{} FROM entries WHERE {} AND status = 'done' AND {column} IS NOT NULL \
         ORDER BY {}1",
        reading.groups,
        reading.condition,
        (0..groups).map(|index| format!("{}, ", index + 2)).collect::<String>()
    );
    let mut found = vec![Percentiles::default(); counts.len()];
    let mut statement = reading.connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(reading.values))?;
    let mut current: Option<Vec<Group>> = None;
    let (mut place, mut seen) = (None, 0);
    while let Some(row) = rows.next()? {
        if !current.as_ref().is_some_and(|group| Group::are(group, row, 1)) {
            let group = Group::read(row, 1, groups)?;
            place = places.get(&group);
            seen = 0;
            current = Some(group);
        }
        seen += 1;
        let Some(&place) = place else { continue };
        if seen == rank(50, counts[place]) {
            found[place].p50 = Some(row.get(0)?);
        }
        if seen == rank(95, counts[place]) {
            found[place].p95 = Some(row.get(0)?);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::rank;

    #[test]
    fn ranks_are_the_nearest() {
        assert_eq!([1, 2, 3, 4].map(|count| rank(50, count)), [1, 1, 2, 2]);
        assert_eq!([1, 19, 20, 21, 100].map(|count| rank(95, count)), [1, 19, 19, 20, 95]);
    }
}
