//! The time a template may print. It is an argument: this crate has no clock.

use std::fmt::Write;

/// A local date and time, to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LocalTime {
    year: i32,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

impl LocalTime {
    /// A time from its parts; `None` unless they name a real one (year 1 to 9999, no leap second).
    pub fn new(
        (year, month, day): (i32, u32, u32),
        (hour, minute, second): (u32, u32, u32),
    ) -> Option<Self> {
        let real = (1..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        real.then_some(Self { year, month, day, hour, minute, second })
    }

    /// Reads `2026-03-04T05:06:07`; a blank may stand for the `T`, the time or its seconds may be
    /// missing, and fractions of a second are dropped.
    pub fn parse_iso(text: &str) -> Option<Self> {
        let (date, time) = text.split_once(['T', ' ']).unwrap_or((text, "00:00:00"));
        let mut date = date.splitn(3, '-').map(number);
        let date = (date.next()??, date.next()??, date.next()??);
        let mut time = time.split(['.', '+', 'Z']).next()?.splitn(3, ':').map(number);
        let (hour, minute) = (time.next()??, time.next()??);
        let second = time.next().unwrap_or(Some(0))?;
        Self::new((i32::try_from(date.0).ok()?, date.1, date.2), (hour, minute, second))
    }

    /// Writes the time in a format of C's `strftime`, with English names, as Python does in the
    /// `C` locale. `None` for a directive that does not exist.
    pub fn format(&self, format: &str) -> Option<String> {
        let mut out = String::with_capacity(format.len() + 16);
        let mut rest = format.chars();
        while let Some(character) = rest.next() {
            if character != '%' {
                out.push(character);
                continue;
            }
            let mut directive = rest.next()?;
            let unpadded = directive == '-';
            if unpadded {
                directive = rest.next()?;
            }
            self.write(directive, unpadded, &mut out)?;
        }
        Some(out)
    }

    fn write(&self, directive: char, unpadded: bool, out: &mut String) -> Option<()> {
        let (day_of_week, day_of_year) = (self.weekday() as usize, self.day_of_year());
        let hour12 = (self.hour + 11) % 12 + 1;
        let padded = |value: u32, width: usize, out: &mut String| {
            let width = if unpadded { 1 } else { width };
            write!(out, "{value:0width$}")
        };
        let nested = |format: &str, out: &mut String| {
            out.push_str(&self.format(format).expect("our own formats are valid"));
            Ok(())
        };
        let written = match directive {
            'Y' => write!(out, "{}", self.year),
            'C' => padded(self.year as u32 / 100, 2, out),
            'y' => padded(self.year as u32 % 100, 2, out),
            'm' => padded(self.month, 2, out),
            'd' => padded(self.day, 2, out),
            'e' if unpadded => padded(self.day, 1, out),
            'e' => write!(out, "{:2}", self.day),
            'H' => padded(self.hour, 2, out),
            'I' => padded(hour12, 2, out),
            'M' => padded(self.minute, 2, out),
            'S' => padded(self.second, 2, out),
            'f' => write!(out, "000000"),
            'j' => padded(day_of_year, 3, out),
            'p' => write!(out, "{}", if self.hour < 12 { "AM" } else { "PM" }),
            'B' => write!(out, "{}", MONTHS[self.month as usize - 1]),
            'b' | 'h' => write!(out, "{}", &MONTHS[self.month as usize - 1][..3]),
            'A' => write!(out, "{}", WEEKDAYS[day_of_week]),
            'a' => write!(out, "{}", &WEEKDAYS[day_of_week][..3]),
            'u' => write!(out, "{}", day_of_week + 1),
            'w' => write!(out, "{}", (day_of_week + 1) % 7),
            'U' => padded((day_of_year + 6 - (day_of_week as u32 + 1) % 7) / 7, 2, out),
            'W' => padded((day_of_year + 6 - day_of_week as u32) / 7, 2, out),
            'Z' | 'z' => Ok(()),
            'F' => nested("%Y-%m-%d", out),
            'T' | 'X' => nested("%H:%M:%S", out),
            'R' => nested("%H:%M", out),
            'r' => nested("%I:%M:%S %p", out),
            'D' | 'x' => nested("%m/%d/%y", out),
            'c' => nested("%a %b %e %H:%M:%S %Y", out),
            'n' => writeln!(out),
            't' => write!(out, "\t"),
            '%' => write!(out, "%"),
            _ => return None,
        };
        written.ok()
    }

    /// Day of the year, from 1.
    fn day_of_year(&self) -> u32 {
        (1..self.month).map(|month| days_in_month(self.year, month)).sum::<u32>() + self.day
    }

    /// Day of the week, 0 for Monday (proleptic Gregorian; 1 January of the year 1 was a Monday).
    fn weekday(&self) -> u32 {
        let years = (self.year - 1) as u32;
        let days = years * 365 + years / 4 - years / 100 + years / 400 + self.day_of_year() - 1;
        days % 7
    }
}

fn number(digits: &str) -> Option<u32> {
    let plain =
        !digits.is_empty() && digits.len() <= 4 && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

fn days_in_month(year: i32, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written() {
        let time = LocalTime::parse_iso("2026-03-04T05:06:07").unwrap();
        let write = |format: &str| time.format(format).unwrap();
        assert_eq!(write("%d %b %Y"), "04 Mar 2026");
        assert_eq!(write("%A, %B %-d %y, %I:%M %p %j"), "Wednesday, March 4 26, 05:06 AM 063");
        assert_eq!(write("%Y-%m-%d %H:%M:%S %% %U %W %u %w"), "2026-03-04 05:06:07 % 09 09 3 3");
        assert_eq!(
            write("%c|%x|%X|%F|%e"),
            "Wed Mar  4 05:06:07 2026|03/04/26|05:06:07|2026-03-04| 4"
        );
        assert_eq!(time.format("%Q"), None);
        assert_eq!(time.format("%"), None);
    }

    #[test]
    fn only_real_times_are_read() {
        assert!(LocalTime::parse_iso("2024-02-29").is_some());
        assert!(LocalTime::parse_iso("2026-03-04 05:06:07.25Z").is_some());
        for text in ["2023-02-29", "2026-13-01", "2026-3", "", "2026-01-01T24:00:00", "0-1-1"] {
            assert_eq!(LocalTime::parse_iso(text), None, "{text}");
        }
    }
}
