//! Machines that are asked how they are: `[pull NAME]` in the file of `--config`.
//!
//! ```text
//!  definition ─▶ schedule ─▶ one of 256 places ─▶ ask: link, TLS by fingerprint ─▶ JSON or SOAP ─▶ Answer or a fault
//!                   ▲                                                                                  │
//!                   └──────────────── when it is asked next ◀──────────────────────────────────────────┤
//!                                                                        storing: many in one transaction
//! ```
//!
//! [`definition`], [`schedule`] and what reads answers are functions of values. An answer that is huge, slow, cut, of another
//! machine or behind another certificate is a fault of that machine alone, and is on the page `collector`.

mod ask;
mod board;
pub mod definition;
mod faults;
mod handing;
mod identities;
pub mod limits;
mod link;
mod plan;
mod puller;
mod room;
pub mod schedule;
pub mod soap;
mod storing;
mod turns;
mod url;
mod waiting;

pub use board::{Board, Definitions};
pub use definition::{Definition, definitions};
pub use plan::{PlanSource, PullError};
pub use puller::Puller;
pub use url::{Url, UrlFault};
