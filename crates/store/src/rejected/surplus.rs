//! Which of too many rejected records goes: a value.

use crate::limits::REJECTED_KEPT;
use crate::shares::{Holder, ceiling};
use std::collections::HashMap;
use std::time::SystemTime;
use telemetry_record::hex_id::HexId;

/// A record that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    /// Since when.
    pub(super) time: SystemTime,
    pub(super) id: HexId,
    pub(super) sender: Option<u32>,
}

/// The index of the record that goes, of those of these holders, oldest first, of which the last has just come; none while
/// there is room for it. It is the oldest of whoever has most. Users have their part of the folder, and root and the
/// daemons a tenth that nobody takes from them.
pub(super) fn first_to_go(holders: &[Holder]) -> Option<usize> {
    let newest = *holders.last()?;
    let mut counts: HashMap<Holder, usize> = HashMap::new();
    for holder in holders {
        *counts.entry(*holder).or_default() += 1;
    }
    let before = counts.get(&newest).map_or(0, |count| count - 1);
    let of_system = counts.get(&Holder::System).copied().unwrap_or(0);
    let ceiling = ceiling(REJECTED_KEPT as u64, 1, newest, before as u64);
    let are_users_over = newest != Holder::System && (holders.len() - of_system) as u64 > ceiling;
    if !are_users_over && holders.len() <= REJECTED_KEPT {
        return None;
    }
    let system_may_lose = !are_users_over && of_system > REJECTED_KEPT / 10;
    let may_go = |holder: Holder| holder != Holder::System || system_may_lose;
    let of_whom_some_may_go = counts.iter().filter(|(holder, _)| may_go(**holder));
    let maximum = of_whom_some_may_go.map(|(_, count)| *count).max()?;
    holders.iter().position(|holder| counts.get(holder) == Some(&maximum) && may_go(*holder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What is left after these came, one after the other.
    fn left(comers: impl IntoIterator<Item = Holder>) -> Vec<Holder> {
        let mut kept = Vec::new();
        for holder in comers {
            kept.push(holder);
            while let Some(index) = first_to_go(&kept) {
                kept.remove(index);
            }
        }
        kept
    }

    fn count(kept: &[Holder], holder: Holder) -> usize {
        kept.iter().filter(|other| **other == holder).count()
    }

    const ALICE: Holder = Holder::User(1);
    const BOB: Holder = Holder::User(2);

    #[test]
    fn who_has_most_loses_his_oldest() {
        let few = [[Holder::System; 3], [ALICE; 3], [Holder::Unknown; 3]].concat();
        let kept = left(few.iter().copied().chain([BOB; 500]));
        assert!(few.iter().all(|holder| count(&kept, *holder) == 3));
        assert_eq!(count(&kept, BOB), REJECTED_KEPT * 8 / 10 - 6, "beside those of two users");
        // One alone keeps his newest, of the system as many as are kept.
        assert_eq!(left([BOB; 500]).len(), REJECTED_KEPT * 8 / 10);
        assert_eq!(left([Holder::System; 500]).len(), REJECTED_KEPT);
    }

    #[test]
    fn a_full_folder_of_the_systems_makes_room_for_a_user_and_never_the_other_way_round() {
        let kept = left([Holder::System; 100].into_iter().chain([BOB; 3]));
        assert_eq!((count(&kept, BOB), kept.len()), (3, 100));
        let kept =
            left((0..500).map(Holder::User).chain([Holder::System; 5]).chain((0..500).map(Holder::User)));
        assert_eq!(count(&kept, Holder::System), 5);
    }

    proptest! {
        #[test]
        fn it_never_holds_more_than_it_may_and_nobody_loses_to_who_has_more(
            comers in prop::collection::vec(0_u32..6, 1..400)
        ) {
            let holder = |n| if n == 0 { Holder::System } else { Holder::User(n) };
            let mut kept = Vec::new();
            for n in comers {
                kept.push(holder(n));
                while let Some(index) = first_to_go(&kept) {
                    let loser: Holder = kept.remove(index);
                    let most = (1..6).map(|n| count(&kept, holder(n))).max().unwrap();
                    prop_assert!(count(&kept, loser) + 1 >= most);
                }
                prop_assert!(kept.len() <= REJECTED_KEPT);
            }
        }
    }
}
