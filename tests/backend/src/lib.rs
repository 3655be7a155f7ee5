//! The collector of telemetry records: an HTTP server over a database.
//!
//! It takes records at `POST /`, `/v2/collector` (one HTTP header a record header, the payload as the
//! body) and `/v3/collector` (one JSON object), and shows them at `/telemetryui` and `/api/records`.
//!
//! ```text
//!  request ─▶ web ─▶ intake ─▶ record ─▶ storage ─▶ SQLite or PostgreSQL
//!              │   names, text   rules      ▲
//!              └── filter ────────────────▶─┤◀─ purge ◀─ retention
//! ```
//!
//! `record`, `intake`, `filter`, `retention`, `groups` and `samples` are pure: values in, values out, the time among them. `fleet`
//! makes up machines and their records, for tests and demonstrations.
//! `storage`, `transfer`, `symbols`, `web` and `server` are the edges. Whoever embeds this crate calls [`run`] once, from a
//! program that prints the error. Without the feature `server`, which is there unless it is left out, the crate has what reads
//! foreign bytes and stores them, and nothing that serves or that people call: for fuzzing, which builds all that it gets at
//! a high price.
//!
//! ```
//! use telem_collector::retention::{KeepRule, KeepTime, Retention, Subject};
//!
//! let retention = Retention::new(KeepTime::Days(35), vec![KeepRule::for_class("a/*/c=7")?]);
//! let record = Subject { classification: "a/b/c", severity: 1, machine_id: "m", received_secs: 0 };
//! assert!(retention.is_due(record, 8 * 86_400));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod access;
pub mod charts;
pub mod cli;
pub mod comparisons;
pub mod config_file;
pub mod confine;
pub mod filter;
pub mod fleet;
pub mod forecasts;
pub mod forget;
pub mod groups;
pub mod groups_upkeep;
pub mod intake;
pub mod limits;
#[cfg(feature = "server")]
pub mod plugins;
pub mod pull;
pub mod purge;
pub mod record;
pub mod retention;
pub mod samples;
pub mod samples_upkeep;
pub mod sections;
pub mod served;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "server")]
pub mod setup;
pub mod site_rules;
pub mod status;
pub mod storage;
pub mod symbols;
pub mod sync;
pub mod timestamp;
#[cfg(feature = "server")]
pub mod transfer;
pub mod trust;
#[cfg(feature = "server")]
pub mod web;

#[cfg(feature = "server")]
mod commands;

#[cfg(feature = "server")]
mod doctor;
#[cfg(feature = "server")]
mod owner;
#[cfg(feature = "server")]
mod run;
#[cfg(feature = "server")]
mod start_error;

#[cfg(feature = "server")]
pub use run::run;
#[cfg(feature = "server")]
pub use start_error::StartError;
