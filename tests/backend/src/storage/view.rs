//! Runs somebody's SELECT over the published views, within bounds.

use std::fmt;
use std::time::Duration;

use super::StorageError;
use super::sql::Value;

/// The views that are published. They stay as they are from one version to the next.
pub const PUBLISHED: [&str; 5] = ["v_records", "v_groups", "v_group_days", "v_fleet_days", "v_values"];

/// How long a view may take.
pub const VIEW_TIME: Duration = Duration::from_secs(2);

/// Rows of a view.
pub const VIEW_ROWS: usize = 10_000;

/// Bytes of a view's values together.
pub const VIEW_BYTES: usize = 8 * 1024 * 1024;

/// Bytes of one value while a view of SQLite computes: more than a payload has. A row of them, and what a function makes of a few,
/// is memory of the collector.
pub const VALUE_BYTES: usize = 2 * 1024 * 1024;

/// What a view answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The names of its columns.
    pub columns: Vec<String>,
    /// Its rows.
    pub rows: Vec<Vec<Value>>,
    /// Whether there are more.
    pub is_cut: bool,
}

/// Why a view answers nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ViewError {
    /// It took longer than [`VIEW_TIME`].
    TooSlow,
    /// It is no single SELECT, or reads what is not published.
    Forbidden(String),
    /// It is wrong SQL, or the database failed.
    Failed(String),
}

impl Table {
    /// Adds a row; false if there is no room for it.
    pub(super) fn add(&mut self, row: Vec<Value>, bytes: &mut usize) -> bool {
        *bytes = bytes.saturating_add(row.iter().map(size).sum());
        self.is_cut = self.rows.len() >= VIEW_ROWS || *bytes > VIEW_BYTES;
        if !self.is_cut {
            self.rows.push(row);
        }
        !self.is_cut
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Int(_) => 8,
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
    }
}

impl fmt::Display for ViewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooSlow => write!(f, "it took longer than {} s", VIEW_TIME.as_secs()),
            Self::Forbidden(what) => write!(f, "it may not do this: {what}"),
            Self::Failed(reason) => f.write_str(reason),
        }
    }
}

impl From<StorageError> for ViewError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::TooSlow => Self::TooSlow,
            other => Self::Failed(other.to_string()),
        }
    }
}
