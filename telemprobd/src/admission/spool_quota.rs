//! Room for records: what the spool takes, in all and by user, kept up to date by what is stored and what is seen to
//! leave; and what has to stay free of its file system.

use super::refusal::Refusal;
use crate::limits::{KEEP_FREE_BYTES, RECORD_OVERHEAD_BYTES};
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::ffi::OsStr;
use std::hash::BuildHasher;
use telemetry_record::message::Message;
use telemetry_store::spool::{SpoolEntry, sender_of};

/// What even the smallest file takes: the block of nearly every file system.
const BLOCK_BYTES: u64 = 4096;

/// What the spool may take, and what it takes.
#[derive(Debug)]
pub(crate) struct SpoolQuota {
    limit: Option<u64>,
    user_limit: Option<u64>,
    used: u64,
    by_user: HashMap<u32, u64>,
    /// By the hash of the name, so that 50,000 files cost little memory.
    files: HashMap<u64, Held>,
    hasher: RandomState,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    disk_bytes: u64,
    sender: Option<u32>,
}

/// What one commit adds so far.
#[derive(Debug)]
pub(crate) struct Reservation {
    bytes: u64,
    by_user: HashMap<u32, u64>,
}

impl SpoolQuota {
    /// A quota of these limits over these files. `user_limit` holds for each user who has limits.
    pub(crate) fn new(limit: Option<u64>, user_limit: Option<u64>, entries: &[SpoolEntry]) -> Self {
        let mut quota = Self {
            limit,
            user_limit,
            used: 0,
            by_user: HashMap::new(),
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
        *self = Self::new(self.limit, self.user_limit, entries);
    }

    /// A reservation of nothing yet, for one commit.
    pub(crate) fn reserve(&self) -> Reservation {
        Reservation { bytes: 0, by_user: HashMap::new() }
    }

    /// Reserves room for a record of these bytes, if it fits on top of what is reserved and into what is free of the
    /// file system. `sender` is none for a user without limits.
    pub(crate) fn take(
        &self,
        reservation: &mut Reservation,
        sender: Option<u32>,
        bytes: u64,
        free_bytes: u64,
    ) -> Result<(), Refusal> {
        let with =
            |held: u64, reserved: u64| held.saturating_add((reserved + bytes).next_multiple_of(BLOCK_BYTES));
        if self.limit.is_some_and(|limit| with(self.used, reservation.bytes) > limit) {
            return Err(Refusal::SpoolFull);
        }
        if let Some(uid) = sender {
            let held = self.by_user.get(&uid).copied().unwrap_or(0);
            let reserved = reservation.by_user.get(&uid).copied().unwrap_or(0);
            if self.user_limit.is_some_and(|limit| with(held, reserved) > limit) {
                return Err(Refusal::UserShare);
            }
        }
        if free_bytes < bytes {
            return Err(Refusal::DiskFull);
        }
        if let Some(uid) = sender {
            *reservation.by_user.entry(uid).or_insert(0) += bytes;
        }
        reservation.bytes += bytes;
        Ok(())
    }

    /// A file has come. One that is known already counts once.
    pub(crate) fn added(&mut self, name: &OsStr, disk_bytes: u64) {
        self.removed(name);
        let sender = sender_of(name);
        self.used = self.used.saturating_add(disk_bytes);
        if let Some(uid) = sender {
            let held = self.by_user.entry(uid).or_default();
            *held = held.saturating_add(disk_bytes);
        }
        self.files.insert(self.hasher.hash_one(name), Held { disk_bytes, sender });
    }

    /// A file is gone.
    pub(crate) fn removed(&mut self, name: &OsStr) {
        let Some(held) = self.files.remove(&self.hasher.hash_one(name)) else {
            return;
        };
        self.used = self.used.saturating_sub(held.disk_bytes);
        if let Some(uid) = held.sender
            && let Some(of_user) = self.by_user.get_mut(&uid)
        {
            *of_user = of_user.saturating_sub(held.disk_bytes);
            if *of_user == 0 {
                self.by_user.remove(&uid);
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
        SpoolQuota::new(Some(limit), Some(user_limit), &[])
    }

    #[test]
    fn a_record_is_refused_before_the_spool_would_pass_its_limit() {
        let mut quota = quota(3 * BLOCK_BYTES, u64::MAX);
        quota.added(OsStr::new("aB3xY9"), BLOCK_BYTES);
        let mut reservation = quota.reserve();
        assert_eq!(quota.take(&mut reservation, None, BLOCK_BYTES, u64::MAX), Ok(()));
        assert_eq!(quota.take(&mut reservation, None, 100, u64::MAX), Ok(()));
        assert_eq!(quota.take(&mut reservation, None, BLOCK_BYTES, u64::MAX), Err(Refusal::SpoolFull));
        assert_eq!(quota.take(&mut reservation, None, 100, u64::MAX), Ok(()), "a smaller one still fits");
        quota.removed(OsStr::new("aB3xY9"));
        assert_eq!(quota.take(&mut reservation, None, BLOCK_BYTES, u64::MAX), Ok(()));
    }

    #[test]
    fn one_user_cannot_fill_it_for_the_others() {
        let mut quota = quota(100 * BLOCK_BYTES, 2 * BLOCK_BYTES);
        quota.added(OsStr::new(&format!("{ID}.1000")), BLOCK_BYTES);
        let mut reservation = quota.reserve();
        assert_eq!(quota.take(&mut reservation, Some(1000), 4000, u64::MAX), Ok(()));
        assert_eq!(quota.take(&mut reservation, Some(1000), 4000, u64::MAX), Err(Refusal::UserShare));
        assert_eq!(quota.take(&mut reservation, Some(1001), 4000, u64::MAX), Ok(()));
        assert_eq!(quota.take(&mut reservation, None, 40_000, u64::MAX), Ok(()));
    }

    proptest! {
        #[test]
        fn the_count_is_always_that_of_the_files(steps in prop::collection::vec((0_u8..20, 0_u32..3, 1_u64..5, any::<bool>()), 0..200)) {
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
                for uid in 0..3 {
                    let of_user: u64 = there.values().filter(|(user, _)| *user == uid).map(|(_, bytes)| bytes).sum();
                    prop_assert_eq!(quota.by_user.get(&uid).copied().unwrap_or(0), of_user);
                }
            }
        }
    }
}
