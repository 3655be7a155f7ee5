//! Whether a peer has the key of the certificate that it shows.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::CertificateDer;
use rustls::{CertificateError, DigitallySignedStruct, Error, PeerIncompatible};
use telemetry_trust::der;

/// Verifies a signature of a handshake by the key in a certificate. The library's own functions refuse certificates of
/// X.509 version 1, which `openssl x509 -req` makes; so the key comes from our own walk, the rest from the library.
///
/// # Errors
/// If the key did not make it, or is of a kind that is not supported.
pub fn verify_signature(
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
