//! Bounds of the daemon, with their reasons. Those of a message are in `telemetry_record::limits`.

/// Clients at one time. Each holds at most one message (16 KiB), so that all together stay below 32 MiB;
/// further ones wait in the socket's queue.
pub(crate) const MAX_CLIENTS: usize = 2048;

/// Connections that wait in the kernel; `somaxconn` cuts it to what the system allows (4096 today).
pub(crate) const ACCEPT_QUEUE: i32 = 4096;

/// New clients accepted in one turn of the loop: twice what one spool file holds, so that a flood of
/// connections neither starves those that are open nor spoils the grouping.
pub(crate) const ACCEPTS_PER_TURN: usize = 128;

/// What a record takes in a file besides its text: the frame line of a batch, newlines.
pub(crate) const RECORD_OVERHEAD_BYTES: u64 = 96;

/// Maximum that `spool_keep_free` keeps free. A percentage of a large file system is more than anybody
/// misses, and the spool is small.
pub(crate) const KEEP_FREE_BYTES: u64 = 1 << 30;

/// Users that are counted one by one. Of ids that are nobody's in subuid(5), one user may have many.
pub(crate) const MAX_USERS: usize = 1024;
