//! telempostd delivers the records in the spool to the collector.
//!
//! `event_loop` waits, `delivery` decides, `dispatch` acts; `upload` is the way to the network,
//! through a process of its own. ARCHITECTURE.md has the drawing.

mod backlog;
pub mod cli;
mod daemon;
mod delivery;
mod dispatch;
mod event_loop;
mod gate;
mod lane;
mod limits;
mod outage;
mod outcome;
mod rate_limit;
mod record_server;
mod retention;
mod retry;
mod scan;
pub mod settings;
mod status;
mod tally;
mod upload;

pub use daemon::run;
