//! Records that a server rejected: kept by telempostd, for people to read, to send again or to drop (`telemctl rejected`).
//!
//! ```text
//! SPOOL_DIR/.rejected/           mode 0700
//!     RECORD_ID                  the record, as a spool file of one record
//!     RECORD_ID.answer           time: SECONDS\n        since the epoch
//!                                server: URL\n          or the configuration that named none
//!                                status: NUMBER\n       or `none`: no server was reached
//!                                reason: TEXT\n         what the server said, or why it was not asked
//!                                sender: UID\n          who sent the record; not there where nobody knows
//!     .new-RECORD_ID[.answer]    being written
//! ```
//!
//! [`REJECTED_KEPT`] are kept, for [`REJECTED_DAYS`] days. Where they are too many, the oldest goes of whoever has most there
//! (`surplus.rs`), so that nobody's mistakes push out those of others. [`RejectedWriter`] is the side that keeps,
//! [`RejectedDir`] the one that people use.

mod answer;
mod directory;
mod surplus;

pub use directory::{RejectedDir, RejectedRecord};

use crate::limits::REJECTED_DAYS;
#[cfg(doc)]
use crate::limits::REJECTED_KEPT;
use crate::shares::{Accounts, Holder};
use crate::spool::SpoolDir;
use crate::spool::file::{self, StoredRecord};
use crate::steady_clock::SteadyNow;
use answer::StoredAnswer;
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::time::Duration;
use surplus::Kept;

const KEPT_FOR: Duration = Duration::from_secs(REJECTED_DAYS * 24 * 60 * 60);

/// Why a record is kept.
#[derive(Clone, Copy, Debug)]
pub struct Rejection<'a> {
    /// Where it should have gone, as it may be shown.
    pub server: &'a str,
    /// The server's status; none if the record never reached one.
    pub status: Option<u16>,
    /// What the server said, or why it was not asked. Control characters become blanks, and a long text
    /// is cut.
    pub reason: &'a str,
}

/// The side that keeps rejected records; one process at a time for a spool.
#[derive(Debug, Default)]
pub struct RejectedWriter {
    /// What is there, oldest first; none before the directory was read. People may have taken records out since:
    /// then the bound holds all the same, and the oldest goes a little early.
    kept: Option<VecDeque<Kept>>,
    accounts: Rc<Accounts>,
}

impl RejectedWriter {
    /// From now on these say who has how many.
    pub fn set_accounts(&mut self, accounts: Rc<Accounts>) {
        self.accounts = accounts;
    }

    /// Keeps a record that was rejected `now`, and drops those that are too many or too old.
    ///
    /// # Errors
    /// As the system says; then it is not kept, and must stay in the spool.
    pub fn keep<'a>(
        &mut self,
        spool: &SpoolDir,
        record: &StoredRecord,
        rejection: Rejection<'_>,
        now: impl Into<SteadyNow<'a>>,
    ) -> io::Result<()> {
        let now = now.into();
        let directory = RejectedDir::open_or_create(spool)?;
        let accounts = Rc::clone(&self.accounts);
        let kept = self.known(&directory)?;
        let bytes = file::encode_single(&record.message);
        let answer = StoredAnswer::new(rejection, record.sender, now.wall_secs());
        directory.write(record.id, &bytes, &answer, now.stamp())?;
        kept.retain(|other| other.id != record.id);
        kept.push_back(Kept { time: now.stamp(), id: record.id, sender: record.sender });
        // It is kept by now; what cannot be dropped is tried again with the next one.
        let _ = drop_surplus(&directory, kept, &accounts, now);
        Ok(())
    }

    /// Drops the records that are too many or too old. To be called now and then, since it may be long until the
    /// next [`keep`](Self::keep).
    ///
    /// # Errors
    /// As the system says.
    pub fn prune<'a>(&mut self, spool: &SpoolDir, now: impl Into<SteadyNow<'a>>) -> io::Result<()> {
        let accounts = Rc::clone(&self.accounts);
        match RejectedDir::open(spool)? {
            Some(directory) => drop_surplus(&directory, self.known(&directory)?, &accounts, now.into()),
            None => Ok(()),
        }
    }

    fn known(&mut self, directory: &RejectedDir<'_>) -> io::Result<&mut VecDeque<Kept>> {
        match &mut self.kept {
            Some(kept) => Ok(kept),
            none => {
                directory.sweep()?;
                let kept = |(time, id)| Kept { time, id, sender: directory.sender(id) };
                Ok(none.insert(directory.ids()?.into_iter().map(kept).collect()))
            }
        }
    }
}

fn drop_surplus(
    directory: &RejectedDir<'_>,
    kept: &mut VecDeque<Kept>,
    accounts: &Accounts,
    now: SteadyNow<'_>,
) -> io::Result<()> {
    // A time that is still to come has no age.
    let is_old = |kept: &Kept| now.age(kept.time).is_some_and(|age| age > KEPT_FOR);
    loop {
        let old = kept.front().is_some_and(is_old).then_some(0);
        let holders = || kept.iter().map(|kept| accounts.holder(kept.sender)).collect::<Vec<Holder>>();
        let Some(index) = old.or_else(|| surplus::first_to_go(&holders())) else {
            return Ok(());
        };
        let Some(Kept { id, .. }) = kept.get(index) else {
            return Ok(());
        };
        match directory.discard(*id) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => drop(kept.remove(index)),
        }
    }
}

#[cfg(test)]
mod tests;
