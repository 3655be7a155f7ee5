//! Room for records: what the spool takes, in all and by user, kept up to date by what is stored and what is seen to
//! leave; and what has to stay free of its file system.

use super::refusal::Refusal;
use crate::limits::{KEEP_FREE_BYTES, RECORD_OVERHEAD_BYTES};
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::ffi::OsStr;
use std::hash::BuildHasher;
use std::rc::Rc;
use telemetry_record::message::Message;
use telemetry_store::shares::{Accounts, Holder, ceiling};
use telemetry_store::spool::{SpoolEntry, sender_of};

/// What even the smallest file takes: the block of nearly every file system.
const BLOCK_BYTES: u64 = 4096;

/// What the spool may take, and what it takes.
#[derive(Debug)]
pub(crate) struct SpoolQuota {
    limit: Option<u64>,
    user_limit: Option<u64>,
    used: u64,
    accounts: Rc<Accounts>,
    by_holder: HashMap<Holder, u64>,
    /// By the hash of the name, so that 50,000 files cost little memory.
    files: HashMap<u64, Held>,
    hasher: RandomState,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    disk_bytes: u64,
    holder: Holder,
}

/// What one commit adds so far.
#[derive(Debug)]
pub(crate) struct Reservation {
    bytes: u64,
    by_holder: HashMap<Holder, u64>,
}

impl SpoolQuota {
    /// A quota of these limits over these files. `user_limit` holds for each user who has limits, by `accounts`.
    pub(crate) fn new(
        limit: Option<u64>,
        user_limit: Option<u64>,
        accounts: Rc<Accounts>,
        entries: &[SpoolEntry],
    ) -> Self {
        let mut quota = Self {
            limit,
            user_limit,
            used: 0,
            accounts,
            by_holder: HashMap::new(),
            files: HashMap::with_capacity(entries.len()),
            hasher: RandomState::new(),
        };
        for entry in entries {
            quota.added(&entry.name, entry.disk_bytes);
        }
        quota
    }

    /// The same limits over what is there now.
    pub(crate) fn recount(&mut self, entries: &[SpoolEntry]) {
        *self = Self::new(self.limit, self.user_limit, Rc::clone(&self.accounts), entries);
    }

    /// From now on these say whose share a file is from. Those that are counted have to be counted again.
    pub(crate) fn set_accounts(&mut self, accounts: Rc<Accounts>) {
        self.accounts = accounts;
    }

    /// Whose share a record of this sender is from.
    pub(crate) fn holder(&self, sender: u32) -> Holder {
        self.accounts.holder(Some(sender))
    }

    /// Whether nothing is there.
    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// A reservation of nothing yet, for one commit.
    pub(crate) fn reserve(&self) -> Reservation {
        Reservation { bytes: 0, by_holder: HashMap::new() }
    }

    /// Reserves room for a record of these bytes, if it fits on top of what is reserved and into what is free of the
    /// file system.
    pub(crate) fn take(
        &self,
        reservation: &mut Reservation,
        holder: Holder,
        bytes: u64,
        free_bytes: u64,
    ) -> Result<(), Refusal> {
        let with =
            |held: u64, reserved: u64| held.saturating_add((reserved + bytes).next_multiple_of(BLOCK_BYTES));
        let held = self.by_holder.get(&holder).copied().unwrap_or(0);
        let reserved = reservation.by_holder.get(&holder).copied().unwrap_or(0);
        let ceiling = |limit| ceiling(limit, BLOCK_BYTES, holder, held.saturating_add(reserved));
        if self.limit.is_some_and(|limit| with(self.used, reservation.bytes) > ceiling(limit)) {
            return Err(Refusal::SpoolFull);
        }
        let user_limit = self.user_limit.filter(|_| holder != Holder::System);
        if user_limit.is_some_and(|limit| with(held, reserved) > limit) {
            return Err(Refusal::UserShare);
        }
        if free_bytes < bytes {
            return Err(Refusal::DiskFull);
        }
        *reservation.by_holder.entry(holder).or_insert(0) += bytes;
        reservation.bytes += bytes;
        Ok(())
    }

    /// A file has come. One that is known already counts once.
    pub(crate) fn added(&mut self, name: &OsStr, disk_bytes: u64) {
        self.removed(name);
        let holder = self.accounts.holder(sender_of(name));
        self.used = self.used.saturating_add(disk_bytes);
        let held = self.by_holder.entry(holder).or_default();
        *held = held.saturating_add(disk_bytes);
        self.files.insert(self.hasher.hash_one(name), Held { disk_bytes, holder });
    }

    /// A file is gone.
    pub(crate) fn removed(&mut self, name: &OsStr) {
        let Some(held) = self.files.remove(&self.hasher.hash_one(name)) else {
            return;
        };
        self.used = self.used.saturating_sub(held.disk_bytes);
        if let Some(of_holder) = self.by_holder.get_mut(&held.holder) {
            *of_holder = of_holder.saturating_sub(held.disk_bytes);
            if *of_holder == 0 {
                self.by_holder.remove(&held.holder);
            }
        }
        // The memory of a large backlog is released as it is delivered.
        if self.files.len() < self.files.capacity() / 8 {
            self.files.shrink_to(self.files.len() * 2);
        }
    }

    /// What is counted in all.
    #[cfg(test)]
    pub(crate) fn used(&self) -> u64 {
        self.used
    }

    /// Whether this file is counted.
    pub(crate) fn knows(&self, name: &OsStr) -> bool {
        self.files.contains_key(&self.hasher.hash_one(name))
    }
}

