//! The keys that requests come with: made, listed, revoked, looked up.

mod secret;

use crate::recording::Command;
use crate::store::Shared;
use crate::{LedgerError, TIME_MS_MAX};
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior};

/// The longest name of a key or plan, in characters.
pub const NAME_CHARS_MAX: usize = 64;
/// The longest limits of a key's own, in bytes.
pub const OVERRIDES_BYTES_MAX: usize = 16 << 10;
/// How exactly it is remembered when a key was last used: a minute.
const LAST_USED_STEP_MS: u64 = 60_000;
/// Columns of a [`KeyRecord`], in its order.
const COLUMNS: &str =
    "id, name, plan, overrides, admin, created_ms, expires_ms, revoked_ms, last_used_ms, digest";

/// What a new key is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewKey {
    /// Its name: 1 to 64 characters without control characters, not the id of a key, and not the
    /// name of another one that is not revoked.
    pub name: String,
    /// The plan whose limits hold for it; as the name.
    pub plan: Option<String>,
    /// Limits of its own over those of its plan, as JSON; at most [`OVERRIDES_BYTES_MAX`]. What is
    /// in it is the caller's to check.
    pub overrides: Option<String>,
    /// Whether it may see everybody's accounts.
    pub admin: bool,
    /// When it is made.
    pub created_ms: u64,
    /// From when on it is refused.
    pub expires_ms: Option<u64>,
}

/// A key, without its secret. Times in milliseconds since 1970-01-01 UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// The part of the key that may be shown.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its plan.
    pub plan: Option<String>,
    /// Limits of its own over those of its plan, as JSON.
    pub overrides: Option<String>,
    /// Whether it may see everybody's accounts.
    pub admin: bool,
    /// When it was made.
    pub created_ms: u64,
    /// From when on it is refused.
    pub expires_ms: Option<u64>,
    /// When it was revoked.
    pub revoked_ms: Option<u64>,
    /// When it was last used, to the minute.
    pub last_used_ms: Option<u64>,
}

/// What a look-up found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A key that holds.
    Valid(KeyRecord),
    /// The right secret of a key that was revoked.
    Revoked(KeyRecord),
    /// The right secret of a key that has expired.
    Expired(KeyRecord),
    /// No key, or a wrong secret: which of them is not told.
    Unknown,
}

/// A key that is revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// The key, with the time when it was revoked.
    pub key: KeyRecord,
    /// Whether it was revoked before this call.
    pub was_before: bool,
}

/// The keys of a ledger. What is changed here holds at the next look-up, in every process that has
/// the file open: nothing is cached.
pub struct Keys<'a> {
    shared: &'a Shared,
}

impl<'a> Keys<'a> {
    pub(crate) fn new(shared: &'a Shared) -> Self {
        Keys { shared }
    }

    /// Makes a key. The second value is the whole key, `jt-<id>-<secret>`, which is shown this once
    /// and cannot be had again. Waits for the file, at most five seconds.
    ///
    /// # Errors
    /// [`LedgerError::KeyField`], [`LedgerError::NameTaken`], or what the file says.
    pub fn create(&self, new: &NewKey) -> Result<(KeyRecord, String), LedgerError> {
        check(new)?;
        let no_random = |error: getrandom::Error| LedgerError::Storage {
            path: "the system's random numbers".into(),
            reason: error.to_string(),
        };
        let (id, secret) = secret::fresh().map_err(no_random)?;
        let digest = secret::digest(&self.shared.pepper, &id, &secret);
        let taken = self.shared.pool.with(|connection| insert(connection, new, &id, &digest))?;
        if let Some(id) = taken {
            return Err(LedgerError::NameTaken { name: new.name.clone(), id });
        }
        let record = KeyRecord {
            id: id.clone(),
            name: new.name.clone(),
            plan: new.plan.clone(),
            overrides: new.overrides.clone(),
            admin: new.admin,
            created_ms: new.created_ms,
            expires_ms: new.expires_ms,
            revoked_ms: None,
            last_used_ms: None,
        };
        Ok((record, secret::shown(&id, &secret)))
    }

    /// Looks a whole key up, as it stands in a request. Takes some microseconds and waits for no
    /// writer, so it may be called where nothing may wait.
    ///
    /// # Errors
    /// What the file says.
    pub fn find(&self, key: &str, now_ms: u64) -> Result<Found, LedgerError> {
        let Some((id, secret)) = secret::parts(key) else { return Ok(Found::Unknown) };
        let stored = self.shared.with_keys(|connection| {
            let sql = format!("SELECT {COLUMNS} FROM keys WHERE id = ?1");
            let mut statement = connection.prepare_cached(&sql)?;
            statement.query_row([id], |row| Ok((record(row)?, row.get("digest")?))).optional()
        })?;
        // Without such an id the same work is done against a digest that nothing has.
        let (record, digest) = match stored {
            Some((record, digest)) => (Some(record), digest),
            None => (None, [0; 32]),
        };
        let is_right = secret::is_same(&digest, &secret::digest(&self.shared.pepper, id, secret));
        let Some(record) = record.filter(|_| is_right) else { return Ok(Found::Unknown) };
        if record.revoked_ms.is_some() {
            return Ok(Found::Revoked(record));
        }
        if record.expires_ms.is_some_and(|expires_ms| expires_ms <= now_ms) {
            return Ok(Found::Expired(record));
        }
        self.used(&record, now_ms)?;
        Ok(Found::Valid(record))
    }

