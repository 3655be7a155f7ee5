//! Each user's share of the daemon: connections at one time and records a minute. One user at a limit
//! changes nothing for another, and many users leave room for those who have few connections, and for the system.

use super::refusal::Refusal;
use crate::limits::{MAX_CLIENTS, MAX_USERS};
use crate::settings::UserLimits;
use std::collections::HashMap;
use std::rc::Rc;
use telemetry_store::shares::{Accounts, Holder, ceiling};
use telemetry_store::sliding_window::SlidingWindow;

const MINUTE_SECS: u64 = 60;

/// A user's permit for one connection, returned when it is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    uid: u32,
    _of_user: Rc<()>,
    _of_all: Rc<()>,
}

impl Permit {
    /// The user.
    pub(crate) fn uid(&self) -> u32 {
        self.uid
    }
}

/// The shares of all users.
#[derive(Debug)]
pub(crate) struct FairShares {
    limits: UserLimits,
    accounts: Rc<Accounts>,
    users: HashMap<Holder, User>,
    /// All users beyond [`MAX_USERS`] together.
    others: User,
    /// Held by every permit.
    permits: Rc<()>,
}

#[derive(Debug)]
struct User {
    permits: Rc<()>,
    minute: SlidingWindow,
}

impl User {
    fn new() -> Self {
        Self { permits: Rc::new(()), minute: SlidingWindow::new(MINUTE_SECS) }
    }

    fn connections(&self) -> u64 {
        others_than_ours(&self.permits)
    }
}

/// Number of the holders of a counter, but for its owner.
fn others_than_ours(counter: &Rc<()>) -> u64 {
    Rc::strong_count(counter).saturating_sub(1) as u64
}

impl FairShares {
    /// Nobody has used anything yet.
    pub(crate) fn new(limits: UserLimits, accounts: Rc<Accounts>) -> Self {
        Self { limits, accounts, users: HashMap::new(), others: User::new(), permits: Rc::new(()) }
    }

    /// From now on these say which ids are one user; what was used stays counted as it was.
    pub(crate) fn set_accounts(&mut self, accounts: Rc<Accounts>) {
        self.accounts = accounts;
    }

    /// Other limits; what was used stays counted.
    pub(crate) fn set_limits(&mut self, limits: UserLimits) {
        self.limits = limits;
    }

    /// Whose share what this user sends is from.
    pub(crate) fn holder(&self, uid: u32) -> Holder {
        self.accounts.holder(Some(uid))
    }

    /// A permit for a new connection of this user.
    pub(crate) fn permit(&mut self, uid: u32, now_secs: u64) -> Result<Permit, Refusal> {
        let holder = self.holder(uid);
        let maximum = self.limits.max_connections.filter(|_| holder != Holder::System);
        let (in_all, of_all) = (others_than_ours(&self.permits), Rc::clone(&self.permits));
        let user = self.user(holder, now_secs);
        let held = user.connections();
        if maximum.is_some_and(|maximum| held >= maximum) {
            return Err(Refusal::UserConnections);
        }
        // The system's wait in the socket's queue, as there are descriptors for no more.
        if holder != Holder::System && in_all >= ceiling(MAX_CLIENTS as u64, 1, holder, held) {
            return Err(Refusal::ConnectionsFull);
        }
        Ok(Permit { uid, _of_user: Rc::clone(&user.permits), _of_all: of_all })
    }

    /// Counts a record of this user, unless it is one too many.
    pub(crate) fn count_record(&mut self, uid: u32, now_secs: u64) -> Result<(), Refusal> {
        let holder = self.holder(uid);
        let Some(maximum) = self.limits.records_per_minute.filter(|_| holder != Holder::System) else {
            return Ok(());
        };
        let user = self.user(holder, now_secs);
        if user.minute.total(now_secs) >= maximum {
            return Err(Refusal::UserRate);
        }
        user.minute.add(now_secs, 1);
        Ok(())
    }

