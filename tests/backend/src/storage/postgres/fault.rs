//! What goes wrong with a server, and whether it may go well a little later.

use std::fmt;
use std::io;

use tokio_postgres::error::SqlState;

use crate::storage::StorageError;

/// What went wrong.
#[derive(Debug)]
pub(super) enum Fault {
    /// The driver's error: the server's own, or what happened to the connection.
    Driver(tokio_postgres::Error),
    /// There is no memory, or no descriptor, for a connection.
    NoRuntime(io::Error),
    /// The server says nothing, although it has had the time of a statement.
    Silent,
    /// A record came and went while its key was looked up.
    Vanished,
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Driver(error)
    }
}

impl Fault {
    fn code(&self) -> Option<&SqlState> {
        match self {
            Self::Driver(error) => error.code(),
            Self::NoRuntime(_) | Self::Silent | Self::Vanished => None,
        }
    }

    /// What to do about it at the start.
    pub(super) fn remedy(&self) -> &'static str {
        match self.code() {
            Some(code) if *code == SqlState::UNDEFINED_DATABASE => "create it, or give another --database",
            Some(code)
                if *code == SqlState::INVALID_PASSWORD
                    || *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION =>
            {
                "give the right user and password"
            }
            Some(code) if *code == SqlState::INSUFFICIENT_PRIVILEGE => {
                "make the user of the URL the owner of the database"
            }
            _ => "check that the server runs and that the URL leads to it",
        }
    }

    /// Whether the next try needs a new connection: this one is gone, or leads to a server that is no longer the
    /// one to write to.
    pub(super) fn breaks_connection(&self) -> bool {
        match self.code() {
            Some(code) => is_down(code),
            None => !matches!(self, Self::Vanished),
        }
    }

    /// Whether the same may go well a little later.
    pub(super) fn may_pass(&self) -> bool {
        let passing = [
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::T_R_DEADLOCK_DETECTED,
            SqlState::TOO_MANY_CONNECTIONS,
            // No partition for a row: it has been detached since it was last seen.
            SqlState::CHECK_VIOLATION,
        ];
        self.breaks_connection()
            || matches!(self, Self::Vanished)
            || self.code().is_some_and(|code| passing.contains(code))
    }
}

/// Whether a server says that it is stopping, starting, or a standby.
fn is_down(code: &SqlState) -> bool {
    let down = [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::READ_ONLY_SQL_TRANSACTION,
    ];
    // Class 08: the connection itself.
    code.code().starts_with("08") || down.contains(code)
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = match self {
            Self::Driver(error) => error,
            Self::NoRuntime(error) => return error.fmt(f),
            Self::Silent => return f.write_str("the server does not answer"),
            Self::Vanished => return f.write_str("a record was purged while it was read"),
        };
        // The driver's own words are few; the reason is in what is behind them.
        if let Some(error) = error.as_db_error() {
            return f.write_str(&error.message().replace('\n', " "));
        }
        write!(f, "{error}")?;
        let mut source = std::error::Error::source(error);
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

impl From<Fault> for StorageError {
    fn from(fault: Fault) -> Self {
        if fault.code() == Some(&SqlState::QUERY_CANCELED) {
            Self::TooSlow
        } else {
            Self::Failed(fault.to_string())
        }
    }
}
