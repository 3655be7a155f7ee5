//! What telemprobd and telempostd share, and what telemctl asks of them: command lines, logging, signals, the watch over
//! consent, the lock that makes a daemon the only one of its kind, the idle exit, and the state that
//! delivery and the crash probe leave for people to read.
//!
//! None of it knows records. Both daemons are loops over file descriptors (epoll), so that what waits
//! here offers a descriptor.

pub mod cli;
pub mod consent;
pub mod counters;
pub mod crash_book;
pub mod delivery_status;
pub mod instance;
pub mod lifetime;
pub mod logging;
pub mod malloc_trim;
pub mod native_journal;
pub mod notify;
pub mod recurring;
pub mod signals;
pub mod sliding_window;
pub mod state_file;
