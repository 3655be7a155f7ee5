//! What a process of ours does, whichever it is: it logs, takes signals, watches consent, is the only one of its kind,
//! reports to systemd that it is ready, and ends when it was idle.
//!
//! None of it knows records or what lies on disk. Both daemons are loops over file descriptors, so that what waits
//! here offers a descriptor.

pub mod config_warnings;
pub mod consent_watch;
pub mod idle_exit;
pub mod instance;
pub mod logging;
pub mod malloc_trim;
pub mod native_journal;
pub mod readiness;
pub mod signals;
pub mod throttle;
