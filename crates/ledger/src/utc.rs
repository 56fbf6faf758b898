//! Days and times in UTC, of milliseconds since 1970.

/// Milliseconds of a day in UTC, which knows no summer time; leap seconds are not counted.
pub(crate) const DAY_MS: u64 = 24 * HOUR_MS;
/// Milliseconds of an hour.
pub(crate) const HOUR_MS: u64 = 3_600_000;

/// The day as `2026-11-21`.
pub fn utc_day(time_ms: u64) -> String {
    let (year, month, day) = date(time_ms / DAY_MS);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The second as `2026-11-21T08:14:34Z` (RFC 3339).
pub fn utc_time(time_ms: u64) -> String {
    let second = time_ms % DAY_MS / 1000;
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("{}T{hour:02}:{minute:02}:{:02}Z", utc_day(time_ms), second % 60)
}

/// Year, month and day of the `days`-th day after 1970-01-01, in the Gregorian calendar.
///
/// Years are counted from March here, so that the leap day is a year's last; 400 years have 146,097
/// days, and five months from March on have 153.
fn date(days: u64) -> (u64, u64, u64) {
    // Days from 0000-03-01 to 1970-01-01.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let leap_corrected =
        day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096;
    let year_of_era = leap_corrected / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        // Seconds from GNU date: `date -u -d 2024-02-29T23:59:59 +%s` and so on.
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_709_251_200, "2024-03-01T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(utc_time(seconds * 1000 + 999), expected);
        }
        assert_eq!(utc_day(1_795_248_874_000), "2026-11-21");
    }
}
