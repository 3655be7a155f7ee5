//! What lies on disk, and its formats: the [`spool`], [`rejected`] records, the [`delivery_log`], the [`machine_id`], the
//! [`steady_clock`] in which records age, and the state files that the programs leave for their next run and for people
//! ([`counters`], [`delivery_status`], [`crash_history`]); and whose share of it something is ([`shares`]).
//!
//! It takes paths, never settings, and knows no clock: times come in as values.

pub mod check_states;
pub mod counters;
pub mod crash_history;
pub mod delivery_log;
pub mod delivery_status;
pub mod forget;
pub mod limits;
pub mod machine_id;
pub mod preimages;
pub mod rejected;
pub mod series;
pub mod shares;
pub mod sliding_window;
pub mod spool;
pub mod state_file;
pub mod steady_clock;
