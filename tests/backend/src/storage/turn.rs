//! Whose turn it is at what collectors of one PostgreSQL database do one at a time: fetching from a source, asking machines.
//!
//! The turn is an advisory lock of a session that lasts as long as it does, so that one of a collector that is killed ends
//! with its connection.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::sql::one;
use super::{Engine, Purpose, Session, StorageError, Value};

/// The first number of these locks, `TELN`: another one than that of all other locks of ours.
const LOCKS: i64 = 0x5445_4c4e;

/// A turn, until it is dropped.
#[derive(Default)]
pub(crate) struct Turn(Option<Box<dyn Session>>);

impl Turn {
    /// Where a database has one collector at a time, it is always that one's.
    pub(crate) fn of_the_only_one() -> Self {
        Self::default()
    }

    /// Takes the turn at something, unless another collector has it. Blocks.
    ///
    /// # Errors
    /// If the database is out of reach.
    pub(crate) fn take(engine: &Arc<dyn Engine>, at: &str) -> Result<Option<Self>, StorageError> {
        let mut session = engine.open(Purpose::Append)?;
        let lock = "SELECT CASE WHEN pg_try_advisory_lock(CAST($1 AS integer), CAST($2 AS integer)) THEN 1 ELSE 0 END";
        let is_ours = one(&mut *session, lock, &numbers(at))?.int()? == 1;
        Ok(is_ours.then_some(Self(Some(session))))
    }

    /// Whether it is still ours: a session whose connection broke has got another one, without the lock. Blocks.
    pub(crate) fn is_ours(&mut self, at: &str) -> Result<bool, StorageError> {
        let Some(session) = &mut self.0 else { return Ok(true) };
        let query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted \
            AND CAST(classid AS bigint) = $1 AND CAST(objid AS bigint) = $2 AND pid = pg_backend_pid()";
        Ok(one(&mut **session, query, &numbers(at))?.int()? > 0)
    }
}

/// A session ends by its own means of waiting, which it must not do where others wait.
impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(session) = self.0.take() {
            // Without a thread it ends here.
            drop(std::thread::Builder::new().name("turn".into()).spawn(move || drop(session)));
        }
    }
}

fn numbers(at: &str) -> [Value; 2] {
    let digest = Sha256::digest(at);
    let number = digest.iter().take(4).fold(0_i64, |number, byte| number << 8 | i64::from(*byte));
    // Without a sign: it is shown as a number that has none.
    [LOCKS.into(), (number & 0x7fff_ffff).into()]
}
