//! How much of the rate limits one user may use: all but what is kept for those who have used little, and for root and the
//! daemons, as everywhere (`telemetry_store::shares`). Without it whoever sends most would hold back everybody's records for
//! the rest of the window.

use std::collections::HashMap;
use telemetry_store::shares::{Holder, ceiling};
use telemetry_store::sliding_window::SlidingWindow;

/// Users that are counted: more cannot have used a twentieth of anything.
const USERS: usize = 64;

/// What users have used of one limit within its window. It is not kept for the next run: then all have used little, which
/// leaves what is the system's.
#[derive(Debug)]
pub(super) struct UserShares {
    length_secs: u64,
    used: HashMap<u32, SlidingWindow>,
}

impl UserShares {
    /// Nobody has used anything of a window of this length.
    pub(super) fn new(length_secs: u64) -> Self {
        Self { length_secs, used: HashMap::new() }
    }

    /// Whether this much more is too much for this holder, while all together have used so much. What alone is more than
    /// there may be leaves alone. The C daemons' records are nobody's, and under no share.
    pub(super) fn is_used(
        &mut self,
        holder: Holder,
        amount: u64,
        limit: Option<u64>,
        used_by_all: u64,
        now_secs: u64,
    ) -> bool {
        let (Holder::User(user), Some(limit)) = (holder, limit) else { return false };
        let of_user = self.used.get_mut(&user).map_or(0, |window| window.total(now_secs));
        used_by_all > 0 && used_by_all.saturating_add(amount) > ceiling(limit, 1, holder, of_user)
    }

    /// So much of this holder leaves.
    pub(super) fn add(&mut self, holder: Holder, amount: u64, now_secs: u64) {
        let Holder::User(user) = holder else { return };
        if self.used.len() >= USERS && !self.used.contains_key(&user) {
            self.used.retain(|_, window| window.total(now_secs) > 0);
            let least = self.used.iter_mut().map(|(user, window)| (window.total(now_secs), *user)).min();
            if let Some((_, least)) = least.filter(|_| self.used.len() >= USERS) {
                self.used.remove(&least);
            }
        }
        let length_secs = self.length_secs;
        self.used.entry(user).or_insert_with(|| SlidingWindow::new(length_secs)).add(now_secs, amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000_020;

    /// Lets out what this holder may, one by one, up to `maximum`; returns how much that is.
    fn let_out(shares: &mut UserShares, all: &mut u64, holder: Holder, maximum: u64) -> u64 {
        let mut count = 0;
        while count < maximum && *all < 100 && !shares.is_used(holder, 1, Some(100), *all, NOW) {
            shares.add(holder, 1, NOW);
            *all += 1;
            count += 1;
        }
        count
    }

    #[test]
    fn one_user_leaves_a_tenth_to_those_who_have_little_and_one_to_the_system() {
        let (mut shares, mut all) = (UserShares::new(60), 0);
        assert_eq!(let_out(&mut shares, &mut all, Holder::User(1000), 1000), 80);
        assert_eq!(let_out(&mut shares, &mut all, Holder::User(1001), 1000), 5, "a twentieth");
        for user in 2000..2100 {
            let_out(&mut shares, &mut all, Holder::User(user), 1);
        }
        assert_eq!(all, 90);
        assert_eq!(let_out(&mut shares, &mut all, Holder::System, 1000), 10);
    }

    #[test]
    fn what_is_nobodys_or_without_a_limit_is_under_no_share() {
        let mut shares = UserShares::new(60);
        assert!(!shares.is_used(Holder::Unknown, 1, Some(100), 99, NOW));
        assert!(!shares.is_used(Holder::User(1000), 1, None, u64::MAX, NOW));
        assert!(
            !shares.is_used(Holder::User(1000), 500, Some(100), 0, NOW),
            "larger than the limit, and alone"
        );
        assert!(shares.is_used(Holder::User(1000), 500, Some(100), 1, NOW));
    }

    #[test]
    fn many_users_take_no_memory_and_whoever_has_most_stays_known() {
        let (mut shares, mut all) = (UserShares::new(60), 0);
        let_out(&mut shares, &mut all, Holder::User(7), 20);
        for user in 1000..3000 {
            shares.add(Holder::User(user), 1, NOW);
            assert!(shares.used.len() <= USERS);
        }
        assert!(shares.is_used(Holder::User(7), 1, Some(100), 80, NOW));
        assert!(!shares.is_used(Holder::User(7), 1, Some(100), 20, NOW + 3600), "its window is over");
    }
}
