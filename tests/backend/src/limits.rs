//! Every bound of the collector: the number, and the mistake or attack that it stops.
//!
//! The lengths of single record fields stand with their rules, in [`crate::record`].

use std::time::Duration;

/// Bytes of a payload. Our client library cuts it to 8 KiB; other clients send more.
pub const MAX_PAYLOAD_BYTES: usize = 1024 * 1024;

/// Bytes of a `/v3/collector` body. JSON may spell one byte as six (`\u001f`): the payload, 15 values of 240
/// bytes, and some room for names and white space.
pub const MAX_JSON_BODY_BYTES: usize = 6 * MAX_PAYLOAD_BYTES + 64 * 1024;

/// Bytes by which a compressed body may be longer than the plain one: what gzip and zstd add to 6 MiB that
/// do not compress is below 3 KiB.
pub const MAX_CODING_OVERHEAD_BYTES: usize = 4 * 1024;

/// How long an oversized body is read and thrown away, so that its sender reads its 413 instead of a reset
/// connection.
pub const DISCARD_TIME: Duration = Duration::from_secs(10);

/// Bytes of a body that need no permit. It is above what our own clients send, so that large bodies that do not
/// come to their end hold up none of theirs.
pub const FREE_BODY_BYTES: usize = 96 * 1024;

/// Bytes of larger bodies that are in memory at the same time, from their first byte to the answer. More wait.
pub const MAX_LARGE_BODIES_BYTES: usize = 64 * 1024 * 1024;

/// Bytes of a request line with its headers: 15 record headers of 256 bytes and what proxies add.
pub const MAX_HEAD_BYTES: usize = 32 * 1024;

/// Bytes of an `Idempotency-Key`; a UUID has 36, a SHA-256 in hex 64.
pub const MAX_IDEMPOTENCY_KEY_BYTES: usize = 128;

/// Days that a key is known, from the reception of the first record that had it. A client that was off the
/// network longer than its spool keeps records (a month) sends none of them again.
pub const KEY_DAYS: i64 = 40;

/// Characters of a refused value that an error message repeats.
pub const MAX_QUOTED_CHARS: usize = 64;

/// Bytes of a filter's value in a query.
pub const MAX_FILTER_BYTES: usize = 250;

/// Bytes of a compiled pattern for payloads: a short one that counts can be very large.
pub const MAX_PATTERN_BYTES: usize = 1024 * 1024;

/// Records in one answer of `/api/records`, and the default of its `limit`.
pub const MAX_RECORDS_ANSWERED: u32 = 1000;

/// Bytes of payload in one answer: 1000 records of 8 KiB, where 1000 of 1 MiB would be a gigabyte. The answer has fewer
/// records then.
pub const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// Records on the page when the query names no `limit`.
pub const RECORDS_ON_PAGE: u32 = 50;

/// Records that are gone through for a page that is asked for by its number.
pub const MAX_WALKED_RECORDS: i64 = 10_000;

/// Days that pages reach back: as long as counts are kept.
pub const MAX_DAYS: u32 = 400;

/// Days that `created_in_days` may reach back.
pub const MAX_CREATED_IN_DAYS: u32 = 30;

/// How long payloads are compared with a pattern. The page says how far that went.
pub const PATTERN_TIME: Duration = Duration::from_secs(2);

/// Records that a page counts of those that a filter finds; more are "more than".
pub const MAX_COUNTED_RECORDS: u64 = 10_000;

/// How long it counts.
pub const COUNT_TIME: Duration = Duration::from_millis(30);

/// Groups that conditions on failures may mean, those last seen first: each is a number in a query.
pub const MAX_GROUPS_MEANT: usize = 50_000;

/// Records of all groups that are meant which are found by their index, and sorted; where there are more, going from the
/// newest record down is faster.
pub const FEW_RECORDS: u64 = 20_000;

/// How long the database may take for one query. One that needs longer asks for too much at a time.
pub const QUERY_TIME: Duration = Duration::from_secs(10);

