//! What went wrong below the programs, as the journal has it: units that failed, and, if the administrator allows it
//! (`etc_dir/opt-in-no-privacy-filters`), whatever was logged as an error.
//!
//! ```text
//!  libsystemd ──▶ entry ──▶ failure ──▶ state ─▶ telemprobd
//!  (sd_journal)     │                    │
//!                cursor ──▶ position ────┘
//! ```
//!
//! The position moves with each entry that is read, and is written together with what was found in it
//! ([`telemetry_outbox`]), so that a probe that is killed neither repeats nor misses anything.

pub mod cli;
pub mod entry;
pub mod failure;
pub mod limits;

pub use cli::Args;
