//! Logs the fingerprints of those who are refused, each once an hour.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use telemetry_trust::Fingerprint;

/// How long nothing more is logged of one.
const PAUSE: Duration = Duration::from_secs(60 * 60);

/// Fingerprints that are logged in one pause; certificates cost nothing, and lines of a log do.
const MAX_KNOWN: usize = 100;

/// Who was refused, and when that was logged.
#[derive(Debug, Default)]
pub(super) struct Refused(Mutex<HashMap<Fingerprint, Instant>>);

impl Refused {
    /// Whether this one is to be logged now.
    pub(super) fn is_due(&self, fingerprint: &Fingerprint, now: Instant) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, at| now.saturating_duration_since(*at) < PAUSE);
        if known.contains_key(fingerprint) || known.len() >= MAX_KNOWN {
            return false;
        }
        known.insert(*fingerprint, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_logged_once_an_hour_and_a_flood_is_not() {
        let (refused, start) = (Refused::default(), Instant::now());
        let one = Fingerprint::of_der(b"one");
        assert!(refused.is_due(&one, start) && !refused.is_due(&one, start + PAUSE / 2));
        assert!(refused.is_due(&one, start + PAUSE));
        let flood =
            (0..1000_u32).filter(|n| refused.is_due(&Fingerprint::of_der(&n.to_be_bytes()), start + PAUSE));
        assert_eq!(flood.count(), MAX_KNOWN - 1);
    }
}
