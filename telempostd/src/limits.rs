//! Every bound of delivery, with its reason. How often and after what time something is done stands beside what does it.

use std::time::Duration;
use telemetry_record::limits as record;
use telemetry_store::limits::{RECORDS_PER_FILE, REJECTED_REASON_BYTES};
use telempost_upload::limits as upload;
use telempost_upload::protocol::PACKET_BYTES;

/// Requests in flight to the system's server: enough that a server 50 ms away gets over 1,000 a second, few
/// enough that a kill sends only few records twice, and below the 100 streams that servers of HTTP/2 are
/// to allow at least (RFC 9113, 6.5.2).
pub(crate) const IN_FLIGHT: usize = 64;

/// The same where every connection carries one request at a time: one on each of telempost-upload's 8
/// connections and three behind it, which keeps them busy (20,000 a second on loopback; with one behind it
/// 16,000). More would wait there until their 60 seconds are up when an answer takes 7 seconds.
pub(crate) const IN_FLIGHT_HTTP_1: usize = 32;

/// Requests in flight to all servers that the configurations (`CFG:`) of one user's records name. Any user may name one, and
/// a slow one must not delay the requests to those of others.
pub(crate) const IN_FLIGHT_OF_USER: usize = 4;

/// Requests in flight to all such servers together: each has a connection of its own, and telempost-upload 64 MiB for all.
pub(crate) const IN_FLIGHT_FOREIGN: usize = upload::FOREIGN_REQUESTS;

/// Records for the system's server that are held in memory before they are sent; the next file is read
/// below it.
pub(crate) const READ_BELOW: usize = IN_FLIGHT;

/// Maximum of records for the system's server that are held: that, and a whole file that was read last.
pub(crate) const HELD: usize = READ_BELOW + RECORDS_PER_FILE;

/// Maximum of records that are held for any other server.
pub(crate) const HELD_OWN_SERVER: usize = 2;

/// Requests in flight to a server of `server_copy`: enough that it keeps up, less than to those of the list, which
/// come first.
pub(crate) const IN_FLIGHT_COPY: usize = IN_FLIGHT / 2;

/// The same where every connection carries one request at a time.
pub(crate) const IN_FLIGHT_COPY_HTTP_1: usize = IN_FLIGHT_HTTP_1 / 2;

/// Maximum of records that are held for such a server.
pub(crate) const HELD_COPY: usize = IN_FLIGHT_COPY + RECORDS_PER_FILE;

/// Servers that have a lane, the system's included. With their records in flight and held they take
/// up to 3 MB. Records for one more wait until another one has none left.
pub(crate) const SERVERS: usize = 64;

/// Servers with a lane that the configurations of one user's records name, so that nobody takes all lanes.
pub(crate) const SERVERS_OF_USER: usize = 16;

/// Longest payload: what telemprobd lets through, each byte replaced by a three-byte character where it
/// was not UTF-8. Anything longer was not written by a telemetry daemon.
pub(crate) const PAYLOAD_BYTES: usize = 3 * record::PAYLOAD_BYTES;

/// Records of which it is remembered that a server may have them: what is in flight when a server goes, and one for each
/// later try, for many hours.
pub(crate) const UNANSWERED: usize = 4096;

/// Files that one turn of the loop reads, so that signals and responses never wait for a long backlog.
pub(crate) const STEPS_PER_TURN: usize = 128;

/// Names of the spool that one turn deals with.
pub(crate) const NAMES_PER_TURN: usize = 512;

/// Settled records that are kept back to be written into the delivery log together.
pub(crate) const COMMIT_TOGETHER: usize = 16;

/// Longest wait that a server can ask for. A wrong `Retry-After` must not silence a machine permanently.
pub(crate) const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// Longest response of the upload process: texts of 512 bytes and a few numbers, with room.
pub(crate) const RESPONSE_BYTES: usize = 4096;

/// Of a request, what is neither payload nor headers of the record: URL, file of certificates, names of the headers.
const REQUEST_REST_BYTES: usize = 2 * record::CONFIG_PATH_BYTES + 1024;

// A record is sent while these hold.
const _: () = assert!(upload::KEPT_HANDLES == IN_FLIGHT);
const _: () = assert!(upload::CONNECTIONS_PER_SERVER * 4 == IN_FLIGHT_HTTP_1);
// A response's texts, with the numbers beside them.
const _: () = assert!(upload::ANSWER_HEAD_BYTES + 512 < RESPONSE_BYTES);
// What the server said of a record that it rejected is kept whole.
const _: () = assert!(upload::ANSWER_HEAD_BYTES <= REJECTED_REASON_BYTES);
// The largest record goes into one request, though JSON writes each of its characters as six.
const _: () = assert!(6 * (PAYLOAD_BYTES + record::HEADER_BLOCK_BYTES) + REQUEST_REST_BYTES <= PACKET_BYTES);
const _: () = assert!(IN_FLIGHT_OF_USER <= IN_FLIGHT_FOREIGN && IN_FLIGHT_HTTP_1 <= IN_FLIGHT);
const _: () = assert!(SERVERS_OF_USER < SERVERS);
