//! Bounds of what others may take of telempulld, each with its reason.

use std::time::Duration;

/// Connections at one time: a collector or two, Prometheus, and room for what hangs.
pub const CONNECTIONS: usize = 64;

/// Connections of one certificate at one time.
pub const CONNECTIONS_OF_ONE: usize = 8;

/// Connections of programs of this machine at one time: whoever is here cannot take the room of those who ask from elsewhere.
pub const CONNECTIONS_OF_THIS_MACHINE: usize = CONNECTIONS / 2;

/// Handshakes at one time: the oldest makes room.
pub const HANDSHAKES: usize = 16;

/// How long a handshake may take.
pub const HANDSHAKE_TIME: Duration = Duration::from_secs(5);

/// Longest line of the request with its headers, in bytes.
pub const HEADER_BYTES: usize = 16 * 1024;

/// How long headers may take.
pub const HEADER_TIME: Duration = Duration::from_secs(10);

/// How long a connection may wait for its next request.
pub const IDLE_TIME: Duration = Duration::from_secs(75);

/// How long neither a byte of a request may come nor one of an answer go.
pub const STALL_TIME: Duration = Duration::from_secs(30);

/// How much of a body that is too long is still read, so that its sender gets the answer and not a broken connection.
pub const DISCARDED_BYTES: usize = 16 * 1024 * 1024;

/// Certificates and addresses whose pace is remembered.
pub const PACES: usize = 1024;

/// Longest file of passwords, in bytes.
pub const PASSWORD_FILE_BYTES: u64 = 64 * 1024;

/// Unknown certificates that are remembered as logged.
pub const LOGGED_CERTIFICATES: usize = 256;