    /// Every key, the newest first.
    ///
    /// # Errors
    /// What the file says.
    pub fn list(&self) -> Result<Vec<KeyRecord>, LedgerError> {
        self.shared.pool.with(|connection| {
            let sql = format!("SELECT {COLUMNS} FROM keys ORDER BY created_ms DESC, id");
            let mut statement = connection.prepare_cached(&sql)?;
            statement.query_map([], record)?.collect()
        })
    }

    /// Revokes the key with this id, or else the one with this name that is not revoked. It is
    /// refused from its next look-up on. Where all with this name are revoked it finds the one that
    /// was last; revoking again changes nothing.
    ///
    /// # Errors
    /// [`LedgerError::NoSuchKey`], or what the file says.
    pub fn revoke(&self, id_or_name: &str, now_ms: u64) -> Result<Revoked, LedgerError> {
        let revoked = self.shared.pool.with(|connection| revoke(connection, id_or_name, now_ms))?;
        revoked.ok_or_else(|| LedgerError::NoSuchKey { name: shortened(id_or_name) })
    }

    /// Remembers that a key was used, unless that was remembered within the last minute.
    fn used(&self, record: &KeyRecord, now_ms: u64) -> Result<(), LedgerError> {
        let time_ms = now_ms - now_ms % LAST_USED_STEP_MS;
        if !self.shared.is_first_use(&record.id, time_ms) {
            return Ok(());
        }
        self.shared.recorder.send(Command::KeyUsed { id: record.id.clone(), time_ms })
    }
}

/// Stores the key, or tells which key has its name.
fn insert(
    connection: &mut Connection,
    new: &NewKey,
    id: &str,
    digest: &secret::Digest,
) -> rusqlite::Result<Option<String>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let taken = transaction
        .query_row(
            "SELECT id FROM keys WHERE id = ?1 OR (name = ?1 AND revoked_ms IS NULL)",
            [&new.name],
            |row| row.get(0),
        )
        .optional()?;
    if taken.is_none() {
        let time = |time_ms: u64| i64::try_from(time_ms).unwrap_or(i64::MAX);
        transaction.execute(
            "INSERT INTO keys (id, name, digest, plan, overrides, admin, created_ms, expires_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            (
                id,
                &new.name,
                digest,
                &new.plan,
                &new.overrides,
                new.admin,
                time(new.created_ms),
                new.expires_ms.map(time),
            ),
        )?;
        transaction.commit()?;
    }
    Ok(taken)
}

fn revoke(
    connection: &mut Connection,
    id_or_name: &str,
    now_ms: u64,
) -> rusqlite::Result<Option<Revoked>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let sql = format!(
        "SELECT {COLUMNS} FROM keys WHERE id = ?1 OR name = ?1 \
         ORDER BY id = ?1 DESC, revoked_ms IS NULL DESC, revoked_ms DESC LIMIT 1"
    );
    let Some(mut key) = transaction.query_row(&sql, [id_or_name], record).optional()? else {
        return Ok(None);
    };
    let was_before = key.revoked_ms.is_some();
    if !was_before {
        let now = i64::try_from(now_ms).unwrap_or(i64::MAX);
        transaction.execute("UPDATE keys SET revoked_ms = ?2 WHERE id = ?1", (&key.id, now))?;
        key.revoked_ms = Some(now_ms);
    }
    transaction.commit()?;
    Ok(Some(Revoked { key, was_before }))
}

fn record(row: &Row<'_>) -> rusqlite::Result<KeyRecord> {
    let time = |name: &str| -> rusqlite::Result<Option<u64>> {
        Ok(row.get::<_, Option<i64>>(name)?.map(|time_ms| u64::try_from(time_ms).unwrap_or(0)))
    };
    Ok(KeyRecord {
        id: row.get("id")?,
        name: row.get("name")?,
        plan: row.get("plan")?,
        overrides: row.get("overrides")?,
        admin: row.get("admin")?,
        created_ms: time("created_ms")?.unwrap_or(0),
        expires_ms: time("expires_ms")?,
        revoked_ms: time("revoked_ms")?,
        last_used_ms: time("last_used_ms")?,
    })
}

fn check(new: &NewKey) -> Result<(), LedgerError> {
    let names = [("name", Some(&new.name)), ("plan", new.plan.as_ref())];
    for (field, value) in names {
        let Some(value) = value else { continue };
        let chars = value.chars().count();
        let is_fine = (1..=NAME_CHARS_MAX).contains(&chars)
            && !value.chars().any(char::is_control)
            && value.trim() == value;
        if !is_fine {
            let allowed = format!(
                "1 to {NAME_CHARS_MAX} characters, no control characters, no blanks around"
            );
            return Err(LedgerError::KeyField { field, value: shortened(value), allowed });
        }
    }
    if let Some(overrides) = new.overrides.as_ref().filter(|json| json.len() > OVERRIDES_BYTES_MAX)
    {
        let allowed = format!("at most {OVERRIDES_BYTES_MAX} bytes");
        return Err(LedgerError::KeyField {
            field: "overrides",
            value: shortened(overrides),
            allowed,
        });
    }
    let times = [("created_ms", new.created_ms), ("expires_ms", new.expires_ms.unwrap_or(0))];
    for (field, time_ms) in times {
        if time_ms > TIME_MS_MAX {
            let allowed = format!("0 to {TIME_MS_MAX}");
            return Err(LedgerError::KeyField { field, value: time_ms.to_string(), allowed });
        }
    }
    Ok(())
}

/// What a message repeats of a text that came from outside.
fn shortened(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(NAME_CHARS_MAX).collect()
}
