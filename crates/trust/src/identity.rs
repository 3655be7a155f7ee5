//! A file of a key and its certificate, in PEM: who we are.

use crate::der::{self, DerError};
use crate::fingerprint::Fingerprint;
use crate::first_use::LOCK_FILE;
use crate::limits::IDENTITY_FILE_BYTES;
use crate::paths;
use nix::unistd::geteuid;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use telemetry_files::{Owner, bounded_file, open_directory_below, open_lock_file_in};

/// One at a time makes identities in a directory, until what is returned is dropped: of two that find none, for example a service
/// that starts and a person who asks for its fingerprint, the second has to look again.
///
/// # Errors
/// As the system says.
pub fn lock_identities(directory: &File) -> io::Result<File> {
    let lock = open_lock_file_in(directory, LOCK_FILE, Owner::OfDirectory)?;
    lock.lock()?;
    Ok(lock)
}

/// Permission bits that anybody but the owner has.
const OF_OTHERS: u32 = 0o077;

/// A key with its certificate. Whether one fits the other is not checked here.
pub struct Identity {
    pem: Vec<u8>,
    certificate: CertificateDer<'static>,
}

/// Never the key.
impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("fingerprint", &self.fingerprint()).finish_non_exhaustive()
    }
}

/// Why there is no identity. Only [`Missing`](Self::Missing) is answered by making one without a word.
#[derive(Debug, thiserror::Error)]
pub enum IdentityFault {
    /// The file is not there.
    #[error("not there")]
    Missing,
    /// The file is ours and holds no identity: to be moved aside and replaced, loudly.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Somebody else may know the key.
    #[error("others can read or write it (mode {mode:04o}); make it 0600, or remove it for a new identity")]
    Exposed {
        /// Its permission bits.
        mode: u32,
    },
    /// Another user's file.
    #[error("it belongs to the user with id {uid}, and not to this service's")]
    Foreign {
        /// Its owner.
        uid: u32,
    },
    /// The system does not let us read it: never a reason for another identity.
    #[error("cannot be read: {0}")]
    Unreadable(#[source] io::Error),
}

/// What is wrong with the bytes of an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// No private key in PEM.
    #[error("no private key in PEM (PKCS#8, PKCS#1 or SEC1)")]
    NoKey,
    /// No certificate in PEM.
    #[error("no certificate in PEM")]
    NoCertificate,
    /// A certificate that is none.
    #[error(transparent)]
    Certificate(#[from] DerError),
    /// More than such a file has.
    #[error("larger than {IDENTITY_FILE_BYTES} bytes")]
    TooLarge,
}

impl Identity {
    /// Reads a file in an open directory. A link is not followed, and what others may read is not taken.
    ///
    /// # Errors
    /// [`IdentityFault`].
    pub fn read(directory: impl AsFd, name: &str) -> Result<Self, IdentityFault> {
        let file = bounded_file::open_regular_in(directory, name).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => IdentityFault::Missing,
            _ => IdentityFault::Unreadable(error),
        })?;
        check_owner(&file)?;
        let pem = bounded_file::read_all(&file, IDENTITY_FILE_BYTES).map_err(|error| match error.kind() {
            io::ErrorKind::FileTooLarge => IdentityFault::Malformed(Malformed::TooLarge),
            _ => IdentityFault::Unreadable(error),
        })?;
        Ok(Self::from_pem(pem)?)
    }

    /// Of the bytes of such a file.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn from_pem(pem: Vec<u8>) -> Result<Self, Malformed> {
        PrivateKeyDer::from_pem_slice(&pem).map_err(|_| Malformed::NoKey)?;
        let certificate = CertificateDer::from_pem_slice(&pem).map_err(|_| Malformed::NoCertificate)?;
        der::parts(&certificate)?;
        Ok(Self { certificate: certificate.into_owned(), pem })
    }

    /// Key and certificate, as the file has them.
    pub fn pem(&self) -> &[u8] {
        &self.pem
    }

    /// The certificate in DER.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// What a peer must know of us.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of_der(&self.certificate)
    }
}

/// The fingerprint of a certificate that a service shows to others, for whoever may read it: the key is not looked at, nor
/// whose the file is. None where there is none yet.
///
/// # Errors
/// It cannot be read; `InvalidData` where it holds no certificate.
pub fn shown_fingerprint(state_dir: &Path, service: &str, name: &str) -> io::Result<Option<Fingerprint>> {
    let read = || -> io::Result<Vec<u8>> {
        let directory = open_directory_below(state_dir, &paths::identity_below(service))?;
        bounded_file::read_all(&bounded_file::open_regular_in(directory, name)?, IDENTITY_FILE_BYTES)
    };
    let pem = match read() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        pem => pem?,
    };
    let certificate = CertificateDer::from_pem_slice(&pem)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, Malformed::NoCertificate.to_string()))?;
    Ok(Some(Fingerprint::of_der(&certificate)))
}

