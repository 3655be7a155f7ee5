//! Bounds of what is asked and answered, each with its reason.

use std::time::Duration;

/// How long a machine may take, from its name to the last byte.
pub const WHOLE_TIME: Duration = Duration::from_secs(10);

/// How long one of its addresses may take, where it has several.
pub const ADDRESS_TIME: Duration = Duration::from_secs(3);

/// Bytes of an answer: that of a machine with all its lists is 17 MB.
pub const ANSWER_BYTES: usize = 32 * 1024 * 1024;

/// Bytes of an answer that need no room of those below: usual ones have 10 to 60 KB.
pub const FREE_BYTES: usize = 256 * 1024;

/// MiB of larger answers that are in memory at the same time; more wait, within their time.
pub const LARGE_MIB: usize = 64;

/// Bytes of an answer that is not what was asked for.
pub const REFUSAL_BYTES: usize = 16 * 1024;

/// Bytes that a connection gathers before they are taken.
pub const BUFFER_BYTES: usize = 64 * 1024;

/// Bytes of an answer that is read at once; a larger one is read beside, where it holds nobody up.
pub const SMALL_BYTES: usize = 128 * 1024;

/// Large answers that are read at the same time.
pub const LARGE_AT_A_TIME: usize = 1;

/// Names that are looked up at the same time: the system's own look-up cannot be stopped, and each holds a thread, of which
/// the unit allows 64.
pub const LOOKUPS: usize = 16;

/// Answers and faults that wait to be stored.
pub const WAITING: usize = 1024;

/// Answers and faults of one transaction.
pub const BATCH: usize = 256;

/// monitoring-params.xml that are handed to machines at the same time.
pub const HANDING: usize = 16;

/// Machines with which certificates are exchanged at the same time.
pub const EXCHANGING: usize = 16;

/// Faults that are logged in a minute.
pub const LOGGED: u32 = 20;
