//! envprobe: one sample of how this machine is, as records.
//!
//! ```text
//!  consent, environment_interval ──▶ Snapshot ──▶ parts ──▶ telemprobd: a record each, one event
//!                                    packages, if they have changed ──▶ the same
//!                                    STATE_DIR/envprobe.json: what packages were sent, when each sensor last answered
//! ```
//!
//! Nothing is read before both switches are on, but for `--print`, which sends and keeps nothing.

pub mod cli;
mod package_list;
mod run;
mod sample;
mod settings;
mod state;

pub use run::run;
