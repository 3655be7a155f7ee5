//! Key and certificate of who listens: made where they are not there.

use crate::error::DaemonError;
use nix::fcntl::{RenameFlags, renameat2};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, SanType, date_time_ymd,
};
use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use telemetry_files::{Attributes, Durability, open_directory, replace};
use telemetry_tls::{KeyFault, OwnKey};
use telemetry_trust::paths::{SERVER_CERTIFICATE_FILE, identity_dir};
use telemetry_trust::{Identity, IdentityFault};
use telempull_answers::settings::SERVICE;

/// Files that are kept because they could not be used.
const MALFORMED_KEPT: u32 = 99;

enum Unusable {
    Missing,
    Malformed(String),
    Fault(String),
}

/// Reads the identity below `state_dir`. Only where its file is not there, one is made without a word; a malformed one is
/// moved aside and replaced, loudly; what others may know, or what cannot be read, is an error and never a new identity.
pub(super) fn ensure(state_dir: &Path) -> Result<OwnKey, DaemonError> {
    let directory = identity_dir(state_dir, SERVICE);
    let path = directory.join(SERVER_CERTIFICATE_FILE);
    let fault = |fault: String| DaemonError::Identity { path: path.clone(), fault };
    let system = |error: io::Error| fault(error.to_string());
    DirBuilder::new().recursive(true).mode(0o755).create(&directory).map_err(system)?;
    let handle = open_directory(&directory).map_err(system)?;
    match read(&handle) {
        Ok(own) => return Ok(own),
        Err(Unusable::Missing) => {}
        Err(Unusable::Malformed(what)) => {
            let aside = move_aside(&handle).map_err(system)?;
            log::error!(
                "{}: {what}; it is moved to {aside}, and a new identity is made: whoever trusts this machine has to trust the \
                 new fingerprint",
                path.display()
            );
        }
        Err(Unusable::Fault(what)) => return Err(fault(what)),
    }
    let pem = new_pem().map_err(|error| fault(format!("cannot be made: {error}")))?;
    replace(
        &handle,
        SERVER_CERTIFICATE_FILE,
        pem.as_bytes(),
        Attributes::of_directory(0o600),
        Durability::Synced,
    )
    .map_err(system)?;
    own(pem.as_bytes()).map_err(|_| fault("cannot be used".to_owned()))
}

/// Reads the identity that is there.
///
/// # Errors
/// There is none, or none that can be used.
pub(super) fn existing(state_dir: &Path) -> Result<OwnKey, DaemonError> {
    let directory = identity_dir(state_dir, SERVICE);
    let path = directory.join(SERVER_CERTIFICATE_FILE);
    let fault = |fault: String| DaemonError::Identity { path: path.clone(), fault };
    let handle = open_directory(&directory).map_err(|error| fault(error.to_string()))?;
    read(&handle).map_err(|unusable| match unusable {
        Unusable::Missing => fault("is not there".to_owned()),
        Unusable::Malformed(what) | Unusable::Fault(what) => fault(what),
    })
}

fn read(directory: &File) -> Result<OwnKey, Unusable> {
    let identity = Identity::read(directory, SERVER_CERTIFICATE_FILE).map_err(|fault| match fault {
        IdentityFault::Missing => Unusable::Missing,
        IdentityFault::Malformed(fault) => Unusable::Malformed(fault.to_string()),
        other => Unusable::Fault(other.to_string()),
    })?;
    own(identity.pem())
}

fn own(pem: &[u8]) -> Result<OwnKey, Unusable> {
    OwnKey::from_pem(pem, pem).map_err(|fault| match fault {
        KeyFault::Unsupported => Unusable::Fault(fault.to_string()),
        other => Unusable::Malformed(other.to_string()),
    })
}

/// It names the service and nothing of the machine.
fn new_pem() -> Result<String, rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(Vec::new())?;
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2049, 12, 31);
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, SERVICE);
    params.subject_alt_names = vec![SanType::DnsName(SERVICE.try_into()?)];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.self_signed(&key)?;
    Ok(format!("{}{}", key.serialize_pem(), certificate.pem()))
}

fn move_aside(directory: &File) -> io::Result<String> {
    for number in 1..=MALFORMED_KEPT {
        let aside = format!("{SERVER_CERTIFICATE_FILE}.malformed-{number}");
        let flags = RenameFlags::RENAME_NOREPLACE;
        match renameat2(directory, SERVER_CERTIFICATE_FILE, directory, aside.as_str(), flags) {
            Err(nix::errno::Errno::EEXIST) => {}
            result => return result.map(|()| aside).map_err(io::Error::from),
        }
    }
    Err(io::Error::other("too many malformed ones lie beside it; remove them"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn one_is_made_once_and_a_malformed_one_is_kept_aside() {
        let dir = tempfile::tempdir().unwrap();
        let first = ensure(dir.path()).unwrap().fingerprint;
        assert_eq!(ensure(dir.path()).unwrap().fingerprint, first);
        let path = dir.path().join("identity/telempulld/srv_certificate.pem");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, "half").unwrap();
        assert_ne!(ensure(dir.path()).unwrap().fingerprint, first);
        assert!(path.with_file_name("srv_certificate.pem.malformed-1").exists());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(ensure(dir.path()).is_err(), "others can read it");
    }
}
