//! Every entry, for other programs: CSV (RFC 4180) and JSON Lines.

use super::Filter;
use crate::sqlite::columns::COLUMNS;
use crate::{Ledger, LedgerError};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, params_from_iter};
use std::io::Write;

/// Entries read at a time: the file is let go of while they are written.
const PAGE_ROWS: usize = 1000;
/// And so many bytes of text at a time, plus one entry.
const PAGE_BYTES: usize = 4 << 20;

/// How entries are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values with a line of names. A text that a spreadsheet would take for a
    /// formula gets a `'` before it.
    Csv,
    /// One JSON object per line, texts as they are.
    JsonLines,
}

/// One entry: its number, and its values in the order of [`COLUMNS`].
type Line = (i64, Vec<Value>);

impl Ledger {
    /// Writes every entry that the filter lets through, in the order they were recorded, and says
    /// how many. Memory stays the same however many there are, and a slow `out` holds up nobody.
    /// Entries recorded after the call are left out.
    ///
    /// # Errors
    /// [`LedgerError::Export`] when `out` fails, or what the file says.
    pub fn export(
        &self,
        filter: &Filter,
        format: Format,
        out: &mut dyn Write,
    ) -> Result<u64, LedgerError> {
        let last: i64 = self.shared.pool.with(|connection| {
            connection.query_row("SELECT ifnull(max(number), 0) FROM entries", [], |row| row.get(0))
        })?;
        let mut lines = Lines::start(format, out)?;
        let (mut after, mut count) = (0, 0);
        loop {
            let page = self.shared.pool.with(|connection| page(connection, filter, after, last))?;
            let Some((number, _)) = page.last() else { break };
            after = *number;
            count += page.len() as u64;
            for (_, values) in &page {
                lines.write(values)?;
            }
        }
        lines.end()?;
        Ok(count)
    }
}

/// The next entries after the one numbered `after`.
fn page(
    connection: &Connection,
    filter: &Filter,
    after: i64,
    last: i64,
) -> rusqlite::Result<Vec<Line>> {
    let (condition, mut values) = filter.condition();
    // Walks the table itself: an index on times would have every page sorted anew.
    let sql = format!(
        "SELECT number, {} FROM entries NOT INDEXED WHERE {condition} \
         AND number > ? AND number <= ? ORDER BY number LIMIT {PAGE_ROWS}",
        COLUMNS.join(", ")
    );
    values.extend([Value::Integer(after), Value::Integer(last)]);
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let (mut page, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let mut line = Vec::with_capacity(COLUMNS.len());
        for column in 1..=COLUMNS.len() {
            let value = row.get_ref(column)?;
            bytes += if let ValueRef::Text(text) = value { text.len() } else { 8 };
            line.push(Value::try_from(value).map_err(|error| {
                rusqlite::Error::FromSqlConversionFailure(column, value.data_type(), error.into())
            })?);
        }
        page.push((row.get(0)?, line));
        if bytes >= PAGE_BYTES {
            break;
        }
    }
    Ok(page)
}

/// Where lines go.
enum Lines<'a> {
    Csv(Box<csv::Writer<&'a mut dyn Write>>),
    JsonLines(&'a mut dyn Write),
}

impl<'a> Lines<'a> {
    fn start(format: Format, out: &'a mut dyn Write) -> Result<Self, LedgerError> {
        match format {
            Format::JsonLines => Ok(Lines::JsonLines(out)),
            Format::Csv => {
                let mut writer = Box::new(csv::Writer::from_writer(out));
                writer.write_record(COLUMNS).map_err(csv_failed)?;
                Ok(Lines::Csv(writer))
            }
        }
    }

    fn write(&mut self, values: &[Value]) -> Result<(), LedgerError> {
        let named = COLUMNS.iter().copied().zip(values);
        match self {
            Lines::Csv(writer) => writer
                .write_record(named.map(|(name, value)| cell(name, value)))
                .map_err(csv_failed),
            Lines::JsonLines(out) => {
                let object: serde_json::Map<String, serde_json::Value> =
                    named.map(|(name, value)| (name.to_owned(), json(name, value))).collect();
                let line = format!("{}\n", serde_json::Value::Object(object));
                out.write_all(line.as_bytes()).map_err(|error| failed(&error))
            }
        }
    }

    fn end(self) -> Result<(), LedgerError> {
        match self {
            Lines::Csv(mut writer) => writer.flush().map_err(|error| failed(&error)),
            Lines::JsonLines(out) => out.flush().map_err(|error| failed(&error)),
        }
    }
}

fn cell(name: &str, value: &Value) -> String {
    match value {
        Value::Null | Value::Blob(_) => String::new(),
        Value::Integer(number) if name == "stream" => (*number != 0).to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => harmless(text),
    }
}

/// A text that no spreadsheet takes for a formula (OWASP, "CSV injection").
fn harmless(text: &str) -> String {
    let begins_formula = |letter: char| {
        matches!(letter, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠')
    };
    let quote = if text.starts_with(begins_formula) { "'" } else { "" };
    format!("{quote}{text}")
}

fn json(name: &str, value: &Value) -> serde_json::Value {
    match value {
        Value::Null | Value::Blob(_) => serde_json::Value::Null,
        Value::Integer(number) if name == "stream" => (*number != 0).into(),
        Value::Integer(number) => (*number).into(),
        Value::Real(number) => (*number).into(),
        Value::Text(text) if name == "seed" => {
            text.parse::<u64>().map_or(serde_json::Value::Null, Into::into)
        }
        Value::Text(text) => text.as_str().into(),
    }
}

fn csv_failed(error: csv::Error) -> LedgerError {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => failed(&error),
        other => LedgerError::Export { reason: format!("{other:?}"), reader_is_gone: false },
    }
}

fn failed(error: &std::io::Error) -> LedgerError {
    let reader_is_gone = error.kind() == std::io::ErrorKind::BrokenPipe;
    LedgerError::Export { reason: error.to_string(), reader_is_gone }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_defused_and_words_are_not_touched() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1"] {
            assert_eq!(harmless(text), format!("'{text}"));
        }
        for text in ["", "chat", "a=b", "'x", "日本"] {
            assert_eq!(harmless(text), text);
        }
        assert_eq!(cell("total_ms", &Value::Real(-1.5)), "-1.5", "numbers are no texts");
    }
}
