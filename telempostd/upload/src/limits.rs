//! Bounds of what is done for one request, with their reasons.

use std::time::Duration;

/// Longest time for a connection to be made, the TLS handshake included. Slow links need a few seconds.
pub const CONNECT_TIME: Duration = Duration::from_secs(10);

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

/// zlib's default. Backtraces of 8 KiB become a quarter in 70 us, as also with level 9; level 1
/// leaves a fifth more.
pub const GZIP_LEVEL: u32 = 6;

/// zstd's default. The same backtraces become a quarter in 30 us; level 9 leaves a tenth less.
pub const ZSTD_LEVEL: i32 = 3;

/// What the header costs that names the coding: a body that saves less goes as it is.
pub const CODING_HEADER_BYTES: usize = "Content-Encoding: gzip\r\n".len();

/// Longest body of an answer. The collector answers with the record as JSON, below 16 KiB; what is longer
/// is not read, and the connection is given up.
pub const ANSWER_BYTES: usize = 64 * 1024;

/// Longest `Retry-After` value: a date has 29 characters.
pub const RETRY_AFTER_BYTES: usize = 64;

/// Longest head of an answer's body, and of any other text about it, that telempostd is told.
pub const ANSWER_HEAD_BYTES: usize = 512;
