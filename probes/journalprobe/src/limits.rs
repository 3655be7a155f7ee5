//! Limits of the probe at work.

use telemetry_journal::limits::MESSAGE_BYTES;

/// From this size on, libsystemd may hand out the beginning of a field, so that it does not unpack all of a long one.
pub(super) const FIELD_BYTES: usize = "MESSAGE=".len() + MESSAGE_BYTES;

/// Entries that are read before they are sent and signals are taken. Each is one record at most, and so is each
/// of the 128 kinds that are counted: together they are no more than the outbox takes.
pub(super) const ENTRIES_PER_TURN: usize = 128;

/// Journal files that are checked one by one, to find the one that is damaged.
pub(super) const FILES: usize = 1024;

/// Objects of a journal file that are looked at: a file of 128 MiB, which is the largest by default, has half as many.
pub(super) const OBJECTS: u64 = 4_000_000;

/// How long a probe that does not follow the journal waits for telemprobd, in milliseconds. At boot systemd holds the
/// socket, so that only a telemprobd that cannot start is away for longer.
pub(super) const PATIENCE_MS: u64 = 10_000;
