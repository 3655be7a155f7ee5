//! The step from a certificate to the next one: a rename, so that whoever is killed leaves the old one or the new one.

use crate::identity::{Identity, IdentityFault};
use nix::fcntl::renameat;
use std::fs::File;
use std::io;
use telemetry_files::replace::{remove, sync_directory};

/// The next certificate in a directory, if there is one.
///
/// # Errors
/// It is there and cannot be used.
pub fn next(directory: &File, name: &str) -> Result<Option<Identity>, IdentityFault> {
    match Identity::read(directory, name) {
        Ok(identity) => Ok(Some(identity)),
        Err(IdentityFault::Missing) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// The next certificate takes the place of the present one, which is gone then.
///
/// # Errors
/// As the system says; then all is as it was.
pub fn switch(directory: &File, next: &str, present: &str) -> io::Result<()> {
    renameat(directory, next, directory, present)?;
    sync_directory(directory)
}

/// There is no next certificate any more.
///
/// # Errors
/// As the system says.
pub fn withdraw(directory: &File, next: &str) -> io::Result<()> {
    remove(directory, next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{CERTIFICATE_V1, CERTIFICATE_V3, KEY_V1, KEY_V3};
    use std::os::unix::fs::PermissionsExt;
    use telemetry_files::open_directory;

    #[test]
    fn the_next_one_is_there_or_the_present_one_is_and_never_neither() {
        let dir = tempfile::tempdir().unwrap();
        let directory = open_directory(dir.path()).unwrap();
        assert!(next(&directory, "next").unwrap().is_none());
        assert!(switch(&directory, "next", "own").is_err());
        for (name, pem) in
            [("own", format!("{KEY_V1}{CERTIFICATE_V1}")), ("next", format!("{KEY_V3}{CERTIFICATE_V3}"))]
        {
            std::fs::write(dir.path().join(name), pem).unwrap();
            let mode = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(dir.path().join(name), mode).unwrap();
        }
        let expected = next(&directory, "next").unwrap().unwrap().fingerprint();
        assert!(switch(&directory, "next", "missing/own").is_err());
        assert_ne!(Identity::read(&directory, "own").unwrap().fingerprint(), expected);
        switch(&directory, "next", "own").unwrap();
        assert_eq!(Identity::read(&directory, "own").unwrap().fingerprint(), expected);
        assert!(next(&directory, "next").unwrap().is_none());
        std::fs::write(dir.path().join("next"), "half").unwrap();
        std::fs::set_permissions(dir.path().join("next"), std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(next(&directory, "next"), Err(IdentityFault::Malformed(_))));
        withdraw(&directory, "next").unwrap();
        assert!(next(&directory, "next").unwrap().is_none());
    }
}
