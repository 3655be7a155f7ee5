//! Every bound of the collector: the number, and the mistake or attack that it stops.
//!
//! The lengths of single record fields stand with their rules, in [`crate::record`].

use std::time::Duration;

/// Bytes of a payload: what the client library cuts it to.
pub const MAX_PAYLOAD_BYTES: usize = 8192;

/// Bytes of a `/v3/collector` body. JSON may spell one byte as six (`\u001f`): 8192 of payload and 15
/// values of 240 come to 70,752, the rest is for names and white space.
pub const MAX_JSON_BODY_BYTES: usize = 96 * 1024;

/// Bytes of an oversized body that are read and thrown away, so that a sender of a somewhat too large
/// record reads its 413 in place of a reset connection. A larger body is not waited for.
pub const MAX_DISCARDED_BYTES: usize = 256 * 1024;

/// Bytes by which a compressed body may be longer than the plain one: what gzip and zstd add to 96 KiB that
/// do not compress is below 100.
pub const MAX_CODING_OVERHEAD_BYTES: usize = 1024;

/// Bytes of a request line with its headers: 15 record headers of 256 bytes and what proxies add.
pub const MAX_HEAD_BYTES: usize = 32 * 1024;

/// Bytes of an `Idempotency-Key`; a UUID has 36, a SHA-256 in hex 64.
pub const MAX_IDEMPOTENCY_KEY_BYTES: usize = 128;

/// Characters of a refused value that an error message repeats.
pub const MAX_QUOTED_CHARS: usize = 64;

/// Bytes of a filter's value in a query.
pub const MAX_FILTER_BYTES: usize = 250;

/// Records in one answer of `/api/records`, and the default of its `limit`.
pub const MAX_RECORDS_ANSWERED: u32 = 1000;

/// Records on the page when the query names no `limit`.
pub const RECORDS_ON_PAGE: u32 = 100;

/// Days that `created_in_days` may reach back.
pub const MAX_CREATED_IN_DAYS: u32 = 30;

/// Jobs that wait for the database thread. Beyond it requests wait in their own tasks, which hold no more
/// than one body each.
pub const MAX_WAITING_JOBS: usize = 1024;

/// Records that share one transaction, so that 200 clients cost one sync and not 200.
pub const MAX_BATCH: usize = 256;

/// Records that one step of a purge looks at; posts are served between two steps.
pub const PURGE_STEP_RECORDS: u32 = 1000;

/// Bytes of a database that is checked whole at the start: about a second of reading. A larger one is
/// checked as far as its schema; damage further in shows as a 503 of the request that meets it.
pub const MAX_CHECKED_DATABASE_BYTES: u64 = 256 * 1024 * 1024;

/// How long a locked database is waited for at the start: the end of a predecessor that is stopping.
pub const DATABASE_LOCK_TIME: Duration = Duration::from_secs(1);

/// Connections that wait to be accepted.
pub const LISTEN_BACKLOG: u32 = 1024;

/// Pause after a failed accept (no descriptors left), which would otherwise be retried without rest.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long a request may take to arrive and be answered.
pub const REQUEST_TIME: Duration = Duration::from_secs(30);

/// How long the headers of a request may take, the idle time before them on a kept connection included.
pub const HEADER_TIME: Duration = Duration::from_secs(30);

/// How long an answer may lie unread by its client.
pub const UNREAD_TIME: Duration = Duration::from_secs(30);

/// How long requests in flight may still take after a SIGTERM.
pub const STOP_TIME: Duration = Duration::from_secs(10);

/// Time between two purges.
pub const PURGE_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);
