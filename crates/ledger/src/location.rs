//! Where a ledger is.

use crate::LedgerError;
use std::path::{Path, PathBuf};

/// Where a ledger is: a file for now, written `sqlite:PATH` or `PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// An SQLite file.
    Sqlite(PathBuf),
}

impl Location {
    /// Reads a location as it stands in a configuration or on the command line.
    ///
    /// # Errors
    /// [`LedgerError::Location`] for other databases, by name, and for an empty path.
    pub fn parse(text: &str) -> Result<Location, LedgerError> {
        let refuse = |location: &str, reason: String| {
            Err(LedgerError::Location { location: location.to_owned(), reason })
        };
        // A URL may hold a password: only its scheme is repeated.
        if let Some((scheme, _)) = text.split_once("://") {
            return match scheme {
                "postgres" | "postgresql" => {
                    refuse("postgres://…", "PostgreSQL is not spoken yet".to_owned())
                }
                _ => refuse("…://…", "no database of this name is known".to_owned()),
            };
        }
        let path = text.strip_prefix("sqlite:").unwrap_or(text);
        if path.is_empty() {
            return refuse(text, "the path is empty".to_owned());
        }
        Ok(Location::Sqlite(PathBuf::from(path)))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        match self {
            Location::Sqlite(path) => path,
        }
    }
}

/// Where the ledger is unless somebody says otherwise: `jeton/ledger.db` in the user's data folder,
/// which is `$XDG_DATA_HOME`, else `~/.local/share`, on Windows `%LOCALAPPDATA%`
/// (<https://specifications.freedesktop.org/basedir-spec>).
///
/// # Errors
/// [`LedgerError::Location`] when the environment names no such folder.
pub fn default_path() -> Result<PathBuf, LedgerError> {
    path_from(|name| std::env::var_os(name).map(PathBuf::from))
}

fn path_from(variable: impl Fn(&str) -> Option<PathBuf>) -> Result<PathBuf, LedgerError> {
    // The specification has relative paths ignored.
    let absolute = |name: &str| variable(name).filter(|path| path.is_absolute());
    let folder = absolute("XDG_DATA_HOME")
        .or_else(|| absolute("LOCALAPPDATA").filter(|_| cfg!(windows)))
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")));
    match folder {
        Some(folder) => Ok(folder.join("jeton").join("ledger.db")),
        None => Err(LedgerError::Location {
            location: String::new(),
            reason: "neither XDG_DATA_HOME nor HOME names a folder; name a file".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_and_other_databases_refused_by_name() {
        let file = |path: &str| Ok(Location::Sqlite(PathBuf::from(path)));
        assert_eq!(Location::parse("a/b.db"), file("a/b.db"));
        assert_eq!(Location::parse("sqlite:/a b.db"), file("/a b.db"));
        let error = Location::parse("postgres://me:hunter2@host/db").expect_err("not yet");
        let message = error.to_string();
        assert!(message.contains("PostgreSQL is not spoken yet"), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
        assert!(Location::parse("mysql://x").is_err());
        assert!(Location::parse("sqlite:").is_err() && Location::parse("").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn the_data_folder_is_the_one_of_the_specification() {
        let with = |pairs: &'static [(&str, &str)]| {
            path_from(move |name| {
                pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| PathBuf::from(value))
            })
        };
        let path = |text: &str| Ok(PathBuf::from(text));
        let both = with(&[("HOME", "/h"), ("XDG_DATA_HOME", "/d")]);
        assert_eq!(both, path("/d/jeton/ledger.db"));
        let relative = with(&[("HOME", "/h"), ("XDG_DATA_HOME", "d")]);
        assert_eq!(relative, path("/h/.local/share/jeton/ledger.db"));
        assert!(with(&[]).is_err());
    }
}
