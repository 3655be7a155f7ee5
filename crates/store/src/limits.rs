//! Every bound of what lies on disk, with its reason.
//!
//! Numbers marked *contract* are shared with the C programs; the others are ours.

use telemetry_record::limits::{CONFIG_PATH_BYTES, MESSAGE_BYTES};

/// Maximum number of records in a spool file: what is ready in one turn of telemprobd's loop, bounded so
/// that a reader's memory is (64 of the largest are 1 MiB).
pub const RECORDS_PER_FILE: usize = 64;

/// Longest single record in a spool file: a message, without its sizes, with room for the `CFG:` line's end.
pub const SPOOL_RECORD_BYTES: usize = MESSAGE_BYTES;

/// Longest spool file: a full batch and its frame lines. Anything larger is foreign.
pub const SPOOL_FILE_BYTES: u64 = (RECORDS_PER_FILE * (SPOOL_RECORD_BYTES + 128) + 64) as u64;

/// Bytes past which a segment is closed before more is appended: what a reader takes into memory stays small, and what is
/// appended slowly does not wait for its 64th record.
pub const SEGMENT_BYTES: u64 = 256 * 1024;

/// What the spool takes whatever `spool_max_size` says: records are there while they are on their way, and a limit below that
/// bounds what waits once a server did not take it. As much as a full segment.
pub const ON_THE_WAY_BYTES: u64 = 256 * 1024;

/// The same of one user, however small his share: the largest record, and room for another.
pub const ON_THE_WAY_OF_USER_BYTES: u64 = 32 * 1024;

/// Rejected records that are kept: enough to see what a server rejects, and below 2 MiB beside the spool.
pub const REJECTED_KEPT: usize = 100;

/// Age in days at which a rejected record is no longer kept: it holds what a machine said of itself, and whoever has not
/// read it in a month will not.
pub const REJECTED_DAYS: u64 = 30;

/// Longest text of the server's answer that is kept with a rejected record, in bytes: a sentence and room to spare,
/// whatever the server sends.
pub const REJECTED_REASON_BYTES: usize = 1024;

/// Longest file that holds such an answer: a configuration's path may stand there instead of the server.
pub const REJECTED_ANSWER_BYTES: u64 = (CONFIG_PATH_BYTES + REJECTED_REASON_BYTES + 256) as u64;

/// Age in days at which the machine id is made anew (contract).
pub const MACHINE_ID_DAYS: u64 = 3;

/// Entries that the delivery log keeps after pruning (contract).
pub const DELIVERY_LOG_KEPT: usize = 100;

/// Entries past which the delivery log is pruned (contract).
pub const DELIVERY_LOG_PRUNE_PAST: usize = 150;

/// Longest delivery log that is read. 150 entries are below 50 KiB; the C daemon's may have grown.
pub const DELIVERY_LOG_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// Files that gave no record and are kept for people to read, the newest. One or two show what happened; a spool full of
/// noise must not stay on the disk.
pub const DAMAGED_KEPT: usize = 100;
