//! Where a certificate of ours is.

use std::path::{Path, PathBuf};

use telemetry_tls::OwnKey;

use super::error::TrustError;
use super::file::{read_public, read_secret};
use super::identity::{Kind, existing};

/// Where a certificate of ours is.
#[derive(Debug)]
pub(super) enum Source {
    /// Files that people manage.
    Files { certificate: PathBuf, key: PathBuf },
    /// Ours.
    Directory(PathBuf),
}

impl Source {
    /// The certificate as it is now.
    pub(super) fn read(&self, kind: Kind) -> Result<OwnKey, TrustError> {
        let (certificate, key) = match self {
            Self::Directory(directory) => return existing(directory, kind),
            Self::Files { certificate, key } => (certificate, key),
        };
        let chain = if certificate == key { read_secret(key)? } else { read_public(certificate)? };
        let secret = if certificate == key { chain.clone() } else { read_secret(key)? };
        OwnKey::from_pem(&chain, &secret).map_err(|fault| TrustError::file(certificate, fault))
    }

    /// The directory, where it is one.
    pub(super) fn directory(&self) -> Option<&Path> {
        match self {
            Self::Directory(directory) => Some(directory),
            Self::Files { .. } => None,
        }
    }

    /// The files that a change of is waited for.
    pub(super) fn files(&self, kind: Kind) -> Vec<PathBuf> {
        match self {
            Self::Files { certificate, key } => vec![certificate.clone(), key.clone()],
            Self::Directory(directory) => vec![directory.join(kind.file())],
        }
    }
}
