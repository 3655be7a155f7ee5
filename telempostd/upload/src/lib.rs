//! What telempostd and telempost-upload have in common: the [`protocol`] between them, and the [`limits`] that each relies on
//! the other to keep.
//!
//! The program telempost-upload, in this crate too, posts what telempostd asks it to with libcurl. This library names
//! neither libcurl nor zstd: what is not named is not linked, so that telempostd, which uses the library, has no libcurl
//! in its memory. A test of telempostd (`tests/life.rs`) keeps that.
//!
//! ```
//! use std::borrow::Cow;
//! use telempost_upload::protocol::{Request, decode, encode};
//!
//! let (headers, body) = (vec![("Severity", Cow::Borrowed("1"))], Cow::Borrowed("payload"));
//! let tid_header = ("X-Telemetry-TID", "a");
//! let request = Request { tag: 1, url: "https://h/", ca_file: None, coding: None, tid_header, headers, body };
//! let packet = encode(&request)?;
//! assert_eq!(decode::<Request<'_>>(&packet)?, request);
//! # Ok::<(), telempost_upload::protocol::CodecError>(())
//! ```

pub mod limits;
pub mod protocol;
