//! An identity in a file: used where it is there, made where it is not, by all of our programs in the same way.
//!
//! ```text
//!  missing                             ─▶ made
//!  malformed, or of another key        ─▶ moved aside, made, and reported: whoever trusts the old one has to trust the new one
//!  unreadable, exposed, not supported  ─▶ an error: it may be good elsewhere, and is never replaced
//! ```

use crate::own_key::{KeyFault, OwnKey};
use nix::errno::Errno;
use nix::fcntl::{RenameFlags, renameat2};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, SanType, date_time_ymd,
};
use std::fs::File;
use std::io;
use telemetry_files::{Attributes, Durability, replace};
use telemetry_trust::{Identity, IdentityFault, lock_identities};

/// What certificates are called: the same for all machines.
const COMMON_NAME: &str = "telemetry";

/// Malformed files that are kept. With so many something else is wrong, and a person has to look.
const MALFORMED_KEPT: u32 = 99;

/// Whose certificate it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder<'a> {
    /// Who connects.
    Connects,
    /// Who listens. A name of the service stands in the certificate, where those who do not pin it look for it.
    Listens(Option<&'a str>),
}

/// How an identity came to be there.
#[derive(Debug)]
pub enum Origin {
    /// It was there.
    Found,
    /// There was none.
    Made,
    /// What was there could not be used, and lies aside under this name.
    Replaced {
        /// Why it could not be used.
        fault: String,
        /// Its name now.
        aside: String,
    },
}

/// Why there is no identity.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// The file is there, and is neither used nor replaced.
    #[error("{0}")]
    Fault(IdentityFault),
    /// The file is there, and holds no key with its certificate.
    #[error("{0}")]
    Malformed(String),
    /// Its key is of a kind that no TLS library here knows.
    #[error("{}", KeyFault::Unsupported)]
    Unsupported,
    /// It could not be written.
    #[error("cannot be written: {0}")]
    Write(#[source] io::Error),
    /// The library made none.
    #[error("no certificate could be made: {0}")]
    Library(String),
}

/// A new key as most peers like it best: ECDSA on P-256.
///
/// # Errors
/// The library makes none.
pub fn new_key() -> Result<KeyPair, String> {
    KeyPair::generate().map_err(|error| error.to_string())
}

/// The identity in this file of a directory; makes it where there is none.
///
/// # Errors
/// [`MakeError`].
pub fn ensure(
    directory: &File,
    name: &str,
    holder: Holder<'_>,
    key: impl FnOnce() -> Result<KeyPair, String>,
) -> Result<(OwnKey, Origin), MakeError> {
    match existing(directory, name) {
        Ok(Some(own)) => return Ok((own, Origin::Found)),
        Ok(None) | Err(MakeError::Malformed(_)) => {}
        Err(error) => return Err(error),
    }
    // Whoever finds none looks again, alone: a person may ask for the fingerprint while the service starts.
    let _lock = lock_identities(directory).map_err(MakeError::Write)?;
    match existing(directory, name) {
        Ok(Some(own)) => Ok((own, Origin::Found)),
        Ok(None) => Ok((make(directory, name, holder, key)?, Origin::Made)),
        Err(MakeError::Malformed(fault)) => {
            let aside = move_aside(directory, name).map_err(MakeError::Write)?;
            Ok((make(directory, name, holder, key)?, Origin::Replaced { fault, aside }))
        }
        Err(error) => Err(error),
    }
}

/// The identity in this file of a directory; none: there is no such file.
///
/// # Errors
/// [`MakeError`]: it cannot be used.
pub fn existing(directory: &File, name: &str) -> Result<Option<OwnKey>, MakeError> {
    let identity = match Identity::read(directory, name) {
        Ok(identity) => identity,
        Err(IdentityFault::Missing) => return Ok(None),
        Err(IdentityFault::Malformed(fault)) => return Err(MakeError::Malformed(fault.to_string())),
        Err(fault) => return Err(MakeError::Fault(fault)),
    };
    own(identity.pem()).map(Some)
}

fn own(pem: &[u8]) -> Result<OwnKey, MakeError> {
    OwnKey::from_pem(pem, pem).map_err(|fault| match fault {
        KeyFault::Unsupported => MakeError::Unsupported,
        other => MakeError::Malformed(other.to_string()),
    })
}

/// Renames a file to a name that is not taken.
fn move_aside(directory: &File, name: &str) -> io::Result<String> {
    for number in 1..=MALFORMED_KEPT {
        let aside = format!("{name}.malformed-{number}");
        match renameat2(directory, name, directory, aside.as_str(), RenameFlags::RENAME_NOREPLACE) {
            Err(Errno::EEXIST) => {}
            result => return result.map(|()| aside).map_err(io::Error::from),
        }
    }
    Err(io::Error::other(format!("{MALFORMED_KEPT} of its predecessors lie here; remove them")))
}

fn make(
    directory: &File,
    name: &str,
    holder: Holder<'_>,
    key: impl FnOnce() -> Result<KeyPair, String>,
) -> Result<OwnKey, MakeError> {
    let pem = new_pem(holder, key).map_err(MakeError::Library)?;
    let attributes = Attributes::of_directory(0o600);
    replace(directory, name, pem.as_bytes(), attributes, Durability::Synced).map_err(MakeError::Write)?;
    own(pem.as_bytes())
}

/// A new key and its certificate, key first.
fn new_pem(holder: Holder<'_>, key: impl FnOnce() -> Result<KeyPair, String>) -> Result<String, String> {
    let (key, library) = (key()?, |error: rcgen::Error| error.to_string());
    let mut params = CertificateParams::new(Vec::new()).map_err(library)?;
    // Behind a clock that was never set, and beyond what a pinned certificate is asked for.
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2049, 12, 31);
    params.distinguished_name = DistinguishedName::new();
    let (name, usage) = match holder {
        Holder::Connects => (None, ExtendedKeyUsagePurpose::ClientAuth),
        Holder::Listens(name) => (name, ExtendedKeyUsagePurpose::ServerAuth),
    };
    params.distinguished_name.push(DnType::CommonName, name.unwrap_or(COMMON_NAME));
    params.extended_key_usages = vec![usage];
    if let Some(name) = name {
        params.subject_alt_names = vec![SanType::DnsName(name.try_into().map_err(library)?)];
    }
    let certificate = params.self_signed(&key).map_err(library)?;
    Ok(format!("{}{}", key.serialize_pem(), certificate.pem()))
}
