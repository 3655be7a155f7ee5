//! Which files go where a spool takes more than it may: a value.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use telemetry_store::shares::Holder;

/// A file of the spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    /// Whose share it is from.
    pub(super) holder: Holder,
    /// What it takes.
    pub(super) disk_bytes: u64,
    /// Whether it waits for servers that were tried, and did not take records.
    pub(super) may_go: bool,
}

/// How soon a holder loses a file: who has most is first, and the system's are last while they have no more than a tenth.
type Turn = (Reverse<bool>, u64, Holder);

fn turn(holder: Holder, disk_bytes: u64, limit: u64) -> Turn {
    let is_kept = holder == Holder::System && disk_bytes <= limit / 10;
    (Reverse(is_kept), disk_bytes, holder)
}

/// The indexes of the files that go, of all that are in the spool, oldest first, until the rest is within `limit`: the oldest of
/// whoever has most, so that nobody pushes out the records of others.
pub(super) fn surplus(files: &[Waiting], limit: u64) -> Vec<usize> {
    let mut used: u64 = 0;
    let mut held: HashMap<Holder, u64> = HashMap::new();
    let mut may_go: HashMap<Holder, VecDeque<(usize, u64)>> = HashMap::new();
    for (index, file) in files.iter().enumerate() {
        used = used.saturating_add(file.disk_bytes);
        *held.entry(file.holder).or_default() += file.disk_bytes;
        if file.may_go {
            may_go.entry(file.holder).or_default().push_back((index, file.disk_bytes));
        }
    }
    let bytes = |held: &HashMap<Holder, u64>, holder| held.get(&holder).copied().unwrap_or(0);
    let mut turns: BinaryHeap<Turn> =
        may_go.keys().map(|holder| turn(*holder, bytes(&held, *holder), limit)).collect();
    let mut gone = Vec::new();
    while used > limit
        && let Some((_, of_holder, holder)) = turns.pop()
    {
        let Some((index, disk_bytes)) = may_go.get_mut(&holder).and_then(VecDeque::pop_front) else {
            continue;
        };
        gone.push(index);
        used = used.saturating_sub(disk_bytes);
        turns.push(turn(holder, of_holder.saturating_sub(disk_bytes), limit));
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALICE: Holder = Holder::User(1);
    const BOB: Holder = Holder::User(2);

    fn waiting(holders: &[Holder]) -> Vec<Waiting> {
        holders.iter().map(|holder| Waiting { holder: *holder, disk_bytes: 4, may_go: true }).collect()
    }

    #[test]
    fn who_has_most_loses_his_oldest() {
        let files = waiting(&[BOB, ALICE, Holder::System, ALICE, ALICE, Holder::Unknown, ALICE]);
        assert_eq!(surplus(&files, 28), [0; 0]);
        assert_eq!(surplus(&files, 16), [1, 3, 4]);
        let mut all = surplus(&files, 0);
        assert_eq!(all.last(), Some(&2), "the system's last of those who have as much");
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn a_tenth_is_the_systems_however_many_users_have_less() {
        let users: Vec<_> = (10..60).map(Holder::User).collect();
        let files = waiting(&[&[Holder::System; 3], users.as_slice()].concat());
        assert!(surplus(&files, 120).iter().all(|index| *index > 2));
        assert_eq!(surplus(&waiting(&[Holder::System; 3]), 4), [0, 1]);
    }

    #[test]
    fn what_waits_for_no_server_that_was_tried_counts_and_stays() {
        let mut files = waiting(&[ALICE; 4]);
        files[0].may_go = false;
        assert_eq!(surplus(&files, 8), [1, 2]);
        files.iter_mut().for_each(|file| file.may_go = false);
        assert_eq!(surplus(&files, 0), [0; 0]);
    }

    proptest! {
        #[test]
        fn as_little_goes_as_has_to(
            files in prop::collection::vec((0_u32..5, 1_u64..9, any::<bool>()), 0..60), limit in 0_u64..200
        ) {
            let holder = |n| if n == 0 { Holder::System } else { Holder::User(n) };
            let files: Vec<_> = files
                .into_iter()
                .map(|(n, disk_bytes, may_go)| Waiting { holder: holder(n), disk_bytes, may_go })
                .collect();
            let gone = surplus(&files, limit);
            let bytes = |indexes: &mut dyn Iterator<Item = usize>| indexes.map(|index| files[index].disk_bytes).sum::<u64>();
            let left = bytes(&mut (0..files.len()).filter(|index| !gone.contains(index)));
            prop_assert!(gone.iter().all(|index| files[*index].may_go));
            prop_assert!(left <= limit || gone.len() == files.iter().filter(|file| file.may_go).count());
            if let Some(last) = gone.last() {
                prop_assert!(left + files[*last].disk_bytes > limit);
            }
        }
    }
}
