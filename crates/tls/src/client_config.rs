//! The connecting side: who we are, and which server is taken.

use crate::own_key::OwnKey;
use crate::server_config::provider;
use rustls::client::danger::ServerCertVerifier;
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, Error, SignatureScheme, SupportedProtocolVersion};
use std::sync::Arc;

/// Shows our certificate to whoever asks, by whatever authorities.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesClientCert for Shows {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// How to connect to a server that this verifier takes, and to show it our certificate. TLS 1.3 alone: 1.2 would show it to
/// whoever listens. HTTP/1.1, and nothing is resumed.
///
/// # Errors
/// The library cannot be used.
pub fn client_config(own: &OwnKey, takes: Arc<dyn ServerCertVerifier>) -> Result<ClientConfig, Error> {
    config_of(&[&rustls::version::TLS13], own, takes)
}

/// The same for servers of others, some of which speak nothing but TLS 1.2.
///
/// # Errors
/// The library cannot be used.
pub fn client_config_of_both(
    own: &OwnKey,
    takes: Arc<dyn ServerCertVerifier>,
) -> Result<ClientConfig, Error> {
    config_of(rustls::ALL_VERSIONS, own, takes)
}

fn config_of(
    versions: &[&'static SupportedProtocolVersion],
    own: &OwnKey,
    takes: Arc<dyn ServerCertVerifier>,
) -> Result<ClientConfig, Error> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)?
        .dangerous()
        .with_custom_certificate_verifier(takes)
        .with_client_cert_resolver(Arc::new(Shows(Arc::clone(&own.certified))));
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
