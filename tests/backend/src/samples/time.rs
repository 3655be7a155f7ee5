//! When something happened, whatever a machine's clock says.

use super::limits::AHEAD_SECS;

/// The time of what a machine says happened then, and what was received then: one that is too far ahead counts as received.
#[must_use]
pub fn taken_at(taken_secs: i64, received_secs: i64) -> i64 {
    if taken_secs > received_secs.saturating_add(AHEAD_SECS) { received_secs } else { taken_secs.max(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_ahead_is_not_believed() {
        for (taken, expected) in [
            (1_000, 1_000),
            (1_600, 1_600),
            (1_601, 1_000),
            (4_102_444_800, 1_000),
            (i64::MAX, 1_000),
            (-5, 0),
            (0, 0),
        ] {
            assert_eq!(taken_at(taken, 1_000), expected, "{taken}");
        }
    }
}
