//! telempostd delivers the records in the spool to the collector.
//!
//! ```text
//!   scan ──▶ queue ◀── reader           which files there are; what comes next; what a file holds
//!              │
//!              ▼
//!   pacing ▶ exchange ──▶ telempost-upload      may it leave; out to the server, and what its response means
//!              │
//!              ├──▶ delivery_log        delivered
//!              └──▶ janitor             rejected, expired, damaged, over the disk budget
//!
//!   copies                               the same files for servers that get every record besides: a queue for each
//! ```
//!
//! `daemon` waits and lets each of them act; `accounting` counts and logs what happened, and `clock` says how old a
//! file is. `queue` is a value: clock, files and network come in from outside.

mod accounting;
mod chance;
pub mod cli;
mod clock;
mod copies;
mod daemon;
mod delivery_log;
mod exchange;
mod foreign;
pub mod forget;
mod janitor;
mod limits;
mod pacing;
mod queue;
mod reader;
mod scan;
mod server_path;
pub mod settings;

pub use daemon::{DaemonError, run};
pub use exchange::{ProgramMissing, identity_program};
pub use forget::program as forget_program;
