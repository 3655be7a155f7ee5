//! What every process of ours does: it reads its command line, logs, handles signals, watches consent, is the only
//! instance of its kind, reports to systemd that it is ready, and exits when it has been idle.
//!
//! Nothing here knows records or what is on disk. The daemons are loops over file descriptors, so that each source of
//! events here offers a descriptor.

mod adjtimex;
pub mod clocks;
pub mod command_line;
pub mod config_warnings;
pub mod consent_watch;
pub mod foreign_files;
pub mod fork;
pub mod idle_exit;
pub mod inotify_limits;
pub mod instance;
pub mod logging;
pub mod malloc_trim;
pub mod native_journal;
pub mod poller;
pub mod privileges;
pub mod process_error;
pub mod program_text;
pub mod readiness;
pub mod signals;
pub mod throttle;
