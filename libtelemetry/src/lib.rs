//! Builds telemetry records and hands them to telemprobd, the daemon of this machine.
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
//! The other modules are what the daemons and `telemctl` share with it: the formats of the [`wire`], the
//! [`spool`], the [`journal`] and the [`config`]uration, and the rules of [`opt_in`] and [`machine_id`].
//! `capi` is the C interface on top of [`Client`] and [`Record`]; see `telemetry.h`.

pub mod bounded_file;
mod capi;
mod client;
pub mod config;
mod error;
pub mod host;
pub mod journal;
pub mod limits;
pub mod machine_id;
pub mod opt_in;
mod record;
pub mod spool;

pub use client::{Client, TELEMPROBD_PID_FILE};
pub use error::{Error, errno_of};
pub use record::{MACHINE_ID_PLACEHOLDER, RECORD_FORMAT_VERSION, Record};
