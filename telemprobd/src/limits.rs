//! Bounds of the daemon, with their reasons. Those of a message are in `telemetry_record::limits`.

use std::time::Duration;

/// Time that a client has for its message (contract). Silent clients cost a descriptor that long.
pub(crate) const CLIENT_TIME: Duration = Duration::from_secs(10);

/// Clients at one time. Each holds at most one message (16 KiB), so that all together stay below 32 MiB;
/// further ones wait in the socket's queue.
pub(crate) const MAX_CLIENTS: usize = 2048;

/// Connections that wait in the kernel; `somaxconn` cuts it to what the system allows (4096 today).
pub(crate) const ACCEPT_QUEUE: i32 = 4096;

/// New clients taken in one turn of the loop: twice what one spool file holds, so that a flood of
/// connections neither starves those that are open nor spoils the grouping.
pub(crate) const ACCEPTS_PER_TURN: usize = 128;

/// Time to wait when the system gives no descriptor for a new client.
pub(crate) const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// How often the machine id's age is looked at (contract).
pub(crate) const MACHINE_ID_CHECK: Duration = Duration::from_secs(60 * 60);

/// Least time between two log lines about refused records, at first: a client that sends noise must not fill the log.
pub(crate) const REFUSAL_LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Configuration files of senders that are remembered as good. Few programs name one; a user who names
/// many costs only the reading.
pub(crate) const TRUSTED_CONFIGS: usize = 16;

/// What a record takes in a file besides its text: the frame line of a batch, newlines.
pub(crate) const RECORD_OVERHEAD_BYTES: u64 = 96;

/// Most that `spool_keep_free` keeps free. A percentage of a large file system is more than anybody
/// misses, and the spool is small.
pub(crate) const KEEP_FREE_BYTES: u64 = 1 << 30;

/// Users that are told apart at one time. A user with subordinate ids can be 65,536 users.
pub(crate) const MAX_USERS: usize = 1024;
