//! Debug files: names for frames that a report has only addresses of.
//!
//! ```text
//!  storage::symbols: wanted ─▶ work: one file at a time, most machines first
//!                               │
//!                               ├─▶ directory: DIR/.build-id/xx/yyyy.debug
//!                               ├─▶ client: debuginfod, into a file without a name
//!                               ▼
//!                              reader ─▶ a process without rights: debug_file ─▶ names
//!                               │
//!  storage::symbols: kept ◀─────┘
//! ```
//!
//! Nothing here is on the way of a post. A debug file is foreign: who may send reports chooses the build-id, and who serves
//! files their bytes. So a file is never read by the collector itself, each costs bounded bytes, time and memory, and one
//! that has another build-id than it was asked by is not used.

mod client;
mod debug_file;
mod directory;
pub mod limits;
mod reader;
mod server_url;
mod sources;
mod temporary;
mod work;

pub use debug_file::{Answer, Needed, NeededUnit, read as read_debug_file};
pub use reader::name_addresses;
pub use server_url::ServerUrl;
pub use sources::Sources;
pub use work::{ServerTrouble, Worker};
