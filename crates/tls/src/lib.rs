//! TLS where a certificate is trusted by its fingerprint, for all of our programs that speak it themselves. What is trusted,
//! and who may what, the program decides; how a handshake goes, stands here once.
//!
//! ```text
//!  connection ─▶ Handshakes: is there room? ─▶ server_config: shows our OwnKey, resumes nothing
//!                                                    └▶ ClientVerifier: Clients::may_finish(leaf)? verify_tls13_signature
//!  client_config: shows our OwnKey, over TLS 1.3 ─▶ ServerVerifier: is the leaf trusted? verify_tls13_signature
//! ```
//!
//! A certificate of ours is made where there is none ([`ensure`]), and followed by another one without a hand ([`Renewal`]).
//!
//! No socket and no runtime: whoever accepts connections brings his own.

mod client_config;
mod client_verifier;
mod handshakes;
mod making;
mod own_key;
mod renewal;
mod server_config;
mod server_verifier;
mod signature;

pub use client_config::{client_config, client_config_of_both};
pub use client_verifier::Clients;
pub use handshakes::{Handshakes, Turn};
pub use making::{Holder, MakeError, Origin, ensure, existing, new_key};
pub use own_key::{KeyFault, OwnKey};
pub use renewal::{Renewal, RenewalFiles, Stamp, stamp};
pub use server_config::{provider, server_config};
pub use server_verifier::ServerVerifier;
pub use signature::{verify_tls12_signature, verify_tls13_signature};
