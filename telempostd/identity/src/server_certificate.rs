//! A look at a server's certificate: a handshake that shows none of ours, sends no HTTP, and ends as soon as the server has
//! proven its key.
//!
//! rustls calls a verifier for the certificate, and then for the signature over the handshake. This one takes every
//! certificate, checks the signature, and refuses it when it is right: there is nothing more to learn. A server that demands
//! a certificate of us is looked at as well, since all this comes before ours is due.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, ClientConfig, ClientConnection, DigitallySignedStruct, Error as TlsError,
    ProtocolVersion, SignatureScheme,
};
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};
use telemetry_tls::{provider, verify_tls12_signature, verify_tls13_signature};
use telemetry_trust::ServerAddress;

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LookError {
    /// The connection broke.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The server speaks no TLS, or none that we do.
    #[error("no TLS: {0}")]
    Tls(TlsError),
    /// It speaks TLS, and has neither a key nor a cipher suite that we know.
    #[error(
        "the server has no key or cipher suite that is supported here; keys of ECDSA on P-256 or P-384, RSA and Ed25519 are, P-521 is \
         not, and of TLS 1.2 suites with ECDHE and AEAD"
    )]
    NothingInCommon,
    /// The name is neither a host's nor an address.
    #[error("not the name of a host")]
    Name,
    /// The handshake ended before the server had proven its key.
    #[error("the server ended the handshake before it had proven its key")]
    Unproven,
}

/// What was seen of a server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The certificate that it has the key of.
    pub(crate) certificate: CertificateDer<'static>,
    /// Whether it speaks TLS 1.3, before which a certificate of ours would go over the wire in the clear.
    pub(crate) speaks_tls13: bool,
}

/// Looks at the server at the other end of a connection.
pub(crate) fn look(server: &ServerAddress, stream: &mut (impl Read + Write)) -> Result<Seen, LookError> {
    let provider = provider();
    let verifier = Arc::new(Looking::new(&provider));
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(LookError::Tls)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&verifier) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
    let name = server.host().trim_matches(['[', ']']);
    let name = ServerName::try_from(name.to_owned()).map_err(|_| LookError::Name)?;
    let mut connection = ClientConnection::new(Arc::new(config), name).map_err(LookError::Tls)?;
    let result = handshake(&mut connection, stream);
    let speaks_tls13 = connection.protocol_version() == Some(ProtocolVersion::TLSv1_3);
    match (verifier.proven(), result) {
        (Some(certificate), _) => Ok(Seen { certificate, speaks_tls13 }),
        (None, Err(error)) => Err(error),
        (None, Ok(())) => Err(LookError::Unproven),
    }
}

fn handshake(connection: &mut ClientConnection, stream: &mut (impl Read + Write)) -> Result<(), LookError> {
    while connection.is_handshaking() {
        while connection.wants_write() {
            connection.write_tls(stream)?;
        }
        if connection.read_tls(stream)? == 0 {
            return Err(LookError::Unproven);
        }
        connection.process_new_packets().map_err(|error| match error {
            TlsError::AlertReceived(AlertDescription::HandshakeFailure) | TlsError::PeerIncompatible(_) => {
                LookError::NothingInCommon
            }
            error => LookError::Tls(error),
        })?;
    }
    Ok(())
}

/// A verifier that takes any certificate, and ends the handshake at the proof of its key.
#[derive(Debug)]
struct Looking {
    algorithms: WebPkiSupportedAlgorithms,
    proven: Mutex<Option<CertificateDer<'static>>>,
}

impl Looking {
    fn new(provider: &CryptoProvider) -> Self {
        Self { algorithms: provider.signature_verification_algorithms, proven: Mutex::new(None) }
    }

    fn proven(&self) -> Option<CertificateDer<'static>> {
        self.proven.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Keeps the certificate if its key made the signature. Always an error, by which the handshake ends.
    fn end(
        &self,
        certificate: &CertificateDer<'_>,
        verified: Result<HandshakeSignatureValid, TlsError>,
    ) -> TlsError {
        if let Err(error) = verified {
            return error;
        }
        *self.proven.lock().unwrap_or_else(PoisonError::into_inner) = Some(certificate.clone().into_owned());
        TlsError::General("seen".to_owned())
    }
}

impl ServerCertVerifier for Looking {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        // Nothing is trusted by this: no handshake of this verifier comes to its end.
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Err(self.end(certificate, verify_tls12_signature(&self.algorithms, message, certificate, signature)))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Err(self.end(certificate, verify_tls13_signature(&self.algorithms, message, certificate, signature)))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::crypto::ring;
    use rustls::pki_types::PrivateKeyDer;
    use rustls::pki_types::pem::PemObject;
    use rustls::server::{ClientHello, ResolvesServerCert};
    use rustls::sign::CertifiedKey;
    use rustls::{ServerConfig, ServerConnection, SupportedProtocolVersion};
    use std::net::{TcpListener, TcpStream};
    use std::thread;

    /// A server that shows a certificate and signs with a key, whether they belong together or not.
    #[derive(Debug)]
    struct Shows(Arc<CertifiedKey>);

    impl ResolvesServerCert for Shows {
        fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
            Some(Arc::clone(&self.0))
        }
    }

    fn pair() -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let rcgen::CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(["x".to_owned()]).unwrap();
        (cert.der().clone(), PrivateKeyDer::from_pem_slice(signing_key.serialize_pem().as_bytes()).unwrap())
    }

    /// What is seen of such a server, which speaks one version of TLS.
    fn seen(
        certificate: &CertificateDer<'static>,
        key: &PrivateKeyDer<'_>,
        version: &'static SupportedProtocolVersion,
    ) -> Result<Seen, LookError> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let key = ring::sign::any_supported_type(key).unwrap();
        let shows = Shows(Arc::new(CertifiedKey::new(vec![certificate.clone()], key)));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(shows));
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut connection = ServerConnection::new(Arc::new(config)).unwrap();
            while connection.is_handshaking() && connection.complete_io(&mut stream).is_ok() {}
            assert!(connection.is_handshaking(), "the handshake came to its end");
            assert!(connection.peer_certificates().is_none());
        });
        let mut stream = TcpStream::connect(address).unwrap();
        let result = look(&address.to_string().parse().unwrap(), &mut stream);
        drop(stream);
        server.join().unwrap();
        result
    }

    #[test]
    fn a_certificate_is_seen_once_its_key_is_proven_and_the_handshake_ends() {
        let (certificate, key) = pair();
        let (other, _) = pair();
        for (version, speaks_tls13) in [(&rustls::version::TLS12, false), (&rustls::version::TLS13, true)] {
            let expected = Seen { certificate: certificate.clone(), speaks_tls13 };
            assert_eq!(seen(&certificate, &key, version).unwrap(), expected);
            assert!(matches!(seen(&other, &key, version), Err(LookError::Tls(_))));
        }
    }

    #[test]
    fn what_speaks_no_tls_is_said() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        });
        let mut stream = TcpStream::connect(address).unwrap();
        let error = look(&address.to_string().parse().unwrap(), &mut stream).unwrap_err().to_string();
        assert!(error.starts_with("no TLS: "), "{error}");
        server.join().unwrap();
    }
}
