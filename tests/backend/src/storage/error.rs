//! What can go wrong with a database that is in use.

use std::fmt;

/// A job that the database did not do. Nothing of it has been stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageError {
    /// The collector is stopping.
    Stopped,
    /// A query took longer than it may.
    TooSlow,
    /// The machine has asked to be forgotten, under this id.
    Forgotten,
    /// A buffer has no room for it.
    Full,
    /// The database's own error: the disk is full, the file is damaged, the server is gone.
    Failed(String),
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("the collector is stopping"),
            Self::TooSlow => f.write_str("the query takes too long; ask for fewer days or for one machine"),
            Self::Forgotten => {
                f.write_str("this machine id asked to be forgotten; records under it are not taken")
            }
            Self::Full => {
                f.write_str("the buffer is full; it takes records again once somebody has fetched from it")
            }
            Self::Failed(reason) => write!(f, "the database failed: {reason}"),
        }
    }
}

impl std::error::Error for StorageError {}
