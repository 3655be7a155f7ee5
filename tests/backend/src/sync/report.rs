//! How buffering and fetching stand, for people.

use std::fmt::Write as _;

use serde::Serialize;

use super::buffer::waiting;
use super::losses::losses;
use super::states::{SourceState, states};
pub use super::wire::Losses;
use super::wire::Waiting;
use crate::storage::{Row, Select, Session, StorageError, one};
use crate::timestamp::format_utc;

/// How the buffer of a database stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BufferState {
    /// What it is called.
    pub id: String,
    /// What waits to be freed.
    pub waiting: Waiting,
    /// Who frees here, and when that one did last.
    pub freed_by: Option<(String, i64)>,
    /// Who is waited for besides, and when each was heard last.
    pub keepers: Vec<(String, i64)>,
}

impl BufferState {
    /// Whether anything was ever buffered or fetched here.
    #[must_use]
    pub fn is_used(&self) -> bool {
        self.waiting.records > 0 || self.freed_by.is_some() || !self.keepers.is_empty()
    }
}

/// Reads it.
///
/// # Errors
/// If the database cannot be read.
pub fn buffer_state(sql: &mut (impl Select + ?Sized), now_secs: i64) -> Result<BufferState, StorageError> {
    let mut row = one(sql, "SELECT id, freed_by, freed_secs FROM sync_self", &[])?;
    let (id, freed_by, freed_secs) = (row.text()?, row.opt_text()?, row.int()?);
    let keepers = sql.select("SELECT fetcher, seen FROM buffer_keepers ORDER BY fetcher LIMIT 100", &[])?;
    let keeper = |mut row: Row| Ok((row.text()?, row.int()?));
    Ok(BufferState {
        id,
        waiting: waiting(sql, now_secs)?,
        freed_by: freed_by.map(|by| (by, freed_secs)),
        keepers: keepers.into_iter().map(keeper).collect::<Result<_, StorageError>>()?,
    })
}

/// Lets another collector free what waits here, without waiting for a day of silence of the one who did; who that was. Blocks.
///
/// # Errors
/// If the database fails.
pub fn release(session: &mut dyn Session) -> Result<Option<String>, StorageError> {
    let mut freed_by = None;
    session.write(&mut |sql| {
        freed_by = one(sql, "SELECT freed_by FROM sync_self", &[])?.opt_text()?;
        sql.execute("UPDATE sync_self SET freed_by = NULL, freed_secs = 0", &[]).map(drop)
    })?;
    Ok(freed_by)
}

/// All of it as lines: the buffer, losses, each source.
///
/// # Errors
/// If the database cannot be read.
pub fn report(sql: &mut (impl Select + ?Sized), now_secs: i64) -> Result<String, StorageError> {
    let mut text = String::new();
    let buffer = buffer_state(sql, now_secs)?;
    // Writing into a text does not fail.
    let Waiting { records, bytes, oldest_age_secs } = buffer.waiting;
    let _ = writeln!(text, "This collector is {}: {records} records ({bytes} bytes) wait here", buffer.id);
    if records > 0 {
        let _ = writeln!(text, "  the oldest for {oldest_age_secs} seconds");
    }
    if let Some((by, at)) = &buffer.freed_by {
        let _ = writeln!(text, "  {by} frees them, last at {}", format_utc(*at));
    }
    for (keeper, seen) in &buffer.keepers {
        let _ = writeln!(text, "  {keeper} is waited for, and was heard at {}", format_utc(*seen));
    }
    for Losses { buffer, dropped, expired, invalid } in losses(sql)? {
        let _ = writeln!(text, "Lost at {buffer}: {dropped} dropped, {expired} expired, {invalid} invalid");
    }
    for state in states(sql)? {
        let _ = writeln!(text, "Source {}: {}", state.source, state.summary());
    }
    Ok(text)
}

impl SourceState {
    /// How it stands, in a line.
    #[must_use]
    pub fn summary(&self) -> String {
        let waits = format!("{} records waited there", self.waiting_records);
        match (&self.error, self.fetched_secs) {
            (Some(error), _) => format!(
                "fails since {}, is tried again at {}: {error}",
                format_utc(self.failing_since.unwrap_or_default()),
                format_utc(self.next_secs)
            ),
            (None, 0) => "not asked yet".to_owned(),
            (None, at) => {
                format!("{} records came, last asked at {}, when {waits}", self.records, format_utc(at))
            }
        }
    }
}
