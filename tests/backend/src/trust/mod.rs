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
mod renewal;
mod shown;
mod source;
mod tls;
mod watch;

pub use caller::{Caller, ClientCertificates, Roles};
pub use connecting::{Connecting, server_authorities};
pub use error::TrustError;
pub use file::read_list;
pub use identity::{Kind, ensure, existing, next, open as open_directory, renew, switch};
pub use local_services::fingerprints as local_services;
pub use options::{TrustOptions, address};
pub use peers::{LOCAL_IDENTITIES, Lists, Trust};
pub use renewal::{Renewal, keep, keep_renewal, who_connects};
pub use shown::Shown;
pub use tls::Tls;
pub use watch::watch_files;

pub use telemetry_tls::{Handshakes, OwnKey, ServerVerifier, Stamp, provider, stamp};
pub use telemetry_trust::{Announcement, Announcing, Fingerprint, Next, Role, Standing};
