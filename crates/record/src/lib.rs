//! The record as bytes: what a program says, as it crosses the socket and lies in the spool.
//!
//! ```
//! use telemetry_record::header::{Header, HeaderBlock};
//! use telemetry_record::wire;
//!
//! let headers = HeaderBlock::from_values(Header::ALL.map(Header::name));
//! let bytes = wire::encode(None, &headers, "files: 1204\n")?;
//! assert_eq!(wire::decode(&bytes)?.payload, "files: 1204\n");
//! # Ok::<(), wire::WireError>(())
//! ```
//!
//! Functions of values: no file, no socket, no clock. One door leads out, the system's random source
//! ([`hex_id::HexId::random`]). Error numbers are plain `i32`s, as they stand on the wire.

pub mod classification;
pub mod harmless;
pub mod header;
pub mod hex_id;
pub mod limits;
pub mod message;
pub mod payload;
pub mod wire;
