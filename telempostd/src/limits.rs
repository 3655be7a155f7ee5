//! Every bound of delivery, with its reason.

use std::time::Duration;
use telempost_upload::limits as upload;

/// Requests in flight to the system's server: enough that a server 50 ms away gets over 1,000 a second, few
/// enough that a kill sends only few records twice, and below the 100 streams that servers of HTTP/2 are
/// to allow at least (RFC 9113, 6.5.2).
pub(crate) const IN_FLIGHT: usize = 64;

/// The same where every connection carries one request at a time: one on each of telempost-upload's 8
/// connections and three behind it, which keeps them busy (20,000 a second on loopback; with one behind it
/// 16,000). More would wait there until their 60 seconds are up when an answer takes 7 seconds.
pub(crate) const IN_FLIGHT_HTTP_1: usize = 32;

/// Requests in flight to one server that records' own configurations (`CFG:`) name. Any user may name
/// one, and a slow one must not take up the places of the others.
pub(crate) const IN_FLIGHT_OWN_SERVER: usize = 4;

/// Requests in flight to all such servers together.
pub(crate) const IN_FLIGHT_OWN_SERVERS: usize = 16;

/// Records for the system's server that are held in memory before they are sent; the next file is read
/// below it.
pub(crate) const READ_BELOW: usize = IN_FLIGHT;

/// Records for the system's server that are held at most: that, and a whole file that was read last.
pub(crate) const HELD: usize = READ_BELOW + telemetry_store::limits::RECORDS_PER_FILE;

/// Records that are held at most for any other server.
pub(crate) const HELD_OWN_SERVER: usize = 2;

/// Servers that are told apart, the system's included. With their records in flight and held they take
/// 3 MB at the very most. Records for one more wait until another one has none left.
pub(crate) const SERVERS: usize = 64;

/// Configurations of records that are remembered between two records.
pub(crate) const REMEMBERED_CONFIGS: usize = 64;

/// Longest payload: what telemprobd lets through, each byte replaced by a three-byte character where it
/// was not UTF-8. Anything longer was not written by a telemetry daemon.
pub(crate) const PAYLOAD_BYTES: usize = 3 * telemetry_record::limits::PAYLOAD_BYTES;

/// Files that one turn of the loop reads, so that signals and answers never wait for a long backlog.
pub(crate) const STEPS_PER_TURN: usize = 128;

/// Names of the spool that one turn looks at.
pub(crate) const NAMES_PER_TURN: usize = 512;

/// Records whose fate is known that are kept back to be written into the journal together.
pub(crate) const COMMIT_TOGETHER: usize = 16;

/// How long they are kept back while nothing else happens.
pub(crate) const COMMIT_WITHIN: Duration = Duration::from_millis(5);

/// First wait for a server that did not take a record, at most.
pub(crate) const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Longest wait that is chosen here.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// Shortest wait: chance must not make it none.
pub(crate) const SHORTEST_WAIT: Duration = Duration::from_millis(50);

/// Longest wait that a server can ask for. A wrong `Retry-After` must not silence a machine for good.
pub(crate) const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// Over how long the machines of a fleet spread the delivery of what waited through a start of the machine.
/// A minute takes the edge off, and nobody misses a record for so long.
pub(crate) const START_SPREAD: Duration = Duration::from_secs(60);

/// How often an outage that goes on is logged.
pub(crate) const OUTAGE_REMINDER: Duration = Duration::from_secs(60 * 60);

/// For how long the next outage of a server is not logged: one that takes a record now and then, or asks for a pause
/// after each dozen, would fill the log.
pub(crate) const OUTAGE_QUIET: Duration = Duration::from_secs(10 * 60);

/// After what time removed and refused records are logged as a sum, at first.
pub(crate) const TALLY_INTERVAL: Duration = Duration::from_secs(60);

/// A file that gives no record is looked at again until it is this old: the C daemons write under the
/// final name, and may not be done.
pub(crate) const STILL_WRITTEN: Duration = Duration::from_secs(10);

/// How often the state for `telemctl status` is written at most.
pub(crate) const STATUS_INTERVAL: Duration = Duration::from_secs(1);

/// How long the upload process lives without work: long enough for the next of a series of records, short
/// against the idle exit.
pub(crate) const UPLOAD_IDLE: Duration = Duration::from_secs(10);

/// How long nothing is in flight before the memory of what was is given back.
pub(crate) const MEMORY_IDLE: Duration = Duration::from_secs(1);

/// When an answer of the upload process is overdue: its own limit on a request is 60 seconds. Then it
/// hangs, as in the opening of a file on a file system that is gone, and is replaced.
pub(crate) const UPLOAD_OVERDUE: Duration = Duration::from_secs(75);

/// How long a clean stop waits for the requests in flight.
pub(crate) const STOP_WAIT: Duration = Duration::from_secs(5);

/// Longest report of the upload process: texts of 512 bytes and a few numbers, with room.
pub(crate) const REPORT_BYTES: usize = 4096;

// What is said above of telempost-upload holds while these do.
const _: () = assert!(upload::KEPT_HANDLES == IN_FLIGHT);
const _: () = assert!(upload::CONNECTIONS_PER_SERVER * 4 == IN_FLIGHT_HTTP_1);
const _: () = assert!(upload::REQUEST_TIME.as_secs() < UPLOAD_OVERDUE.as_secs());
// A report's texts, with the numbers beside them.
const _: () = assert!(upload::ANSWER_HEAD_BYTES + 512 < REPORT_BYTES);