/// Queries that read at the same time; more wait.
pub const READERS: usize = 4;

/// Posts that wait for the writer. More wait in their own tasks, which hold one body each.
pub const MAX_WAITING_POSTS: usize = 1024;

/// Records that share one transaction, so that 200 clients cost one sync and not 200.
pub const MAX_BATCH: usize = 1000;

/// Bytes of payload that share one transaction.
pub const MAX_BATCH_BYTES: usize = 16 * 1024 * 1024;

/// Records that one step of a purge examines; posts are stored between two steps.
pub const PURGE_STEP_RECORDS: u32 = 1000;

/// Bytes of a database that is checked whole at the start: about a second of reading. A larger one is
/// checked as far as its schema; damage further in shows as a 503 of the request that meets it.
pub const MAX_CHECKED_DATABASE_BYTES: u64 = 256 * 1024 * 1024;

/// How long a locked database is waited for: the end of a predecessor that is stopping, a program that has
/// it open.
pub const DATABASE_LOCK_TIME: Duration = Duration::from_secs(10);

/// How long the lock of a predecessor that is stopping is waited for at the start.
pub const START_LOCK_TIME: Duration = Duration::from_secs(1);

/// Connections that wait to be accepted.
pub const LISTEN_BACKLOG: u32 = 1024;

/// Pause after a failed accept (no descriptors left), which would otherwise be retried without rest.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long a handshake of TLS may take.
pub const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// Handshakes that go on at the same time. One more ends the oldest: an honest one takes milliseconds, and who stalls in
/// his keeps nobody out.
pub const MAX_HANDSHAKES: usize = 512;

/// How long a request may take to arrive and be answered.
pub const REQUEST_TIME: Duration = Duration::from_secs(30);

/// How long the headers of a request may take, the idle time before them on a kept connection included.
pub const HEADER_TIME: Duration = Duration::from_secs(30);

/// How long an answer may lie unread by its client.
pub const UNREAD_TIME: Duration = Duration::from_secs(30);

/// How long requests in flight may still take after a SIGTERM.
pub const STOP_TIME: Duration = Duration::from_secs(10);

/// Variants that a session keeps in memory, each with what its rules say of its frames: some kilobytes.
pub const KNOWN_VARIANTS: usize = 20_000;

/// New versions in a day, of all lines: anybody may make versions up, and each has counts of its own for 400 days. Records
/// with more count for no version.
pub const NEW_VERSIONS: u64 = 5000;

/// Builds of modules that are kept of one variant. A library that is built daily for three months has fewer.
pub const MODULE_BUILDS: u64 = 100;

/// Guilties in all: the pairs of function and module that the Flask backend's way makes. Further ones are none.
pub const GUILTIES: u64 = 50_000;

/// Bytes of a guilty's function, and of its module. An index of PostgreSQL takes 2,700 of both.
pub const GUILTY_BYTES: usize = 1200;

/// Pairs in the blacklist of guilties: a person makes them.
pub const BLACKLISTED: u64 = 10_000;

/// Characters of a comment on a guilty, as the Flask backend had them.
pub const COMMENT_CHARS: usize = 80;

/// Records whose guilties one step finds again; posts are stored between two steps.
pub const GUILTY_STEP_RECORDS: u32 = 200;

/// Records that one step examines which moves them to another group; posts are stored between two steps.
pub const MOVE_STEP_RECORDS: usize = 1000;

/// Addresses for which names from debug files are wanted. Anybody may make up frames; what is beyond that is left
/// out, and the page `collector` says so.
pub const WANTED_ADDRESSES: u64 = 100_000;

/// Addresses of one report for which names are wanted, those of the thread that failed first: a report may have hundreds of
/// threads.
pub const WANTED_OF_VARIANT: usize = 256;

/// Addresses whose names are kept, some hundred bytes each.
pub const NAMED_ADDRESSES: u64 = 1_000_000;
