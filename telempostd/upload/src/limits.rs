//! Bounds that telempostd and telempost-upload rely on each other to keep, and those of what a server sends, with their
//! reasons.

use std::time::Duration;

/// Longest time for a whole request. A record has a few KiB; what takes longer does not come.
pub const REQUEST_TIME: Duration = Duration::from_secs(60);

/// Connections to one server. With HTTP/2 one serves all requests; with HTTP/1.1 these are what makes
/// several requests go at once, without being a burden to a server with many clients. telempostd's own limit
/// on requests in flight over HTTP/1.1 is four times this.
pub const CONNECTIONS_PER_SERVER: usize = 8;

/// Connections that are kept open while they are not used.
pub const KEPT_CONNECTIONS: usize = 16;

/// Handles that are kept for the next requests: as many as telempostd has in flight to the system's server.
/// More than that is there only after another server.
pub const KEPT_HANDLES: usize = 64;

/// Requests at once to servers that single records name, each on a connection of its own.
pub const FOREIGN_REQUESTS: usize = 16;

/// Largest file of certificates that a record's configuration may name: twice what Mozilla's list has. Parsed, it
/// takes about four times its size for each connection.
pub const CERTIFICATES_BYTES: u64 = 512 * 1024;

/// Longest opening: a full file of trusted certificates, and an identity.
pub const OPENING_BYTES: u64 = 4 << 20;

/// Longest body of an answer. The collector answers with the record as JSON, below 16 KiB; what is longer
/// is not read, and the connection is given up.
pub const ANSWER_BYTES: usize = 64 * 1024;

/// Longest value of `Retry-After` or `Date`: a date has 29 characters.
pub const HEADER_VALUE_BYTES: usize = 64;

/// Longest head of an answer's body, and of any other text about it, that telempostd gets.
pub const ANSWER_HEAD_BYTES: usize = 512;

// Each connection that is in use can be kept.
const _: () = assert!(CONNECTIONS_PER_SERVER <= KEPT_CONNECTIONS);
// What telempostd gets of an answer is a part of what is read of it.
const _: () = assert!(ANSWER_HEAD_BYTES <= ANSWER_BYTES);
