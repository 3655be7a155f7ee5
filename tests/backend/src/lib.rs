//! The collector of telemetry records: an HTTP server over an embedded SQLite database.
//!
//! It takes records at `POST /`, `/v2/collector` (one HTTP header a record header, the payload as the
//! body) and `/v3/collector` (one JSON object), and shows them at `/telemetryui` and `/api/records`.
//!
//! ```text
//!  request ─▶ web ─▶ intake ─▶ record ─▶ store ─▶ SQLite (one thread owns it)
//!              │   names, text   rules     ▲
//!              └── filter ───────────────▶─┤◀─ purge ◀─ retention
//! ```
//!
//! `record`, `intake`, `filter` and `retention` are pure: values in, values out, the time among them.
//! `store`, `web` and `server` are the edges. Whoever embeds this crate calls [`run`] once, from a
//! program that prints the error.
//!
//! ```
//! use telem_collector::retention::{KeepTime, Retention};
//!
//! let retention = Retention::new(KeepTime::Days(35), vec!["a/b/*=7".parse()?], vec![])?;
//! assert_eq!(retention.keep_time("a/b/c", 1), KeepTime::Days(7));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod cli;
pub mod filter;
pub mod intake;
pub mod limits;
pub mod purge;
pub mod record;
pub mod retention;
pub mod server;
pub mod store;
pub mod timestamp;
pub mod web;

mod run;

pub use run::{StartError, run};
