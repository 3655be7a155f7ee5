//! Each user's share of the daemon: connections at one time and records a minute. One user at a limit
//! changes nothing for another.

use super::refusal::Refusal;
use crate::limits::MAX_USERS;
use crate::settings::UserLimits;
use std::collections::HashMap;
use std::rc::Rc;
use telemetry_store::sliding_window::SlidingWindow;

const MINUTE_SECS: u64 = 60;

/// A user's permit for one connection, returned when it is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    uid: u32,
    _counted: Rc<()>,
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
    /// Who has no limits: root, and the daemons' own user.
    exempt: [u32; 2],
    users: HashMap<u32, User>,
    /// All users beyond [`MAX_USERS`] together. One who owns a range of subordinate ids is many users.
    others: User,
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
        Rc::strong_count(&self.permits).saturating_sub(1) as u64
    }
}

impl FairShares {
    /// Nobody has used anything yet. `own_uid` is the daemon's.
    pub(crate) fn new(limits: UserLimits, own_uid: u32) -> Self {
        Self { limits, exempt: [0, own_uid], users: HashMap::new(), others: User::new() }
    }

    /// Other limits; what was used stays counted.
    pub(crate) fn set_limits(&mut self, limits: UserLimits) {
        self.limits = limits;
    }

    /// Whether this user has limits at all.
    pub(crate) fn has_limits(&self, uid: u32) -> bool {
        !self.exempt.contains(&uid)
    }

    /// A permit for a new connection of this user.
    pub(crate) fn permit(&mut self, uid: u32, now_secs: u64) -> Result<Permit, Refusal> {
        let maximum = self.limits.max_connections.filter(|_| self.has_limits(uid));
        let user = self.user(uid, now_secs);
        match maximum {
            Some(maximum) if user.connections() >= maximum => Err(Refusal::UserConnections),
            _ => Ok(Permit { uid, _counted: Rc::clone(&user.permits) }),
        }
    }

    /// Counts a record of this user, unless it is one too many.
    pub(crate) fn count_record(&mut self, uid: u32, now_secs: u64) -> Result<(), Refusal> {
        let Some(maximum) = self.limits.records_per_minute.filter(|_| self.has_limits(uid)) else {
            return Ok(());
        };
        let user = self.user(uid, now_secs);
        if user.minute.total(now_secs) >= maximum {
            return Err(Refusal::UserRate);
        }
        user.minute.add(now_secs, 1);
        Ok(())
    }

    fn user(&mut self, uid: u32, now_secs: u64) -> &mut User {
        if self.users.len() >= MAX_USERS && !self.users.contains_key(&uid) {
            self.users.retain(|_, user| user.connections() > 0 || user.minute.total(now_secs) > 0);
            if self.users.len() >= MAX_USERS {
                return &mut self.others;
            }
        }
        self.users.entry(uid).or_insert_with(User::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares() -> FairShares {
        let limits = UserLimits { max_connections: Some(2), records_per_minute: Some(3), spool_bytes: None };
        FairShares::new(limits, 990)
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
    fn users_beyond_the_maximum_share_one_count() {
        let mut shares = shares();
        let permits: Vec<_> = (0..MAX_USERS as u32).map(|n| shares.permit(100_000 + n, 0).unwrap()).collect();
        let _more = [shares.permit(1, 0).unwrap(), shares.permit(2, 0).unwrap()];
        assert_eq!(shares.permit(3, 0).unwrap_err(), Refusal::UserConnections);
        assert_eq!(shares.users.len(), MAX_USERS);
        drop(permits);
        assert!(shares.permit(3, 0).is_ok(), "those who left make room");
    }
}
