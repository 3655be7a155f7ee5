//! Judges the certificates of those who connect.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use telemetry_trust::Fingerprint;

use super::caller::ClientCertificates;
use super::peers::Trust;
use super::signature::verify_signature;

/// Compares the leaf with the list as it is now. Dates, names and chains of listed certificates are not judged.
#[derive(Debug)]
pub(super) struct ClientVerifier {
    pub(super) trust: Arc<Trust>,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for ClientVerifier {
    fn offer_client_auth(&self) -> bool {
        self.trust.mode() != ClientCertificates::None
    }

    fn client_auth_mandatory(&self) -> bool {
        self.trust.mode() == ClientCertificates::Require
    }

    /// None: clients that choose a certificate by its authority would send none of their own making.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    /// This runs before the key is proven: nothing may be learned from it.
    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let fingerprint = Fingerprint::of_der(end_entity);
        let is_known =
            self.trust.is_listed(&fingerprint) || self.trust.is_by_authority(end_entity, intermediates);
        if is_known || self.trust.mode() != ClientCertificates::Require {
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
        verify_signature(&self.algorithms, message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_signature(&self.algorithms, message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
