//! Who speaks with this collector, and what he may: certificates by their fingerprint, and the roles of each.
//!
//! ```text
//!  handshake ─▶ Clients: is the leaf listed? (its key is proven by then) ─▶ Shown ─┐
//!  header of a proxy of ours ─────────────────────────────────────────▶ Shown ─┴▶ Trust::caller ─▶ Caller: roles
//!                                                          trust file, learned file, services of this machine ┘
//! ```
//!
//! The trust file may change at any time: [`Trust::reload`] takes the new one, or leaves the old one in force; who has
//! lost a role is cut by the server, which waits for [`Trust::changes`].

mod caller;
mod connecting;
mod error;
mod file;
mod identity;
mod local_services;
mod options;
mod peers;
mod proxy_header;
mod refused;
mod server_verifier;
mod shown;
mod tls;
mod watch;

pub use caller::{Caller, ClientCertificates, Roles};
pub use connecting::Connecting;
pub use error::TrustError;
pub use identity::{Kind, ensure};
pub use options::{TrustOptions, address};
pub use peers::{Lists, Trust};
pub use server_verifier::ServerVerifier;
pub use shown::Shown;
pub use tls::Tls;
pub use watch::watch_files;

pub use telemetry_tls::{Handshakes, OwnKey, provider};
pub use telemetry_trust::{Fingerprint, Role};
