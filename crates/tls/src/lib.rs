//! TLS where a certificate is trusted by its fingerprint, for all of our programs that speak it themselves. What is trusted,
//! and who may what, the program decides; how a handshake goes, stands here once.
//!
//! ```text
//!  connection ─▶ Handshakes: is there room? ─▶ server_config: shows our OwnKey, resumes nothing
//!                                                    └▶ ClientVerifier: Clients::may_finish(leaf)? verify_signature
//! ```
//!
//! No socket and no runtime: whoever accepts connections brings his own.

mod client_verifier;
mod handshakes;
mod own_key;
mod server_config;
mod signature;

pub use client_verifier::Clients;
pub use handshakes::{Handshakes, Turn};
pub use own_key::{KeyFault, OwnKey};
pub use server_config::{provider, server_config};
pub use signature::verify_signature;
