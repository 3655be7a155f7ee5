//! A key of ours with its certificate, ready to be shown.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyFault {
    NoKey,
    NoCertificate,
    Unsupported,
    OfAnother,
}

impl fmt::Display for KeyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoKey => "holds no private key in PEM (PKCS#8, PKCS#1 or SEC1)",
            Self::NoCertificate => "holds no certificate in PEM",
            Self::Unsupported => {
                "its key is of a kind that is not supported; ECDSA on P-256 or P-384, RSA and Ed25519 are, P-521 is not"
            }
            Self::OfAnother => "its certificate is about another key",
        })
    }
}

impl OwnKey {
    /// Of PEM with certificates, the leaf first, and PEM with its key. The library would refuse certificates of version 1,
    /// so that whether both belong together is found out here.
    pub(super) fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, KeyFault> {
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
