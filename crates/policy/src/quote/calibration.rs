//! Whether past quotes held: the share of outcomes inside of their interval, which should be eight
//! of ten.

use super::Interval;

/// Share of outcomes that an interval from p10 to p90 is meant to hold.
pub const MEANT: f64 = 0.8;
/// Outcomes below which nothing is said.
pub const COUNT_MIN: usize = 20;

/// An interval that was quoted and what came out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Held {
    /// As quoted.
    pub quoted: Interval<f64>,
    /// As it was. An answer that its client ended early has no outcome: leave it out.
    pub outcome: f64,
}

/// What the outcomes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Fewer than [`COUNT_MIN`] outcomes.
    TooFew,
    /// Fewer inside than meant, beyond chance: quotes promise too much.
    TooNarrow,
    /// As meant.
    Holds,
    /// More inside than meant, beyond chance: honest, but less would do. Usual where many answers
    /// end at their limit, and where quotes rest on few rows.
    Wide,
}

impl Verdict {
    /// `too_few`, `too_narrow`, `holds` or `wide`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooFew => "too_few",
            Self::TooNarrow => "too_narrow",
            Self::Holds => "holds",
            Self::Wide => "wide",
        }
    }
}

/// How a kind of quote (tokens, time or cost) did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calibration {
    /// Outcomes looked at.
    pub count: usize,
    /// Share from p10 to p90, both included; 0 without outcomes.
    pub within_share: f64,
    /// Share below p10.
    pub below_share: f64,
    /// Share above p90.
    pub above_share: f64,
    /// 95 % interval of the true share within (Wilson 1927).
    pub within_low: f64,
    /// Its upper end.
    pub within_high: f64,
    /// What follows.
    pub verdict: Verdict,
}

/// Holds quotes against outcomes. Numbers that are not finite are left out.
pub fn calibration(held: &[Held]) -> Calibration {
    let is_finite = |one: &&Held| {
        [one.quoted.p10, one.quoted.p90, one.outcome].iter().all(|value| value.is_finite())
    };
    let (mut count, mut below, mut above) = (0usize, 0usize, 0usize);
    for one in held.iter().filter(is_finite) {
        count += 1;
        below += usize::from(one.outcome < one.quoted.p10);
        above += usize::from(one.outcome > one.quoted.p90);
    }
    let share = |part: usize| if count == 0 { 0.0 } else { part as f64 / count as f64 };
    let within_share = share(count - below - above);
    let (within_low, within_high) = wilson(within_share, count);
    let verdict = match () {
        () if count < COUNT_MIN => Verdict::TooFew,
        () if within_high < MEANT => Verdict::TooNarrow,
        () if within_low > MEANT => Verdict::Wide,
        () => Verdict::Holds,
    };
    Calibration {
        count,
        within_share,
        below_share: share(below),
        above_share: share(above),
        within_low,
        within_high,
        verdict,
    }
}

fn wilson(share: f64, count: usize) -> (f64, f64) {
    const Z: f64 = 1.959_963_984_540_054;
    if count == 0 {
        return (0.0, 1.0);
    }
    let n = count as f64;
    let scale = 1.0 / (1.0 + Z * Z / n);
    let middle = scale * (share + Z * Z / (2.0 * n));
    let half = scale * Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(within: usize, below: usize, above: usize) -> Vec<Held> {
        let quoted = Interval { p10: 10.0, p50: 20.0, p90: 30.0 };
        let mut held = vec![Held { quoted, outcome: 10.0 }; within];
        held.extend(vec![Held { quoted, outcome: 9.0 }; below]);
        held.extend(vec![Held { quoted, outcome: 31.0 }; above]);
        held
    }

    #[test]
    fn verdicts_follow_the_counts() {
        assert_eq!(calibration(&[]).verdict, Verdict::TooFew);
        assert_eq!(calibration(&outcomes(19, 0, 0)).verdict, Verdict::TooFew);
        assert_eq!(calibration(&outcomes(80, 10, 10)).verdict, Verdict::Holds);
        assert_eq!(calibration(&outcomes(60, 5, 35)).verdict, Verdict::TooNarrow);
        assert_eq!(calibration(&outcomes(99, 1, 0)).verdict, Verdict::Wide);
        let seen = calibration(&outcomes(60, 5, 35));
        assert_eq!((seen.count, seen.within_share, seen.above_share), (100, 0.6, 0.35));
    }

    /// Wilson's interval for 8 of 10 as published calculators give it.
    #[test]
    fn the_interval_is_wilsons() {
        let (low, high) = wilson(0.8, 10);
        assert!((low - 0.4902).abs() < 1e-4 && (high - 0.9433).abs() < 1e-4, "{low} {high}");
    }

    #[test]
    fn what_is_not_a_number_is_left_out() {
        let quoted = Interval { p10: 1.0, p50: 1.0, p90: f64::NAN };
        assert_eq!(calibration(&[Held { quoted, outcome: 1.0 }]).count, 0);
    }
}
