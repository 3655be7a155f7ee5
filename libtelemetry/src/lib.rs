//! Builds telemetry records and sends them to telemprobd, the daemon of this machine.
//!
//! A record says what happened (a classification, a severity, a payload) and where (15 headers that the
//! library fills in). Nothing leaves a machine whose user has not opted in.
//!
//! ```no_run
//! use telemetry::{Client, Record};
//!
//! let mut record = Record::new(1, "org.example/backup/finished", 1)?;
//! record.set_payload("files: 1204\nseconds: 31\n")?;
//! Client::new()?.send(&record)?;
//! # Ok::<(), telemetry::Error>(())
//! ```
//!
//! [`Client::send`] returns once the record is on disk. It never starts a thread, never blocks for more
//! than about two seconds, and changes nothing of the process: no signal disposition, no environment, no
//! descriptor that a child could inherit.
//!
//! `capi` is the C interface on top of [`Client`] and [`Record`]; see `telemetry.h`.

mod capi;
mod client;
mod error;
pub mod host;
pub mod limits;
mod malloc;
mod pthread_setcancelstate;
mod record;

pub use client::Client;
pub use error::Error;
pub use record::{MACHINE_ID_PLACEHOLDER, RECORD_FORMAT_VERSION, Record};
