//! Whether a peer has the key of the certificate that it shows.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use rustls::{CertificateError, DigitallySignedStruct, Error, PeerIncompatible};
use telemetry_trust::der;

/// Verifies a signature of a handshake of TLS 1.2 by the key in a certificate. The library's own functions refuse certificates of
/// X.509 version 1, which `openssl x509 -req` makes; so the key comes from our own walk, the rest from the library.
///
/// # Errors
/// If the key did not make it, or is of a kind that is not supported.
pub fn verify_tls12_signature(
    algorithms: &WebPkiSupportedAlgorithms,
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signature: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    let parts = der::parts(certificate).map_err(|_| CertificateError::BadEncoding)?;
    let (_, candidates) = algorithms
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

/// The same for TLS 1.3, which has fewer schemes, and a curve for each hash.
///
/// # Errors
/// As [`verify_tls12_signature`].
pub fn verify_tls13_signature(
    algorithms: &WebPkiSupportedAlgorithms,
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signature: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    let parts = der::parts(certificate).map_err(|_| CertificateError::BadEncoding)?;
    let key = SubjectPublicKeyInfoDer::from(parts.subject_public_key_info);
    verify_tls13_signature_with_raw_key(message, &key, signature, algorithms)
}
