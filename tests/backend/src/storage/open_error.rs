//! Why a database cannot be used.

use std::fmt;

/// Why a database cannot be used, and what to do. What was in it is still in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenError {
    database: String,
    reason: String,
    remedy: &'static str,
}

impl OpenError {
    /// `database` is a name for people, without a password.
    pub(crate) fn new(database: impl Into<String>, reason: impl Into<String>, remedy: &'static str) -> Self {
        Self { database: database.into(), reason: reason.into(), remedy }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `{:?}` keeps a strange file name on one line.
        write!(f, "cannot use database {:?}: {}; {}", self.database, self.reason, self.remedy)
    }
}

impl std::error::Error for OpenError {}
