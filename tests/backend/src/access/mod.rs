//! Who may read pages, and who may change what they show.
//!
//! ```text
//!  Basic ──────────▶ guard: one bcrypt at a time, slower after failures ─▶ users (a password file)
//!  login form ─────▶   "                                                     │
//!  session cookie ─▶ sessions                                                ▼
//!  proxy's header ─▶ believed from the addresses of --proxy alone ─────▶ Visitor
//!  nobody of these ▶ from a loopback address, not through a proxy ─────────▲
//! ```
//!
//! Without users and without a proxy's header reading is open to all who reach the collector, and changes are taken from
//! its own machine. The time is an argument everywhere.

mod attempts;
mod credentials;
mod options;
mod sessions;
mod users;
mod visitor;

pub use attempts::Attempts;
pub use credentials::{Credentials, basic};
pub use options::AccessOptions;
pub use sessions::{SESSION_SECS, Sessions};
pub use users::{Users, UsersError};
pub use visitor::{Policy, Visitor};
