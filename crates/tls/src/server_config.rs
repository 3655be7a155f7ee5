//! The accepting side: how a handshake goes.

use crate::client_verifier::{ClientVerifier, Clients};
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::{NoServerSessionStorage, ResolvesServerCert};
use rustls::{Error, ServerConfig};
use std::sync::Arc;

/// The one library that computes.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// How handshakes go with these clients, who are shown that certificate. No tickets and no storage: a session that is
/// resumed does not show its certificate again, and would outlive the line that trusts it. The suites of TLS 1.2 in this
/// library are all ECDHE with AEAD.
///
/// # Errors
/// The library cannot be used.
pub fn server_config(
    clients: Arc<impl Clients + 'static>,
    shown: Arc<dyn ResolvesServerCert>,
) -> Result<ServerConfig, Error> {
    let provider = provider();
    let algorithms = provider.signature_verification_algorithms;
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = builder
        .with_client_cert_verifier(Arc::new(ClientVerifier { clients, algorithms }))
        .with_cert_resolver(shown);
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
