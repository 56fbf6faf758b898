//! The ledger that the commands `key` and `usage` speak of, and how its words are shown.

use crate::failure::Failure;
use clap::{Arg, ArgMatches};
use ledger::{Durability, Ledger, Location, Options};
use std::time::{SystemTime, UNIX_EPOCH};

const SECOND_MS: u64 = 1000;
/// A hundred years: longer spans are a slip of the finger.
const SPAN_MS_MAX: u64 = 36_525 * 24 * 3600 * SECOND_MS;

/// `--ledger`.
pub fn flag() -> Arg {
    Arg::new("ledger").long("ledger").value_name("FILE").help(
        "The ledger, as `serve` writes it; without it jeton/ledger.db in the user's data folder \
         ($XDG_DATA_HOME, else ~/.local/share)",
    )
}

/// Opens the ledger, and makes it when it is not there.
///
/// # Errors
/// When it cannot be opened.
pub fn open_or_make(flags: &ArgMatches) -> Result<Ledger, Failure> {
    // What is changed by hand is rare and has to last: it waits for the disk.
    let options = Options { durability: Durability::Power, ..Options::default() };
    Ok(Ledger::open_with(&location(flags)?, &options)?)
}

/// Opens the ledger, which has to be there.
///
/// # Errors
/// When it is not there or cannot be opened.
pub fn open(flags: &ArgMatches) -> Result<Ledger, Failure> {
    let location = location(flags)?;
    if !location.path().exists() {
        let message = format!("ledger {}: there is none", location.path().display());
        let hint = "name the file that the server writes with --ledger FILE";
        return Err(Failure::new(message).with_hint(hint));
    }
    open_or_make(flags)
}

fn location(flags: &ArgMatches) -> Result<Location, Failure> {
    match flags.get_one::<String>("ledger") {
        Some(text) => Ok(Location::parse(text)?),
        None => Ok(Location::Sqlite(ledger::default_path()?)),
    }
}

/// Milliseconds since 1970-01-01 UTC.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(ledger::TIME_MS_MAX)
}

/// Reads a span of time such as `30d` as milliseconds: clap's parser of such flags.
///
/// # Errors
/// A sentence saying what is allowed.
pub fn span(text: &str) -> Result<u64, String> {
    let refuse = || "must be a number with s, m, h, d or w, such as 30d, up to 36525d".to_owned();
    let unit_ms = match text.chars().last() {
        Some('s') => SECOND_MS,
        Some('m') => 60 * SECOND_MS,
        Some('h') => 3600 * SECOND_MS,
        Some('d') => 24 * 3600 * SECOND_MS,
        Some('w') => 7 * 24 * 3600 * SECOND_MS,
        _ => return Err(refuse()),
    };
    let digits = &text[..text.len() - 1];
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let count: Option<u64> = digits.parse().ok().filter(|_| is_number);
    let span_ms = count.and_then(|count| count.checked_mul(unit_ms));
    span_ms.filter(|span_ms| *span_ms <= SPAN_MS_MAX).ok_or_else(refuse)
}

/// A label that a client or an admin chose, on one line and without what would steer a terminal.
pub fn shown(label: Option<&str>) -> String {
    const CHARS_MAX: usize = 40;
    let Some(label) = label else { return "-".to_owned() };
    let mut out = String::new();
    for (index, letter) in label.chars().enumerate() {
        if index == CHARS_MAX {
            out.push('…');
            break;
        }
        if letter.is_control() || is_direction(letter) {
            out.extend(letter.escape_unicode());
        } else {
            out.push(letter);
        }
    }
    out
}

/// Characters that turn the direction of what follows (UAX 9), and those that separate lines.
fn is_direction(letter: char) -> bool {
    matches!(letter, '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Money of 1e-9 of its currency as a decimal: `0.00125 EUR`.
pub fn money(nano: i64, currency: &str) -> String {
    const UNIT: u64 = 1_000_000_000;
    let (units, rest) = (nano.unsigned_abs() / UNIT, nano.unsigned_abs() % UNIT);
    let fraction = format!("{rest:09}");
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    let sign = if nano < 0 { "-" } else { "" };
    let blank = if currency.is_empty() { "" } else { " " };
    format!("{sign}{units}{point}{fraction}{blank}{}", shown(Some(currency)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_numbers_with_a_unit() {
        let day_ms = 86_400_000;
        assert_eq!(span("30d"), Ok(30 * day_ms));
        assert_eq!(span("2w"), Ok(14 * day_ms));
        assert_eq!(["90s", "5m", "0h"].map(span), [Ok(90_000), Ok(300_000), Ok(0)]);
        for wrong in ["", "d", "30", "-1d", "+1d", "1.5d", "1 d", "36526d", "99999999999999999999d"]
        {
            assert!(span(wrong).is_err_and(|said| said.contains("30d")), "{wrong}");
        }
        assert!(span("3ü").is_err());
    }

    #[test]
    fn labels_cannot_steer_a_terminal() {
        assert_eq!(shown(Some("a\u{1b}[31m\n\u{202e}b")), "a\\u{1b}[31m\\u{a}\\u{202e}b");
        assert_eq!(shown(Some(&"x".repeat(99))).chars().count(), 41);
        assert_eq!((shown(None), shown(Some("日本"))), ("-".to_owned(), "日本".to_owned()));
    }

    #[test]
    fn money_is_exact() {
        assert_eq!(money(1_250_000, "EUR"), "0.00125 EUR");
        assert_eq!(money(3_000_000_000, "EUR"), "3 EUR");
        assert_eq!(money(1, ""), "0.000000001");
    }
}
