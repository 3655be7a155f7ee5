//! Limits of what a probe keeps.

/// Time that a new finding waits for its like, in milliseconds: what comes a thousand times a second is one record.
/// Short, since the machine may be about to fail.
pub const HOLD_MS: u64 = 5_000;

/// Time after a finding in which its like is only counted, in milliseconds: a unit that fails in a loop, or a warning
/// at every packet, is one record in ten minutes.
pub const WINDOW_MS: u64 = 10 * 60 * 1000;

/// Different findings that are counted at one time. Of a machine that finds more kinds of trouble in ten
/// minutes these are reported.
pub(super) const GROUPS: usize = 128;

/// Records that wait for telemprobd. It is away for seconds at an upgrade; where it stays away, newer records are
/// counted and left out, since the first troubles explain the later ones.
pub(super) const WAITING: usize = 256;

/// Longest state file, in bytes: every group and every waiting record with a payload of 8 KiB whose quotes are escaped.
pub(super) const STATE_FILE_BYTES: u64 = 8 * 1024 * 1024;

/// Longest pause between two attempts at telemprobd, in milliseconds.
pub(super) const RETRY_LONGEST_MS: u64 = 60_000;

/// First pause after an attempt that failed, in milliseconds.
pub(super) const RETRY_FIRST_MS: u64 = 1_000;

/// Pause before a probe that was killed sends the record again at which it may have been killed, in milliseconds: that may
/// be on its way into the spool, where it is not found yet.
pub(super) const ON_ITS_WAY_MS: u64 = 500;
