//! The accepting side of TLS: who we are, and how a handshake goes.

use super::identity;
use super::lists::Trust;
use crate::error::DaemonError;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, ring};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, PeerIncompatible, ServerConfig,
    SignatureScheme,
};
use std::path::Path;
use std::sync::Arc;
use telemetry_trust::{Fingerprint, der};

/// How handshakes go, and the fingerprint of what is shown in them.
///
/// # Errors
/// There is no certificate to show.
pub(crate) fn config(
    state_dir: &Path,
    trust: Arc<Trust>,
) -> Result<(Arc<ServerConfig>, Fingerprint), DaemonError> {
    let own = identity::ensure(state_dir)?;
    let provider = Arc::new(ring::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| DaemonError::Identity {
        path: state_dir.to_owned(),
        fault: format!("TLS: {error}"),
    })?;
    let mut config = builder
        .with_client_cert_verifier(Arc::new(Verifier { trust, algorithms }))
        .with_cert_resolver(Arc::new(Shows(own.certified)));
    // A session that is resumed does not show its certificate again, and would outlive the line that trusts it.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((Arc::new(config), own.fingerprint))
}

/// Shows the one certificate, whatever name is asked for.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesServerCert for Shows {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// Compares the leaf with the list as it is now. Dates, names and chains are not judged.
#[derive(Debug)]
struct Verifier {
    trust: Arc<Trust>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    /// The library's own functions refuse certificates of X.509 version 1, which `openssl x509 -req` makes; so the key comes
    /// from our own walk, the rest from the library.
    fn verify(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let parts = der::parts(certificate).map_err(|_| CertificateError::BadEncoding)?;
        let (_, candidates) = self
            .algorithms
            .mapping
            .iter()
            .find(|(scheme, _)| *scheme == signature.scheme)
            .ok_or(PeerIncompatible::NoSignatureSchemesInCommon)?;
        let is_right = candidates
            .iter()
            .filter(|candidate| candidate.public_key_alg_id().as_ref() == parts.key_algorithm)
            .any(|candidate| candidate.verify_signature(parts.key, message, signature.signature()).is_ok());
        if is_right {
            Ok(HandshakeSignatureValid::assertion())
        } else {
            Err(CertificateError::BadSignature.into())
        }
    }
}

impl ClientCertVerifier for Verifier {
    fn offer_client_auth(&self) -> bool {
        true
    }

    fn client_auth_mandatory(&self) -> bool {
        !self.trust.takes_passwords()
    }

    /// None: clients that choose a certificate by its authority would send none of their own making.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    /// This runs before the key is proven: nothing may be learned from it.
    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let fingerprint = Fingerprint::of_der(end_entity);
        if self.trust.may_finish(&fingerprint) {
            return Ok(ClientCertVerified::assertion());
        }
        self.trust.note_refused(&fingerprint);
        Err(CertificateError::UnknownIssuer.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
