//! The schema and its versions. Changes go forward only: each is added at the end of
//! [`MIGRATIONS`] and never changed after a release.

use crate::LedgerError;
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;

/// Marks a file as a ledger in SQLite's header: `JETO`.
const APPLICATION_ID: i64 = 0x4A45_544F;

/// What brings a file from each version to the next; `PRAGMA user_version` counts them.
const MIGRATIONS: &[&str] = &[V1, V2, V3];

/// Lines are stored in the order they came, which is nearly that of time. `entries_of_key` holds
/// all that a budget sums up, so that it never reads the lines themselves.
const V1: &str = "
CREATE TABLE entries (
    number INTEGER PRIMARY KEY,
    request_id TEXT NOT NULL UNIQUE,
    time_ms INTEGER NOT NULL,
    model TEXT NOT NULL,
    route TEXT NOT NULL,
    key_id TEXT,
    key_name TEXT,
    plan TEXT,
    tag TEXT,
    scenario TEXT,
    class TEXT,
    stream INTEGER NOT NULL,
    status TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL,
    thinking_tokens INTEGER NOT NULL,
    answer_tokens INTEGER NOT NULL,
    choices INTEGER NOT NULL,
    asked_max_tokens INTEGER,
    effective_max_tokens INTEGER,
    limit_set_by TEXT,
    rule TEXT,
    preset TEXT,
    queue_ms REAL,
    ttft_ms REAL,
    tpot_ms REAL,
    total_ms REAL,
    cost_nano INTEGER NOT NULL,
    currency TEXT NOT NULL,
    finish_reason TEXT,
    stop_reason TEXT,
    truncation TEXT,
    seed TEXT,
    quoted_tokens_p10 INTEGER,
    quoted_tokens_p50 INTEGER,
    quoted_tokens_p90 INTEGER,
    quoted_ms_p10 REAL,
    quoted_ms_p50 REAL,
    quoted_ms_p90 REAL,
    quoted_cost_nano_p10 INTEGER,
    quoted_cost_nano_p50 INTEGER,
    quoted_cost_nano_p90 INTEGER,
    text TEXT
) STRICT;
CREATE INDEX entries_by_time ON entries (time_ms);
CREATE INDEX entries_of_model ON entries (model, status, time_ms);
CREATE INDEX entries_of_key ON entries (
    key_id, time_ms, currency, cost_nano,
    prompt_tokens, cached_tokens, thinking_tokens, answer_tokens
) WHERE key_id IS NOT NULL;
CREATE TABLE keys (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    digest BLOB NOT NULL,
    plan TEXT,
    admin INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER,
    revoked_ms INTEGER,
    last_used_ms INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX keys_live_name ON keys (name) WHERE revoked_ms IS NULL;
CREATE TABLE pepper (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    bytes BLOB NOT NULL
) STRICT;
INSERT INTO pepper (only, bytes) VALUES (1, randomblob(32));
";

/// Keys with limits of their own, as JSON.
const V2: &str = "ALTER TABLE keys ADD COLUMN overrides TEXT;";

/// What is used up without a key is summed up like a key's.
const V3: &str = "
DROP INDEX entries_of_key;
CREATE INDEX entries_of_key ON entries (
    key_id, time_ms, currency, cost_nano,
    prompt_tokens, cached_tokens, thinking_tokens, answer_tokens
);
";

/// Why a file cannot be used.
pub enum Problem {
    /// It is understood, and wrong.
    Ledger(LedgerError),
    /// The database said so.
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        Problem::Database(error)
    }
}

/// Looks at a file without changing it: empty, or a ledger of a known version.
pub fn recognize(connection: &Connection, path: &Path) -> Result<(), Problem> {
    // One transaction: another process may be making the file right now.
    let transaction = connection.unchecked_transaction()?;
    let number = |pragma: &str| -> rusqlite::Result<i64> {
        transaction.pragma_query_value(None, pragma, |row| row.get(0))
    };
    let tables: i64 =
        transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let (application, version) = (number("application_id")?, number("user_version")?);
    transaction.commit()?;
    if application == 0 && tables == 0 && version == 0 {
        return Ok(());
    }
    if application != APPLICATION_ID {
        let reason = "this is an SQLite file of another program".to_owned();
        return Err(Problem::Ledger(LedgerError::Foreign { path: path.to_path_buf(), reason }));
    }
    known(version, path)
}

/// Brings the file to the newest schema, in one transaction: another process sees the old schema or
/// the new one. Two that open a new file at once migrate it once.
pub fn migrate(connection: &mut Connection, path: &Path) -> Result<(), Problem> {
    let newest = MIGRATIONS.len() as i64;
    let version = |connection: &Connection| -> rusqlite::Result<i64> {
        connection.pragma_query_value(None, "user_version", |row| row.get(0))
    };
    if version(connection)? == newest {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let from = version(&transaction)?;
    known(from, path)?;
    for migration in MIGRATIONS.iter().skip(usize::try_from(from).unwrap_or(0)) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", newest)?;
    Ok(transaction.commit()?)
}

fn known(version: i64, path: &Path) -> Result<(), Problem> {
    let known = MIGRATIONS.len() as i64;
    let path = path.to_path_buf();
    if version > known {
        return Err(Problem::Ledger(LedgerError::Newer { path, found: version, known }));
    }
    if version < 0 {
        let reason = format!("its schema version is {version}");
        return Err(Problem::Ledger(LedgerError::Damaged { path, reason }));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_is_brought_forward_with_what_is_in_it() {
        let path = Path::new("test");
        for version in 1..=MIGRATIONS.len() {
            let mut connection = Connection::open_in_memory().expect("memory");
            for migration in &MIGRATIONS[..version] {
                connection.execute_batch(migration).expect("a migration");
            }
            connection.pragma_update(None, "application_id", APPLICATION_ID).expect("set");
            connection.pragma_update(None, "user_version", version as i64).expect("set");
            let key = "INSERT INTO keys (id, name, digest, admin, created_ms) \
                       VALUES ('i', 'n', x'', 0, 7)";
            connection.execute_batch(key).expect("a key");
            assert!(recognize(&connection, path).is_ok());
            assert!(migrate(&mut connection, path).is_ok());
            let kept: (i64, Option<String>) = connection
                .query_row("SELECT created_ms, overrides FROM keys", [], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .expect("the newest schema");
            assert_eq!(kept, (7, None));
        }
    }
}
