//! How often one address may ask.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Requests of an address in a window.
const REQUESTS: u32 = 60;

/// The window.
const WINDOW: Duration = Duration::from_secs(60);

/// Addresses that are counted at the same time. More share what is left.
const ADDRESSES: usize = 10_000;

/// The requests of the last minute.
#[derive(Debug, Default)]
pub struct Rate(Mutex<HashMap<String, (Instant, u32)>>);

impl Rate {
    /// Counts a request; whether it may be.
    pub fn admits(&self, address: &str, now: Instant) -> bool {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= ADDRESSES {
            windows.retain(|_, (begun, _)| now.saturating_duration_since(*begun) < WINDOW);
        }
        let key = if windows.len() >= ADDRESSES && !windows.contains_key(address) { "" } else { address };
        let (begun, count) = windows.entry(key.to_owned()).or_insert((now, 0));
        if now.saturating_duration_since(*begun) >= WINDOW {
            (*begun, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count <= REQUESTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_sixty_a_minute() {
        let (rate, start) = (Rate::default(), Instant::now());
        assert_eq!((0..100).filter(|_| rate.admits("a", start)).count(), 60);
        assert!(rate.admits("b", start) && rate.admits("a", start + WINDOW));
    }
}
