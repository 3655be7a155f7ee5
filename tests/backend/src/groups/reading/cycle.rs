//! Recursion: the same functions over and over. How deep it was is chance, so that a cycle is kept once.

use crate::groups::limits::{CYCLE_FRAMES, OVERFLOW_CYCLE_FRAMES};

/// Which items stay where each cycle of up to [`CYCLE_FRAMES`] that repeats is kept once, in order.
///
/// Where the list ends within a cycle that repeated, as a backtrace does that is cut, its beginning goes too.
pub(super) fn kept_once<T: PartialEq>(items: &[T]) -> Vec<usize> {
    let all = (0..items.len()).collect();
    // Short ones first: a cycle of cycles is then one of single items.
    (1..=CYCLE_FRAMES).fold(all, |kept, length| without_repeats(items, &kept, length))
}

/// Those of `kept` that stay where cycles of this length are kept once.
fn without_repeats<T: PartialEq>(items: &[T], kept: &[usize], length: usize) -> Vec<usize> {
    let same = |one: usize, other: usize| {
        let item = |at: usize| kept.get(at).and_then(|at| items.get(*at));
        item(one).is_some() && item(one) == item(other)
    };
    let mut stay: Vec<usize> = Vec::new();
    let mut next = 0;
    while let Some(at) = kept.get(next) {
        stay.push(*at);
        next += 1;
        let Some(start) = next.checked_sub(length) else { continue };
        // How far what follows repeats the cycle that ends here.
        let run = (0..).take_while(|ahead| same(start + ahead, next + ahead)).count();
        let is_at_end = next + run == kept.len();
        if run >= length {
            next += if is_at_end { run } else { run - run % length };
        }
    }
    stay
}

/// The cycle that fills the list best: where it begins and how long it is. None where nothing repeats.
pub(super) fn longest_run<T: PartialEq>(items: &[T]) -> Option<(usize, usize)> {
    let mut best: Option<(usize, usize, usize)> = None;
    for length in 1..=OVERFLOW_CYCLE_FRAMES {
        let (start, run) = run_of_period(items, length);
        // Twice, at least; a shorter cycle wins over its multiples.
        if run >= length && best.is_none_or(|(_, other, longest)| run + length > longest + other) {
            best = Some((start, length, run));
        }
    }
    best.map(|(start, length, _)| (start, length))
}

/// The longest stretch whose items are those `length` further on: where it begins, and how many they are.
fn run_of_period<T: PartialEq>(items: &[T], length: usize) -> (usize, usize) {
    let (mut best, mut start) = ((0, 0), 0);
    for (at, (one, other)) in items.iter().zip(items.iter().skip(length)).enumerate() {
        if one != other {
            start = at + 1;
        } else if at + 1 - start > best.1 {
            best = (start, at + 1 - start);
        }
    }
    best
}

/// By how many items the list is to be turned to begin at its smallest one; of several that are equal, at the one whose
/// followers are smaller.
pub(super) fn turn<T: Ord>(items: &[T]) -> usize {
    let turned = |by: &usize| items.iter().cycle().skip(*by).take(items.len()).collect::<Vec<&T>>();
    (0..items.len()).min_by_key(turned).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn once(text: &str) -> String {
        let items: Vec<char> = text.chars().collect();
        kept_once(&items).into_iter().map(|at| items[at]).collect()
    }

    fn cycle(text: &str) -> Option<String> {
        let items: Vec<char> = text.chars().collect();
        longest_run(&items).map(|(start, length)| {
            let mut cycle = items[start..start + length].to_vec();
            let by = turn(&cycle);
            cycle.rotate_left(by);
            cycle.into_iter().collect()
        })
    }

    #[test]
    fn a_cycle_is_kept_once() {
        for (text, expected) in [
            ("", ""),
            ("abc", "abc"),
            ("aaab", "ab"),
            ("abababc", "abc"),
            ("xabcabcy", "xabcy"),
            ("abcdabcdx", "abcdx"),
            ("abcdeabcdex", "abcdeabcdex"),
            ("xababababa", "xab"),
            ("xabcabca", "xabc"),
            ("aabbaabb", "ab"),
            ("aabaabaabx", "abx"),
            ("abcb", "abcb"),
        ] {
            assert_eq!(once(text), expected, "{text}");
        }
    }

    #[test]
    fn the_cycle_of_an_overflow() {
        for (text, expected) in [
            ("lpopopopop", Some("op")),
            ("lopopopopo", Some("op")),
            ("aaaa", Some("a")),
            ("mmxyzxyzxyzxyzxy", Some("xyz")),
            ("abcdefghijabcdefghijabcdefgh", Some("abcdefghij")),
            ("abc", None),
            ("", None),
        ] {
            assert_eq!(cycle(text).as_deref(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn depth_makes_no_difference(unit in "[a-d]{1,4}", one in 2_usize..9, other in 2_usize..9, end in "[x-z]{0,3}") {
            prop_assert_eq!(once(&(unit.repeat(one) + &end)), once(&(unit.repeat(other) + &end)));
        }

        #[test]
        fn where_an_overflow_is_cut_makes_no_difference(unit in "[a-h]{1,10}", top in 0_usize..10, cut in 0_usize..3) {
            let whole = unit.repeat(70);
            let seen = &whole[top.min(unit.len())..whole.len() - cut];
            let seen = &seen[..seen.len().min(64)];
            prop_assert_eq!(cycle(seen), cycle(&whole));
        }

        #[test]
        fn what_stays_is_in_order(text in "[ab]{0,60}") {
            let items: Vec<char> = text.chars().collect();
            let kept = kept_once(&items);
            prop_assert!(kept.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(kept.len() <= items.len() && (items.is_empty() || kept.first() == Some(&0)));
        }
    }
}
