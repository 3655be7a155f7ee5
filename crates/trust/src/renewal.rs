//! The step from a certificate to the next one: a rename, so that whoever is killed leaves the old one or the new one.

use crate::fingerprint::Fingerprint;
use crate::identity::{Identity, IdentityFault, lock_identities};
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

/// The next certificate is the present one.
#[derive(Debug)]
pub enum Switched {
    /// It is since now.
    Now,
    /// It is since now; after a power cut it may be the next one again, which is announced and used again then.
    NotSynced(io::Error),
    /// It was already: somebody else has taken this step.
    Before,
}

impl Switched {
    /// What people are to know, where it went less well than it should.
    pub fn caveat(&self) -> Option<String> {
        match self {
            Self::NotSynced(error) => Some(format!(
                "it could not be synced ({error}): after a power cut the certificate from before may be shown once more"
            )),
            Self::Now | Self::Before => None,
        }
    }
}

/// The next certificate, which has this fingerprint, takes the place of the present one, which is gone then. Of those who do
/// that at once one does: no other certificate, made meanwhile, is used instead.
///
/// # Errors
/// As the system says, or the next certificate is another one; then all is as it was.
pub fn switch(directory: &File, next: &str, present: &str, expected: &Fingerprint) -> io::Result<Switched> {
    let _lock = lock_identities(directory)?;
    match Identity::read(directory, next) {
        Ok(identity) if identity.fingerprint() == *expected => {}
        Ok(_) => return Err(io::Error::other("the next certificate is another one by now")),
        Err(IdentityFault::Missing) => {
            let own = Identity::read(directory, present).map_err(io::Error::other)?;
            let is_done = own.fingerprint() == *expected;
            return if is_done { Ok(Switched::Before) } else { Err(io::ErrorKind::NotFound.into()) };
        }
        Err(fault) => return Err(io::Error::other(fault)),
    }
    renameat(directory, next, directory, present)?;
    // From here on whoever looks finds the next one, whatever the disk says of it.
    Ok(sync_directory(directory).map_or_else(Switched::NotSynced, |()| Switched::Now))
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
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    use std::path::Path;
    use std::sync::Barrier;
    use telemetry_files::open_directory;

    #[test]
    fn the_next_one_is_there_or_the_present_one_is_and_never_neither() {
        let dir = tempfile::tempdir().unwrap();
        let directory = open_directory(dir.path()).unwrap();
        assert!(next(&directory, "next").unwrap().is_none());
        let expected = write(dir.path(), "next", &format!("{KEY_V3}{CERTIFICATE_V3}"));
        assert!(switch(&directory, "next", "missing/own", &expected).is_err());
        let old = write(dir.path(), "own", &format!("{KEY_V1}{CERTIFICATE_V1}"));
        assert!(switch(&directory, "next", "own", &old).is_err(), "another one than it is");
        assert_eq!(Identity::read(&directory, "own").unwrap().fingerprint(), old);
        assert!(matches!(switch(&directory, "next", "own", &expected).unwrap(), Switched::Now));
        assert_eq!(Identity::read(&directory, "own").unwrap().fingerprint(), expected);
        assert!(next(&directory, "next").unwrap().is_none());
        assert!(matches!(switch(&directory, "next", "own", &expected).unwrap(), Switched::Before));
        assert!(switch(&directory, "next", "own", &old).is_err(), "there is none");
        write_private(dir.path(), "next", "half");
        assert!(matches!(next(&directory, "next"), Err(IdentityFault::Malformed(_))));
        assert!(switch(&directory, "next", "own", &expected).is_err());
        assert_eq!(Identity::read(&directory, "own").unwrap().fingerprint(), expected);
        withdraw(&directory, "next").unwrap();
        assert!(next(&directory, "next").unwrap().is_none());
    }

    #[test]
    fn what_cannot_be_synced_is_used_all_the_same() {
        let dir = tempfile::tempdir().unwrap();
        // By such a descriptor all goes but syncing.
        let unsynced =
            std::fs::OpenOptions::new().read(true).custom_flags(libc::O_PATH).open(dir.path()).unwrap();
        write(dir.path(), "own", &format!("{KEY_V1}{CERTIFICATE_V1}"));
        let expected = write(dir.path(), "next", &format!("{KEY_V3}{CERTIFICATE_V3}"));
        let switched = switch(&unsynced, "next", "own", &expected).unwrap();
        assert!(matches!(switched, Switched::NotSynced(_)) && switched.caveat().is_some(), "{switched:?}");
        assert_eq!(Identity::read(&unsynced, "own").unwrap().fingerprint(), expected);
    }

    #[test]
    fn of_several_that_switch_at_once_one_does_and_the_others_find_it_done() {
        for _ in 0..50 {
            let dir = tempfile::tempdir().unwrap();
            write(dir.path(), "own", &format!("{KEY_V1}{CERTIFICATE_V1}"));
            let expected = write(dir.path(), "next", &format!("{KEY_V3}{CERTIFICATE_V3}"));
            let (start, path) = (Barrier::new(4), dir.path());
            let one = || {
                let directory = open_directory(path).unwrap();
                start.wait();
                switch(&directory, "next", "own", &expected).unwrap()
            };
            let done: Vec<_> = std::thread::scope(|scope| {
                let all: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
                all.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert_eq!(done.iter().filter(|one| matches!(one, Switched::Now)).count(), 1, "{done:?}");
            assert_eq!(done.iter().filter(|one| matches!(one, Switched::Before)).count(), 3, "{done:?}");
        }
    }

    fn write_private(dir: &Path, name: &str, text: &str) {
        std::fs::write(dir.join(name), text).unwrap();
        std::fs::set_permissions(dir.join(name), std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn write(dir: &Path, name: &str, pem: &str) -> Fingerprint {
        write_private(dir, name, pem);
        Identity::read(open_directory(dir).unwrap(), name).unwrap().fingerprint()
    }
}
