//! Who is trusted: certificates by their fingerprint, keys by their pin, and the files of both. Values and files; no TLS.
//!
//! A key is renewed without a hand: the next certificate is announced to each peer over a connection in which both have proven
//! their keys ([`Announcement`]), the peer accepts it beside the old one, and after a day with all of them ([`Announced`]) it
//! takes the old one's place ([`renewal`]).
//!
//! ```text
//! trusted_certificates.cfg (people's)   ──▶ TrustList ─┐
//! trusted_learned.cfg      (a daemon's) ──▶ TrustList ─┴▶ of_server(HOST:PORT) ──▶ fingerprints ──▶ pins, for libcurl
//! cli_certificate.pem, srv_certificate.pem             ──▶ Identity: key, certificate, its fingerprint
//! ```

mod announced;
mod announcement;
mod announcing;
pub mod der;
pub mod edit;
mod fingerprint;
mod first_use;
mod has;
mod identity;
pub mod limits;
mod line;
pub mod paths;
mod pin;
pub mod renewal;
mod server_address;
#[cfg(test)]
mod testing;
mod trust_list;

pub use announced::{Announced, Standing};
pub use announcement::{Announcement, AnnouncementError, Next};
pub use announcing::Announcing;
pub use fingerprint::{Fingerprint, FingerprintError};
pub use first_use::{BootTime, FirstUse, LEARNED_FILE, LOCK_FILE, Learning, WINDOW_FILE, Window};
pub use has::Has;
pub use identity::{Identity, IdentityFault, Malformed, lock_identities, shown_fingerprint};
pub use line::{Grammar, LearnedBy, LineFault, Role, Words};
pub use pin::{KeyPin, KeyPinError};
pub use server_address::{ServerAddress, ServerAddressError};
pub use trust_list::{TrustFileError, TrustList, TrustWarning, TrustedCertificate};
