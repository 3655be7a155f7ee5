//! TLS to a server: verified by the system's authorities, or only to see its certificate.

use super::connection::Connection;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme, StreamOwned,
};
use std::sync::Arc;
use std::time::Duration;
use telemetry_sensors::certificates;

type Stream = StreamOwned<ClientConnection, Connection>;

/// A connection to who is `name` by an authority of this system.
pub(super) fn verified(stream: Connection, name: &str) -> Result<Stream, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = builder()?.with_root_certificates(roots).with_no_client_auth();
    shake_hands(config, stream, name)
}

/// When the certificate of a server ends, in seconds since 1970, whoever made it.
pub(super) fn end_of(address: &str, timeout: Duration) -> Result<i64, String> {
    let stream = Connection::open(address, timeout).map_err(|error| format!("{address}: {error}"))?;
    let name = address.rsplit_once(':').map_or(address, |(name, _)| name);
    let verifier = Arc::new(AnyCertificate(ring::default_provider().into()));
    let config = builder()?.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    let stream = shake_hands(config, stream, name).map_err(|error| format!("{address}: {error}"))?;
    let shown = stream.conn.peer_certificates().and_then(|shown| shown.first());
    let end = shown.and_then(|shown| certificates::end_of(shown));
    end.ok_or_else(|| format!("{address}: shows no certificate"))
}

fn builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, String> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())
}

fn shake_hands(config: ClientConfig, mut stream: Connection, name: &str) -> Result<Stream, String> {
    let name = name.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(name).map_err(|error| error.to_string())?;
    let mut connection = ClientConnection::new(Arc::new(config), name).map_err(|error| error.to_string())?;
    while connection.is_handshaking() {
        connection.complete_io(&mut stream).map_err(|error| error.to_string())?;
    }
    Ok(StreamOwned::new(connection, stream))
}

/// Takes any certificate whose key the server has: nothing is sent, and only its end is read.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
