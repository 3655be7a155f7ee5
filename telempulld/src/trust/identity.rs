//! Key and certificate of who listens: made where they are not there.

use crate::error::DaemonError;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use telemetry_files::open_directory;
use telemetry_tls::{Holder, Origin, OwnKey};
use telemetry_trust::paths::{SERVER_CERTIFICATE_FILE, identity_dir};
use telempull_answers::settings::SERVICE;

/// The identity below `state_dir`, which is made where there is none.
///
/// # Errors
/// It cannot be used, or not be made.
pub(super) fn ensure(state_dir: &Path) -> Result<OwnKey, DaemonError> {
    let directory = identity_dir(state_dir, SERVICE);
    let path = directory.join(SERVER_CERTIFICATE_FILE);
    let fault = |error: &dyn std::fmt::Display| fault(&path, error);
    let open = || -> io::Result<_> {
        DirBuilder::new().recursive(true).mode(0o755).create(&directory)?;
        open_directory(&directory)
    };
    let handle = open().map_err(|error| fault(&error))?;
    let holder = Holder::Listens(Some(SERVICE));
    let (own, origin) =
        telemetry_tls::ensure(&handle, SERVER_CERTIFICATE_FILE, holder, telemetry_tls::new_key)
            .map_err(|error| fault(&error))?;
    if let Origin::Replaced { fault, aside } = origin {
        log::error!(
            "{}: {fault}; it is moved to {aside}, and a new identity is made: whoever trusts this machine has to trust the \
             new fingerprint",
            path.display()
        );
    }
    Ok(own)
}

/// Reads the identity that is there.
///
/// # Errors
/// There is none, or none that can be used.
pub(super) fn existing(state_dir: &Path) -> Result<OwnKey, DaemonError> {
    let directory = identity_dir(state_dir, SERVICE);
    let path = directory.join(SERVER_CERTIFICATE_FILE);
    let handle = open_directory(&directory).map_err(|error| fault(&path, &error))?;
    let own = telemetry_tls::existing(&handle, SERVER_CERTIFICATE_FILE);
    own.map_err(|error| fault(&path, &error))?.ok_or_else(|| fault(&path, &"is not there"))
}

fn fault(path: &Path, what: &dyn std::fmt::Display) -> DaemonError {
    DaemonError::Identity { path: PathBuf::from(path), fault: what.to_string() }
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
