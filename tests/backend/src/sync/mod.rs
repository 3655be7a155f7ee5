//! Networks that nothing may leave: a buffer keeps records until somebody fetches them.
//!
//! ```text
//!  clients ─▶ intake ─▶ BufferEngine ─▶ buffer_items          buffer (opens no connection)
//!                                        │ ▲
//!                            POST lease  │ │ POST confirm     over TLS, role fetch
//!                                        ▼ │
//!                     Fetcher, one task a source ─▶ take ─▶ storage     centre
//! ```
//!
//! The buffer gives a batch under a lease; the fetcher stores it, durably, and confirms; only then is it freed. Whatever
//! breaks on the way, a batch comes again, and keys make one record of both. What a buffer loses (no room, expired) is
//! counted as totals, so that a number that comes twice counts once.

mod answer;
mod boot_time;
mod buffer;
mod buffer_engine;
mod buffer_lease;
mod buffer_room;
mod buffer_upkeep;
mod client;
mod failure;
mod fetcher;
mod fetching;
mod id;
mod identities;
mod leases;
mod losses;
mod message;
mod options;
mod pace;
mod probe;
mod report;
mod source;
mod states;
mod take;
#[cfg(test)]
mod tests;
mod wire;

pub use answer::{AnswerFault, Batch, read_answer};
pub use buffer::{Buffer, BufferError, WhenFull};
pub use buffer_engine::BufferEngine;
pub use buffer_upkeep::{keep_buffer, keep_fetched};
pub use fetcher::fetch_forever;
pub use fetching::Fetching;
pub use identities::{exchange_forever, keep_own};
pub use losses::losses;
pub use message::{ConfirmRequest, LeaseRequest, MAX_REQUEST_BYTES, RequestFault};
pub use options::SyncOptions;
pub use probe::probe;
pub use report::{BufferState, Losses, buffer_state, release, report};
pub use source::{Source, SourceError};
pub use states::{SourceState, states};
