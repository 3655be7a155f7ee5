//! telempostd delivers the records in the spool to the collector.
//!
//! `event_loop` waits, `delivery` decides, `dispatch` acts; `upload` is the way to the network,
//! through a process of its own. ARCHITECTURE.md has the drawing.

mod accounting;
pub mod cli;
mod daemon;
mod delivery_log;
mod dispatch;
mod exchange;
mod limits;
mod pacing;
mod queue;
mod reader;
mod scan;
pub mod settings;

pub use daemon::run;
