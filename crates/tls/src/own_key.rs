//! A key of ours with its certificate, ready to be shown.

use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::fmt;
use std::sync::Arc;
use telemetry_trust::{Fingerprint, der};

/// Certificates of one file; a chain has three or four.
const MAX_CHAIN: usize = 16;

/// Who we are.
#[derive(Clone)]
pub struct OwnKey {
    /// For the handshake.
    pub certified: Arc<CertifiedKey>,
    /// Of the leaf.
    pub fingerprint: Fingerprint,
    /// When the leaf ends, `YYYYMMDDhhmmss` in UTC.
    pub not_after: String,
}

/// Never the key.
impl fmt::Debug for OwnKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnKey").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

/// Why a key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// No private key.
    #[error("holds no private key in PEM (PKCS#8, PKCS#1 or SEC1)")]
    NoKey,
    /// No certificate.
    #[error("holds no certificate in PEM")]
    NoCertificate,
    /// It is somebody's, and may be good elsewhere: never a reason for another key.
    #[error(
        "its key is of a kind that is not supported; ECDSA on P-256 or P-384, RSA and Ed25519 are, P-521 is not"
    )]
    Unsupported,
    /// Both do not belong together.
    #[error("its certificate is about another key")]
    OfAnother,
}

impl OwnKey {
    /// Of PEM with certificates, the leaf first, and PEM with its key. The library would refuse certificates of version 1,
    /// so that whether both belong together is found out here.
    ///
    /// # Errors
    /// [`KeyFault`].
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, KeyFault> {
        let chain =
            CertificateDer::pem_slice_iter(certificates).take(MAX_CHAIN).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|_| KeyFault::NoCertificate)?;
        let leaf = chain.first().ok_or(KeyFault::NoCertificate)?;
        let parts = der::parts(leaf).map_err(|_| KeyFault::NoCertificate)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| KeyFault::NoKey)?;
        let key = any_supported_type(&key).map_err(|_| KeyFault::Unsupported)?;
        let of_key = key.public_key().ok_or(KeyFault::Unsupported)?;
        if *of_key != *parts.subject_public_key_info {
            return Err(KeyFault::OfAnother);
        }
        let (fingerprint, not_after) = (Fingerprint::of_der(leaf), parts.not_after);
        Ok(Self { fingerprint, not_after, certified: Arc::new(CertifiedKey::new(chain, key)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_and_its_certificate_belong_together_and_what_is_missing_is_named() {
        let [one, other] = [(); 2].map(|()| {
            let made = rcgen::generate_simple_self_signed(["x".to_owned()]).unwrap();
            (made.cert.pem(), made.signing_key.serialize_pem())
        });
        let fault =
            |certificate: &str, key: &str| OwnKey::from_pem(certificate.as_bytes(), key.as_bytes()).err();
        assert_eq!(fault(&one.0, &one.1), None);
        assert_eq!(fault(&one.0, &other.1), Some(KeyFault::OfAnother));
        assert_eq!(fault(&one.0, ""), Some(KeyFault::NoKey));
        assert_eq!(fault("", &one.1), Some(KeyFault::NoCertificate));
        let own = OwnKey::from_pem(one.0.as_bytes(), one.1.as_bytes()).unwrap();
        assert!(format!("{own:?}").contains(&own.fingerprint.to_string()));
    }
}
