//! A buffer: what waits, who has it, and what becomes of it.

use std::sync::{Arc, Mutex, PoisonError};

use super::boot_time;
use super::buffer_room::Room;
use super::leases::Leases;
use super::wire::Waiting;
use crate::storage::{Engine, Purpose, Select, Session, StorageError, Write, one};
use crate::trust::{Role, Trust};

/// What happens to a record for which there is no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum WhenFull {
    /// It is refused, and its sender keeps it
    #[default]
    Refuse,
    /// The oldest make room, and are counted
    #[value(name = "drop_oldest")]
    DropOldest,
}

/// Why a request of a fetcher is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BufferError {
    /// Never given, ended by a restart, or another's.
    UnknownLease,
    /// Its time is over.
    ExpiredLease,
    /// What was received is not what was sent.
    Digest,
    /// Somebody else frees here.
    OtherFetcher(String),
    /// Too many at a time.
    TooManyLeases,
    /// The database failed.
    Storage(StorageError),
}

impl From<StorageError> for BufferError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

/// A buffer in use. Clones share it.
#[derive(Clone, Debug)]
pub struct Buffer {
    pub(super) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) room: Room,
    pub(super) leases: Mutex<Leases>,
    /// One lease or confirmation at a time, with the session that serves it.
    session: Mutex<Kept>,
}

/// A session that is kept from one use to the next.
#[derive(Default)]
struct Kept(Option<Box<dyn Session>>);

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a session")
    }
}

impl Buffer {
    /// A buffer in a database.
    #[must_use]
    pub fn new(engine: Arc<dyn Engine>, max_bytes: u64, expiry_secs: i64, when_full: WhenFull) -> Self {
        let room = Room { max_bytes: i64::try_from(max_bytes).unwrap_or(i64::MAX), expiry_secs, when_full };
        let shared = Shared { engine, room, leases: Mutex::default(), session: Mutex::default() };
        Self { shared: Arc::new(shared) }
    }

    /// Ends the leases of those who may not fetch any more, whenever the list of trusted certificates changes.
    pub async fn end_leases_of_untrusted(self, trust: Arc<Trust>) {
        let mut changes = trust.changes();
        while changes.changed().await.is_ok() {
            let mut leases = self.leases();
            leases.end_where(|lease| !trust.roles(lease.shown).has(Role::Fetch));
        }
    }

    /// The leases, without those whose time is over.
    pub(super) fn leases(&self) -> std::sync::MutexGuard<'_, Leases> {
        let mut leases = self.shared.leases.lock().unwrap_or_else(PoisonError::into_inner);
        leases.expire(boot_time::now());
        leases
    }

    /// Does something with a session, one at a time. A session that fails is not used again. Blocks.
    pub(super) fn with_session<T>(
        &self,
        work: impl FnOnce(&mut dyn Session) -> Result<T, BufferError>,
    ) -> Result<T, BufferError> {
        let mut kept = self.shared.session.lock().unwrap_or_else(PoisonError::into_inner);
        let mut session = match kept.0.take() {
            Some(session) => session,
            None => self.shared.engine.open(Purpose::Maintain)?,
        };
        let result = work(&mut *session);
        if !matches!(result, Err(BufferError::Storage(_))) {
            kept.0 = Some(session);
        }
        result
    }
}

/// What a collector is called.
pub(super) fn own_id(sql: &mut (impl Select + ?Sized)) -> Result<String, StorageError> {
    one(sql, "SELECT id FROM sync_self", &[])?.text()
}

/// What waits to be freed. The one that waits longest is the first in the order of the sequence, which is found without reading
/// all others.
pub(super) fn waiting(sql: &mut (impl Select + ?Sized), now_secs: i64) -> Result<Waiting, StorageError> {
    let query = "SELECT records, bytes, \
        (SELECT received FROM buffer_items WHERE freed = 0 AND kind = 'record' ORDER BY seq LIMIT 1) FROM sync_self";
    let mut row = one(sql, query, &[])?;
    let (records, bytes) = (row.count()?, row.count()?);
    let oldest_age_secs = row.opt_int()?.map_or(0, |oldest| now_secs.saturating_sub(oldest).max(0));
    Ok(Waiting { records, bytes, oldest_age_secs })
}

/// Marks items as freed: only keepers have still to pass them.
pub(super) fn mark_freed(sql: &mut dyn Write, seqs: &[i64]) -> Result<(), StorageError> {
    for part in seqs.chunks(500) {
        let list = crate::storage::list(part.iter().copied());
        let query = format!(
            "SELECT count(*), CAST(coalesce(sum(bytes), 0) AS bigint) FROM buffer_items \
             WHERE kind = 'record' AND freed = 0 AND seq IN ({list})"
        );
        let mut row = one(sql, &query, &[])?;
        let (records, bytes) = (row.int()?, row.int()?);
        let update =
            "UPDATE sync_self SET records = records - $1, bytes = bytes - $2, kept_bytes = kept_bytes + $2";
        sql.execute(update, &[records.into(), bytes.into()])?;
        sql.execute(&format!("UPDATE buffer_items SET freed = 1 WHERE seq IN ({list})"), &[])?;
    }
    Ok(())
}