/// What a record adds to a file, rounded up.
pub(crate) fn record_bytes(message: &Message) -> u64 {
    let config = message.config.as_ref().map_or(0, |path| path.as_os_str().len());
    (message.headers.as_str().len() + message.payload.len() + config) as u64 + RECORD_OVERHEAD_BYTES
}

/// Free bytes of a file system beyond what `spool_keep_free` reserves of all its bytes. No bound where the system
/// gives no size.
pub(crate) fn free_beyond_reserve(free: u64, all: u64, keep_free_percent: u64) -> u64 {
    if all == 0 {
        return u64::MAX;
    }
    free.saturating_sub((all / 100 * keep_free_percent).min(KEEP_FREE_BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: &str = "0de9de8d5f3c6a7d445d75ba01cc3322";

    fn quota(limit: u64, user_limit: u64) -> SpoolQuota {
        SpoolQuota::new(Some(limit), Some(user_limit), Rc::default(), &[])
    }

    #[test]
    fn a_record_is_refused_before_the_spool_would_pass_its_limit() {
        let mut quota = quota(3 * BLOCK_BYTES, u64::MAX);
        quota.added(OsStr::new("aB3xY9"), BLOCK_BYTES);
        let mut reservation = quota.reserve();
        assert_eq!(quota.take(&mut reservation, Holder::System, BLOCK_BYTES, u64::MAX), Ok(()));
        assert_eq!(quota.take(&mut reservation, Holder::System, 100, u64::MAX), Ok(()));
        assert_eq!(
            quota.take(&mut reservation, Holder::System, BLOCK_BYTES, u64::MAX),
            Err(Refusal::SpoolFull)
        );
        assert_eq!(
            quota.take(&mut reservation, Holder::System, 100, u64::MAX),
            Ok(()),
            "a smaller one still fits"
        );
        quota.removed(OsStr::new("aB3xY9"));
        assert_eq!(quota.take(&mut reservation, Holder::System, BLOCK_BYTES, u64::MAX), Ok(()));
    }

    #[test]
    fn one_user_cannot_fill_it_for_the_others() {
        let mut quota = quota(100 * BLOCK_BYTES, 2 * BLOCK_BYTES);
        quota.added(OsStr::new(&format!("{ID}.1000")), BLOCK_BYTES);
        let mut reservation = quota.reserve();
        assert_eq!(quota.take(&mut reservation, Holder::User(1000), 4000, u64::MAX), Ok(()));
        assert_eq!(quota.take(&mut reservation, Holder::User(1000), 4000, u64::MAX), Err(Refusal::UserShare));
        assert_eq!(quota.take(&mut reservation, Holder::User(1001), 4000, u64::MAX), Ok(()));
        assert_eq!(quota.take(&mut reservation, Holder::System, 40_000, u64::MAX), Ok(()));
    }

    #[test]
    fn subordinate_ids_fill_the_share_of_their_owner_and_many_users_leave_room() {
        let mut quota = quota(100 * BLOCK_BYTES, 50 * BLOCK_BYTES);
        let alice = Accounts::from_text(990, "alice:100000:65536\n", "alice:x:1000:1000::/:\n");
        quota.set_accounts(Rc::new(alice));
        for n in 0..50 {
            quota.added(OsStr::new(&format!("{n:032x}.{}", 100_000 + n)), BLOCK_BYTES);
        }
        let answer = |quota: &SpoolQuota, uid| {
            let holder = quota.accounts.holder(Some(uid));
            quota.take(&mut quota.reserve(), holder, 4000, u64::MAX)
        };
        assert_eq!([1000, 100_777].map(|uid| answer(&quota, uid)), [const { Err(Refusal::UserShare) }; 2]);
        for n in 50..80 {
            assert_eq!(answer(&quota, 1001), Ok(()));
            quota.added(OsStr::new(&format!("{n:032x}.1001")), BLOCK_BYTES);
        }
        assert_eq!(answer(&quota, 1001), Err(Refusal::SpoolFull));
        for n in 80..90 {
            assert_eq!(answer(&quota, 1002 + n), Ok(()), "who has little");
            quota.added(OsStr::new(&format!("{n:032x}.{}", 1002 + n)), BLOCK_BYTES);
        }
        assert_eq!(answer(&quota, 2000), Err(Refusal::SpoolFull));
        for n in 90..100 {
            assert_eq!(answer(&quota, 0), Ok(()), "the system's");
            quota.added(OsStr::new(&format!("{n:032x}.0")), BLOCK_BYTES);
        }
        assert_eq!(answer(&quota, 0), Err(Refusal::SpoolFull));
    }

    proptest! {
        #[test]
        fn the_count_is_always_that_of_the_files(steps in prop::collection::vec((0_u8..20, 1_u32..4, 1_u64..5, any::<bool>()), 0..200)) {
            let mut quota = quota(u64::MAX, u64::MAX);
            let mut there = HashMap::new();
            for (file, user, blocks, add) in steps {
                let name = format!("{file:032x}.{user}");
                if add {
                    quota.added(OsStr::new(&name), blocks * BLOCK_BYTES);
                    there.insert(name, (user, blocks * BLOCK_BYTES));
                } else {
                    quota.removed(OsStr::new(&name));
                    there.remove(&name);
                }
                prop_assert_eq!(quota.used, there.values().map(|(_, bytes)| bytes).sum::<u64>());
                for uid in 1..4 {
                    let of_user: u64 = there.values().filter(|(user, _)| *user == uid).map(|(_, bytes)| bytes).sum();
                    prop_assert_eq!(quota.by_holder.get(&Holder::User(uid)).copied().unwrap_or(0), of_user);
                }
            }
        }
    }
}
