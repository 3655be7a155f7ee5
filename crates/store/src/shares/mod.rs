//! Whose share something is from, and how much of what all share somebody may fill.
//!
//! ```text
//!  0 %                                                                80 %       90 %      100 %
//!  ├──────────── everybody ─────────────────────────────────────────────┼──────────┼──────────┤
//!                                      users who hold less than a twentieth ───────▶          │
//!                                                          root and the daemons ─────────────▶
//! ```
//!
//! So users who have much, however many they are, leave room for those who have little, and all of them for the system. It
//! holds for the spool, for connections, for the rejected records and for the rate limits.

mod accounts;
mod reader;

pub use accounts::Accounts;
pub use reader::AccountsReader;

/// Whose share something is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    /// Root's and the daemons': all that is left is theirs.
    System,
    /// That of the user of this id and of all his subordinate ids.
    User(u32),
    /// That of nobody known: the C daemons' records do not say who sent them.
    Unknown,
}

impl Holder {
    /// One number for each; no user has that of [`Holder::Unknown`].
    pub fn as_id(self) -> u32 {
        match self {
            Holder::System => 0,
            Holder::User(account) => account,
            Holder::Unknown => u32::MAX,
        }
    }
}

/// Up to how much of `whole` may be in use for a holder who has `held` of it. What is kept for others is a multiple of `unit`, so
/// that there is none where that is too large for it.
pub fn ceiling(whole: u64, unit: u64, holder: Holder, held: u64) -> u64 {
    let tenth = whole / 10 / unit.max(1) * unit.max(1);
    match holder {
        Holder::System => whole,
        Holder::User(_) | Holder::Unknown if held < whole / 20 => whole - tenth,
        Holder::User(_) | Holder::Unknown => whole - 2 * tenth,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_last_tenth_is_the_systems_and_the_one_before_is_for_those_who_have_little() {
        let user = Holder::User(1000);
        for (holder, held, expected) in [
            (Holder::System, 0, 1000),
            (Holder::System, 999, 1000),
            (user, 0, 900),
            (user, 49, 900),
            (user, 50, 800),
            (Holder::Unknown, 0, 900),
            (Holder::Unknown, 500, 800),
        ] {
            assert_eq!(ceiling(1000, 1, holder, held), expected, "{holder:?} {held}");
        }
        // Too little to keep any.
        assert_eq!(ceiling(7, 1, user, 7), 7);
        assert_eq!(ceiling(99, 10, user, 99), 99);
    }

    proptest! {
        #[test]
        fn no_number_of_users_takes_what_is_kept_from_them(
            whole in 1_u64..5000, takers in prop::collection::vec(0_u32..60, 0..6000)
        ) {
            let mut held = std::collections::HashMap::new();
            let mut used = 0;
            for user in takers {
                let of_user = held.entry(user).or_insert(0);
                if used < ceiling(whole, 1, Holder::User(user), *of_user) {
                    *of_user += 1;
                    used += 1;
                }
            }
            prop_assert!(used <= whole - whole / 10);
            // As long as not even that is full, somebody who has nothing gets something.
            if used < whole - whole / 10 && whole >= 20 {
                prop_assert!(used < ceiling(whole, 1, Holder::User(1000), 0));
            }
        }
    }
}