fn check_owner(file: &File) -> Result<(), IdentityFault> {
    let metadata = file.metadata().map_err(IdentityFault::Unreadable)?;
    if metadata.uid() != geteuid().as_raw() {
        return Err(IdentityFault::Foreign { uid: metadata.uid() });
    }
    match metadata.mode() & 0o7777 {
        mode if mode & OF_OTHERS != 0 => Err(IdentityFault::Exposed { mode }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{CERTIFICATE_V1, CERTIFICATE_V3, FINGERPRINT_V1, FINGERPRINT_V3, KEY_V1, KEY_V3};
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};
    use telemetry_files::open_directory;

    #[test]
    fn what_others_are_shown_is_known_without_the_key() {
        let dir = tempfile::tempdir().unwrap();
        let shown = || shown_fingerprint(dir.path(), "x", "srv_certificate.pem");
        assert!(shown().unwrap().is_none());
        let folder = dir.path().join("identity/x");
        fs::create_dir_all(&folder).unwrap();
        assert!(shown().unwrap().is_none());
        fs::write(folder.join("srv_certificate.pem"), CERTIFICATE_V1).unwrap();
        assert_eq!(shown().unwrap().unwrap().to_string(), FINGERPRINT_V1);
        fs::write(folder.join("srv_certificate.pem"), "noise").unwrap();
        assert_eq!(shown().unwrap_err().kind(), io::ErrorKind::InvalidData);
        fs::remove_file(folder.join("srv_certificate.pem")).unwrap();
        symlink("/etc/passwd", folder.join("srv_certificate.pem")).unwrap();
        assert!(shown().is_err(), "a link is not followed");
    }

    fn read(bytes: &[u8], mode: u32) -> Result<Identity, IdentityFault> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cli_certificate.pem");
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        Identity::read(open_directory(dir.path()).unwrap(), "cli_certificate.pem")
    }

    #[test]
    fn keys_of_each_form_with_certificates_of_each_version_are_read() {
        for (key, certificate, fingerprint) in
            [(KEY_V1, CERTIFICATE_V1, FINGERPRINT_V1), (KEY_V3, CERTIFICATE_V3, FINGERPRINT_V3)]
        {
            let identity = read(format!("{key}{certificate}").as_bytes(), 0o600).unwrap();
            assert_eq!(identity.fingerprint().to_string(), fingerprint);
            assert!(!format!("{identity:?}").contains("PRIVATE"));
        }
    }

    #[test]
    fn a_malformed_file_says_what_is_missing() {
        for (bytes, expected) in [
            (String::new(), Malformed::NoKey),
            (CERTIFICATE_V1.to_owned(), Malformed::NoKey),
            (KEY_V1.to_owned(), Malformed::NoCertificate),
            (format!("{KEY_V1}{}", &CERTIFICATE_V1[..200]), Malformed::NoCertificate),
            (
                format!("{KEY_V1}-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"),
                Malformed::Certificate(DerError),
            ),
            ("x".repeat(IDENTITY_FILE_BYTES as usize + 1), Malformed::TooLarge),
        ] {
            assert!(
                matches!(read(bytes.as_bytes(), 0o600), Err(IdentityFault::Malformed(found)) if found == expected)
            );
        }
    }

    #[test]
    fn what_is_not_missing_never_looks_like_it() {
        let pem = format!("{KEY_V1}{CERTIFICATE_V1}");
        for mode in [0o640, 0o604, 0o660, 0o644] {
            assert!(matches!(read(pem.as_bytes(), mode), Err(IdentityFault::Exposed { .. })), "{mode:o}");
        }
        let dir = tempfile::tempdir().unwrap();
        let directory = open_directory(dir.path()).unwrap();
        assert!(matches!(Identity::read(&directory, "f"), Err(IdentityFault::Missing)));
        symlink("nowhere", dir.path().join("f")).unwrap();
        assert!(matches!(Identity::read(&directory, "f"), Err(IdentityFault::Unreadable(_))));
        nix::unistd::mkfifo(&dir.path().join("p"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(
            matches!(Identity::read(&directory, "p"), Err(IdentityFault::Unreadable(_))),
            "it would wait for ever"
        );
        fs::create_dir(dir.path().join("d")).unwrap();
        assert!(matches!(Identity::read(&directory, "d"), Err(IdentityFault::Unreadable(_))));
    }
}