    fn user(&mut self, holder: Holder, now_secs: u64) -> &mut User {
        if self.users.len() >= MAX_USERS && !self.users.contains_key(&holder) {
            self.users.retain(|_, user| user.connections() > 0 || user.minute.total(now_secs) > 0);
            if self.users.len() >= MAX_USERS {
                return &mut self.others;
            }
        }
        self.users.entry(holder).or_insert_with(User::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares() -> FairShares {
        let limits = UserLimits { max_connections: Some(2), records_per_minute: Some(3), spool_bytes: None };
        let subuid = "alice:100000:65536\n";
        FairShares::new(limits, Rc::new(Accounts::from_text(990, subuid, "alice:x:1000:1000::/:\n")))
    }

    #[test]
    fn a_users_connections_are_limited_and_come_back() {
        let mut shares = shares();
        let first = shares.permit(1000, 0).unwrap();
        let _second = shares.permit(1000, 0).unwrap();
        assert_eq!(shares.permit(1000, 0).unwrap_err(), Refusal::UserConnections);
        assert!(shares.permit(1001, 0).is_ok(), "another user does not notice");
        drop(first);
        assert!(shares.permit(1000, 0).is_ok());
    }

    #[test]
    fn a_users_records_are_limited_by_the_minute() {
        let mut shares = shares();
        for second in 0..3 {
            assert_eq!(shares.count_record(1000, second), Ok(()));
        }
        assert_eq!(shares.count_record(1000, 10), Err(Refusal::UserRate));
        assert_eq!(shares.count_record(1001, 10), Ok(()));
        assert_eq!(shares.count_record(1000, 61), Ok(()));
        assert_eq!(shares.count_record(1000, 61), Err(Refusal::UserRate));
    }

    #[test]
    fn root_and_the_daemons_user_are_exempt() {
        let mut shares = shares();
        for uid in [0, 990] {
            let permits: Vec<_> = (0..100).map(|_| shares.permit(uid, 0).unwrap()).collect();
            assert!((0..100).all(|_| shares.count_record(uid, 0).is_ok()));
            drop(permits);
        }
    }

    #[test]
    fn subordinate_ids_are_their_owner() {
        let mut shares = shares();
        let permits = [1000, 100_007].map(|uid| shares.permit(uid, 0).unwrap());
        assert_eq!(permits.each_ref().map(Permit::uid), [1000, 100_007]);
        for uid in [1000, 100_000, 165_535] {
            assert_eq!(shares.permit(uid, 0).unwrap_err(), Refusal::UserConnections);
        }
        assert!(shares.permit(165_536, 0).is_ok());
        for uid in [1000, 100_000, 165_535] {
            assert_eq!(shares.count_record(uid, 0), Ok(()));
        }
        assert_eq!(shares.count_record(100_001, 0), Err(Refusal::UserRate));
        assert_eq!(shares.count_record(1001, 0), Ok(()));
    }

    #[test]
    fn many_users_leave_connections_for_those_who_have_few_and_for_the_system() {
        let limits = UserLimits { max_connections: Some(200), records_per_minute: None, spool_bytes: None };
        let mut shares = FairShares::new(limits, Rc::new(Accounts::new(990)));
        let mut held = Vec::new();
        let mut fill = |shares: &mut FairShares, uid| {
            let before = held.len();
            let refusal = loop {
                match shares.permit(uid, 0) {
                    Ok(permit) => held.push(permit),
                    Err(refusal) => break refusal,
                }
            };
            (held.len() - before, refusal)
        };
        for uid in 1000..1008 {
            assert_eq!(fill(&mut shares, uid), (200, Refusal::UserConnections));
        }
        let twentieth = MAX_CLIENTS / 20;
        let few = (twentieth, Refusal::ConnectionsFull);
        assert_eq!(fill(&mut shares, 2000), few, "the first eight tenths are full meanwhile");
        assert_eq!(fill(&mut shares, 2001), few, "who has none");
        for uid in 3001..3100 {
            fill(&mut shares, uid);
        }
        assert_eq!(shares.permit(4000, 0).unwrap_err(), Refusal::ConnectionsFull);
        let of_system: Vec<_> = (0..MAX_CLIENTS / 10).filter_map(|_| shares.permit(0, 0).ok()).collect();
        assert_eq!((of_system.len(), held.len()), (MAX_CLIENTS / 10, MAX_CLIENTS - MAX_CLIENTS / 10));
    }

    #[test]
    fn users_beyond_the_maximum_share_one_count() {
        let mut shares = shares();
        let permits: Vec<_> = (0..MAX_USERS as u32).map(|n| shares.permit(200_000 + n, 0).unwrap()).collect();
        let _more = [shares.permit(1, 0).unwrap(), shares.permit(2, 0).unwrap()];
        assert_eq!(shares.permit(3, 0).unwrap_err(), Refusal::UserConnections);
        assert_eq!(shares.users.len(), MAX_USERS);
        drop(permits);
        assert!(shares.permit(3, 0).is_ok(), "those who left make room");
    }
}
