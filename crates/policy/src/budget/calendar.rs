//! Days and months of the proleptic Gregorian calendar at a fixed offset from UTC.
//!
//! Conversion after H. Hinnant, "chrono-compatible low-level date algorithms".

use crate::config::UtcOffset;
use std::fmt;

const DAY_MS: i64 = 86_400_000;
/// The end of the year 9999; later times count as this one.
const LAST_MS: u64 = 253_402_300_799_999;

/// A calendar window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    Day,
    Month,
}

impl Span {
    /// The number of the day or month that holds a time.
    pub fn index(self, now_ms: u64, offset: UtcOffset) -> i64 {
        let day = local_ms(now_ms, offset).div_euclid(DAY_MS);
        match self {
            Span::Day => day,
            Span::Month => {
                let (year, month, _) = date(day);
                year * 12 + month - 1
            }
        }
    }

    /// When the day or month of that number begins.
    pub fn start_ms(self, index: i64, offset: UtcOffset) -> u64 {
        let day = match self {
            Span::Day => index,
            Span::Month => day_number(index.div_euclid(12), index.rem_euclid(12) + 1),
        };
        let local = day * DAY_MS - i64::from(offset.0) * 60_000;
        u64::try_from(local).unwrap_or(0)
    }
}

fn local_ms(now_ms: u64, offset: UtcOffset) -> i64 {
    now_ms.min(LAST_MS) as i64 + i64::from(offset.0) * 60_000
}

/// Year, month and day of month of a day counted from 1970-01-01.
fn date(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day_of_month = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day_of_month)
}

/// Days from 1970-01-01 to the first of a month.
fn day_number(year: i64, month: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let shifted_month = (month + 9) % 12;
    let of_year = (153 * shifted_month + 2) / 5;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// A time as people and programs read it: `2026-11-22T00:00:00+01:00`.
pub(super) struct Timestamp(pub u64, pub UtcOffset);

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = local_ms(self.0, self.1);
        let (year, month, day) = date(local.div_euclid(DAY_MS));
        let second = local.rem_euclid(DAY_MS) / 1000;
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        f.write_str(&String::from(self.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Counted day by day.
    fn counted(day: i64) -> (i64, i64, i64) {
        let (mut year, mut month, mut left) = (1970, 1, day);
        loop {
            let leap = i64::from(year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
            let length =
                [31, 28 + leap, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month as usize - 1];
            if left < length {
                return (year, month, left + 1);
            }
            left -= length;
            month += 1;
            if month == 13 {
                (year, month) = (year + 1, 1);
            }
        }
    }

    #[test]
    fn known_dates() {
        let at = |ms, offset| Timestamp(ms, UtcOffset(offset)).to_string();
        assert_eq!(at(0, 0), "1970-01-01T00:00:00+00:00");
        assert_eq!(at(951_782_400_000, 0), "2000-02-29T00:00:00+00:00");
        assert_eq!(at(1_795_219_199_000, 90), "2026-11-21T01:29:59+01:30");
        assert_eq!(at(u64::MAX, -720), "9999-12-31T11:59:59-12:00");
        assert_eq!(at(0, -60), "1969-12-31T23:00:00-01:00");
    }

    proptest! {
        #[test]
        fn dates_are_those_counted_day_by_day(day in 0i64..60_000) {
            prop_assert_eq!(date(day), counted(day));
        }

        #[test]
        fn a_time_lies_in_its_span(now_ms in 100_000_000_000u64..LAST_MS, offset in -720i32..=840) {
            let offset = UtcOffset(offset);
            for span in [Span::Day, Span::Month] {
                let index = span.index(now_ms, offset);
                let (start, end) = (span.start_ms(index, offset), span.start_ms(index + 1, offset));
                prop_assert!(start <= now_ms && now_ms < end);
                prop_assert_eq!(span.index(start, offset), index);
                prop_assert_eq!(span.index(start - 1, offset), index - 1);
            }
        }
    }
}
