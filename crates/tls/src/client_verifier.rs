//! Judges the certificates of those who connect.

use crate::signature::{verify_tls12_signature, verify_tls13_signature};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use std::fmt::Debug;
use std::sync::Arc;

/// Who may connect, as it is known at the moment of the handshake.
pub trait Clients: Debug + Send + Sync {
    /// Whether they are asked for a certificate.
    fn are_asked(&self) -> bool;

    /// Whether who shows none is refused.
    fn must_show_one(&self) -> bool;

    /// Whether a handshake with this certificate may go on. This runs before the key is proven: nothing may be learned
    /// from it.
    fn may_finish(&self, leaf: &CertificateDer<'_>, chain: &[CertificateDer<'_>]) -> bool;
}

/// Asks [`Clients`] for each certificate. Dates, names and chains are not judged here.
#[derive(Debug)]
pub(crate) struct ClientVerifier<C> {
    pub(crate) clients: Arc<C>,
    pub(crate) algorithms: WebPkiSupportedAlgorithms,
}

impl<C: Clients> ClientCertVerifier for ClientVerifier<C> {
    fn offer_client_auth(&self) -> bool {
        self.clients.are_asked()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.clients.must_show_one()
    }

    /// None: clients that choose a certificate by its authority would send none of their own making.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if self.clients.may_finish(end_entity, intermediates) {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(CertificateError::UnknownIssuer.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(&self.algorithms, message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(&self.algorithms, message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
