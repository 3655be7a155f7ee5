//! Failures make the next try wait: from one address ever longer, against one name up to a few seconds, so that whoever
//! guesses from many addresses is slowed too, and locks nobody out for long.

use std::collections::HashMap;

/// Failures that are forgiven: people mistype.
const FREE: u32 = 3;

/// The longest wait from an address, and against a name.
const ADDRESS_SECS: i64 = 300;
const NAME_SECS: i64 = 5;

/// A failure is forgotten after this time.
const FORGET_SECS: i64 = 15 * 60;

/// Addresses and names that are remembered; when there are more, the oldest goes.
const REMEMBERED: usize = 4096;

/// Whose failures are counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Address(String),
    Name(String),
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last_secs: i64,
}

/// Failed tries.
#[derive(Debug, Default)]
pub struct Attempts(HashMap<Key, Failures>);

impl Attempts {
    /// Seconds until the next try may be made; 0: now.
    #[must_use]
    pub fn wait_secs(&self, address: &str, name: &str, now_secs: i64) -> i64 {
        let of = |key: &Key, longest: i64| {
            let failures = self.0.get(key).filter(|failures| now_secs - failures.last_secs < FORGET_SECS)?;
            let doubled = failures.count.checked_sub(FREE)?.min(20);
            let wait = (1_i64 << doubled).min(longest);
            Some((failures.last_secs.saturating_add(wait) - now_secs).clamp(0, longest))
        };
        let [address, name] = keys(address, name);
        of(&address, ADDRESS_SECS).max(of(&name, NAME_SECS)).unwrap_or(0)
    }

    /// A try has failed.
    pub fn note_failure(&mut self, address: &str, name: &str, now_secs: i64) {
        for key in keys(address, name) {
            if self.0.len() >= REMEMBERED && !self.0.contains_key(&key) {
                self.forget_one(now_secs);
            }
            let failures = self.0.entry(key).or_insert(Failures { count: 0, last_secs: now_secs });
            let is_old = now_secs - failures.last_secs >= FORGET_SECS;
            failures.count = if is_old { 1 } else { failures.count.saturating_add(1) };
            failures.last_secs = now_secs;
        }
    }

    /// A try was good: what it was slowed by is forgotten. The name's failures stay, or a guesser who has a password of
    /// his own would clear his way.
    pub fn note_success(&mut self, address: &str) {
        self.0.remove(&Key::Address(address.to_owned()));
    }

    fn forget_one(&mut self, now_secs: i64) {
        self.0.retain(|_, failures| now_secs - failures.last_secs < FORGET_SECS);
        if self.0.len() < REMEMBERED {
            return;
        }
        let oldest = self.0.iter().min_by_key(|(_, failures)| failures.last_secs).map(|(key, _)| key.clone());
        if let Some(oldest) = oldest {
            self.0.remove(&oldest);
        }
    }
}

fn keys(address: &str, name: &str) -> [Key; 2] {
    let name: String = name.chars().take(64).collect();
    [Key::Address(address.to_owned()), Key::Name(name)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_with_failures_and_end() {
        let mut attempts = Attempts::default();
        let waits: Vec<_> = (0..14)
            .map(|_| {
                let wait = attempts.wait_secs("192.0.2.1", "alice", 1000);
                attempts.note_failure("192.0.2.1", "alice", 1000);
                wait
            })
            .collect();
        assert_eq!(waits, [0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(attempts.wait_secs("192.0.2.1", "bob", 1010), 290);
        assert_eq!(attempts.wait_secs("192.0.2.1", "alice", 1000 + FORGET_SECS), 0);
    }

    #[test]
    fn many_addresses_are_slowed_and_lock_nobody_out() {
        let mut attempts = Attempts::default();
        for number in 0..1000 {
            attempts.note_failure(&format!("192.0.2.{number}"), "alice", 1000);
        }
        assert_eq!(attempts.wait_secs("198.51.100.1", "alice", 1000), NAME_SECS);
        assert_eq!(attempts.wait_secs("198.51.100.1", "bob", 1000), 0);
    }

    #[test]
    fn a_success_clears_the_address() {
        let mut attempts = Attempts::default();
        (0..9).for_each(|_| attempts.note_failure("a", "alice", 0));
        attempts.note_success("a");
        assert_eq!(attempts.wait_secs("a", "bob", 0), 0);
        assert_eq!(attempts.wait_secs("a", "alice", 0), NAME_SECS);
    }

    #[test]
    fn memory_is_bounded() {
        let mut attempts = Attempts::default();
        for number in 0..3 * REMEMBERED {
            attempts.note_failure(
                &format!("a{number}"),
                &format!("n{number}"),
                i64::try_from(number).unwrap() / 100,
            );
        }
        assert!(attempts.0.len() <= REMEMBERED);
    }
}
