//! Which database: a file, or a URL.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use super::postgres::{Postgres, Url, UrlError};
use super::sqlite::{self, Sqlite};
use super::{Engine, Migration, OpenError};

/// Bytes of a file that holds an address. A URL with several hosts has some hundred.
const MAX_ADDRESS_BYTES: u64 = 4096;

/// Where the records are. Its `Debug` has no password.
#[derive(Clone, Debug, PartialEq)]
pub enum Address {
    /// An SQLite database; `:memory:` is one that is gone with the process.
    File(PathBuf),
    /// A database on a PostgreSQL server.
    Postgres(Url),
}

/// Without a password.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}

impl Address {
    /// Reads an address from a file, so that its password is on no command line.
    ///
    /// # Errors
    /// If it cannot be read, or what is in it is no address.
    pub fn read(path: &Path) -> Result<Self, OpenError> {
        let name = path.to_string_lossy();
        let mut text = String::new();
        let read = File::open(path).and_then(|file| file.take(MAX_ADDRESS_BYTES).read_to_string(&mut text));
        read.map_err(|error| OpenError::new(name.clone(), error.to_string(), "name a file with an address"))?;
        text.trim().parse().map_err(|error: UrlError| {
            OpenError::new(name, error.to_string(), "put the address of a database into it")
        })
    }

    /// The database's file, if it is one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }

    /// Whether several collectors may use it at the same time.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Opens the database. Blocks.
    ///
    /// # Errors
    /// If it cannot be used.
    pub fn open(&self) -> Result<Arc<dyn Engine>, OpenError> {
        Ok(match self {
            Self::File(path) => Arc::new(Sqlite::open(path)?),
            Self::Postgres(url) => Arc::new(Postgres::open(url)?),
        })
    }

    /// Opens the database for reading alone: it has to be there, with today's schema. Blocks.
    ///
    /// # Errors
    /// If it cannot be used.
    pub fn open_reading(&self) -> Result<Arc<dyn Engine>, OpenError> {
        Ok(match self {
            Self::File(path) => Arc::new(Sqlite::open_reading(path)?),
            Self::Postgres(url) => Arc::new(Postgres::open_reading(url)?),
        })
    }

    /// Brings the database to today's schema; with `dry_run` only says what that would be. Blocks.
    ///
    /// # Errors
    /// If it cannot be used.
    pub fn migrate(&self, dry_run: bool) -> Result<Migration, OpenError> {
        match self {
            Self::File(path) => sqlite::migrate(path, dry_run),
            Self::Postgres(url) => Postgres::migrate(url, dry_run),
        }
    }
}

impl Url {
    /// Reads the URL of a PostgreSQL database from a file.
    ///
    /// # Errors
    /// If it cannot be read, or what is in it is none.
    pub fn read(path: &Path) -> Result<Self, OpenError> {
        match Address::read(path)? {
            Address::Postgres(url) => Ok(url),
            Address::File(_) => {
                let why = "what is in it is no postgres:// URL";
                Err(OpenError::new(path.to_string_lossy(), why, "put the URL of a database into it"))
            }
        }
    }
}

impl FromStr for Address {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if Url::is_meant(text) {
            return Ok(Self::Postgres(text.parse()?));
        }
        Ok(Self::File(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_holds_an_address() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("database");
        for (text, expected) in
            [("x.db\n", "x.db"), (" postgres://u:p@127.0.0.1/n \n", "postgres://u:p@127.0.0.1/n")]
        {
            std::fs::write(&path, text).unwrap();
            assert_eq!(Address::read(&path), Ok(expected.parse().unwrap()));
        }
        assert!(Url::read(&path).is_ok());
        std::fs::write(&path, "x.db").unwrap();
        assert!(Url::read(&path).unwrap_err().to_string().contains("no postgres:// URL"));
        std::fs::write(&path, "postgres://u:secret@a/n?sslmode=allow").unwrap();
        let message = Address::read(&path).unwrap_err().to_string();
        assert!(message.contains("sslmode is") && !message.contains("secret"), "{message}");
        let message = Address::read(&directory.path().join("none")).unwrap_err().to_string();
        assert!(message.contains("No such file"), "{message}");
    }
}
