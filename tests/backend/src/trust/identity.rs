//! Identities of our own making: a key and a certificate that names nothing of the machine.
//!
//! ```text
//!  DIR/srv_certificate.pem            who listens      0600, key first
//!  DIR/cli_certificate.pem            who connects     0600
//!  DIR/cli_certificate.fingerprint    its fingerprint  0644, for those who are to trust us
//!  DIR/next_certificate.pem           what takes the place of the one who listens
//!  DIR/next_cli_certificate.pem       and of the one who connects
//! ```

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use telemetry_files::{Attributes, Durability, open_directory, replace};
use telemetry_tls::{Holder, Origin, OwnKey};
use telemetry_trust::paths::{
    ANNOUNCED_FILE, CLIENT_CERTIFICATE_FILE, FINGERPRINT_FILE, NEXT_CERTIFICATE_FILE,
    NEXT_CLIENT_CERTIFICATE_FILE, SERVER_CERTIFICATE_FILE,
};
use telemetry_trust::renewal::{self, Switched};
use telemetry_trust::{Announced, lock_identities};

use super::error::TrustError;

/// Which of our identities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Who listens.
    Server,
    /// Who connects.
    Client,
}

impl Kind {
    /// Its file.
    #[must_use]
    pub fn file(self) -> &'static str {
        match self {
            Self::Server => SERVER_CERTIFICATE_FILE,
            Self::Client => CLIENT_CERTIFICATE_FILE,
        }
    }

    /// The file of what takes its place.
    #[must_use]
    pub fn next_file(self) -> &'static str {
        match self {
            Self::Server => NEXT_CERTIFICATE_FILE,
            Self::Client => NEXT_CLIENT_CERTIFICATE_FILE,
        }
    }

    /// The file of who has that.
    #[must_use]
    pub fn announced_file(self) -> &'static str {
        match self {
            Self::Server => ANNOUNCED_FILE,
            Self::Client => "announced_cli",
        }
    }
}

/// The identity in a directory. Only where its file is not there, one is made without a word; a malformed one is moved
/// aside and replaced, loudly; what others may know, or what cannot be read, is an error and never a new identity.
///
/// # Errors
/// [`TrustError`].
pub fn ensure(directory: &Path, kind: Kind) -> Result<OwnKey, TrustError> {
    let handle = open(directory)?;
    let (own, _) = ensure_file(directory, &handle, kind.file(), kind)?;
    if kind == Kind::Client {
        write_fingerprint(&handle, &own)
            .map_err(|error| TrustError::Directory { path: directory.into(), error })?;
    }
    Ok(own)
}

/// The certificate that is to take the place of this one, which is made where there is none; and whether it was.
///
/// # Errors
/// [`TrustError`].
pub fn renew(directory: &Path, kind: Kind) -> Result<(OwnKey, bool), TrustError> {
    ensure_file(directory, &open(directory)?, kind.next_file(), kind)
}

/// The next certificate takes the place of the present one, at once.
///
/// # Errors
/// [`TrustError`]; then the present one is there as before.
pub fn switch(directory: &Path, kind: Kind) -> Result<OwnKey, TrustError> {
    let handle = open(directory)?;
    // Never for one that cannot be used.
    let own = existing_file(directory, &handle, kind.next_file())?;
    let fault = |error| TrustError::Directory { path: directory.into(), error };
    let switched =
        renewal::switch(&handle, kind.next_file(), kind.file(), &own.fingerprint).map_err(fault)?;
    // A file about a certificate that is no next one any more says nothing.
    let _ = Announced::remove(&handle, kind.announced_file());
    has_switched(directory, kind, &switched);
    Ok(own)
}

/// The next certificate is used: what stands beside the file follows, whatever becomes of that.
pub(super) fn has_switched(directory: &Path, kind: Kind, switched: &Switched) {
    let say = |what: &dyn std::fmt::Display| {
        eprintln!("telem-collector: {}: {what}", directory.join(kind.file()).display());
    };
    if let Some(caveat) = switched.caveat() {
        say(&caveat);
    }
    if kind == Kind::Client
        && let Err(error) = ensure(directory, kind)
    {
        say(&format_args!("{error}; the next start puts its fingerprint right"));
    }
}

/// The identity in this file; whether it was made.
fn ensure_file(
    directory: &Path,
    handle: &File,
    name: &'static str,
    kind: Kind,
) -> Result<(OwnKey, bool), TrustError> {
    let path = directory.join(name);
    let holder = match kind {
        Kind::Server => Holder::Listens(None),
        Kind::Client => Holder::Connects,
    };
    let (own, origin) = telemetry_tls::ensure(handle, name, holder, telemetry_tls::new_key)
        .map_err(|error| TrustError::file(path.clone(), error))?;
    if let Origin::Replaced { fault, aside } = &origin {
        eprintln!(
            "telem-collector: {}: {fault}; it is moved to {aside}, and a new identity is made: whoever trusts this collector has \
             to trust the new fingerprint",
            path.display()
        );
    }
    Ok((own, !matches!(origin, Origin::Found)))
}

/// The identity in a directory, if there is one that can be used.
///
/// # Errors
/// [`TrustError`].
pub fn existing(directory: &Path, kind: Kind) -> Result<OwnKey, TrustError> {
    existing_file(directory, &open(directory)?, kind.file())
}

/// The certificate that is to take the place of this one, if there is one.
///
/// # Errors
/// [`TrustError`]: there is one, and it cannot be used.
pub fn next(directory: &Path, kind: Kind) -> Result<Option<OwnKey>, TrustError> {
    let name = kind.next_file();
    telemetry_tls::existing(&open(directory)?, name)
        .map_err(|error| TrustError::file(directory.join(name), error))
}

fn existing_file(directory: &Path, handle: &File, name: &str) -> Result<OwnKey, TrustError> {
    let fault = |what: &dyn std::fmt::Display| TrustError::file(directory.join(name), what);
    let own = telemetry_tls::existing(handle, name).map_err(|error| fault(&error))?;
    own.ok_or_else(|| fault(&"is not there"))
}

/// The directory, which is made if it is missing.
///
/// # Errors
/// [`TrustError`].
pub fn open(directory: &Path) -> Result<File, TrustError> {
    let fault = |error| TrustError::Directory { path: directory.into(), error };
    match DirBuilder::new().mode(0o755).create(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(fault(error)),
        _ => {}
    }
    open_directory(directory).map_err(fault)
}

/// Writes the fingerprint beside its certificate, where it is not there or another.
fn write_fingerprint(directory: &File, own: &OwnKey) -> io::Result<()> {
    if says(directory, own) {
        return Ok(());
    }
    let _lock = lock_identities(directory)?;
    // Of the certificate that is there now: it may have been renewed meanwhile.
    let now = telemetry_tls::existing(directory, CLIENT_CERTIFICATE_FILE).ok().flatten();
    let own = now.as_ref().unwrap_or(own);
    if says(directory, own) {
        return Ok(());
    }
    let attributes = Attributes::of_directory(0o644);
    let text = format!("{}\n", own.fingerprint);
    replace(directory, FINGERPRINT_FILE, text.as_bytes(), attributes, Durability::Synced).map(drop)
}

/// Whether the file says this fingerprint.
fn says(directory: &File, own: &OwnKey) -> bool {
    let text = format!("{}\n", own.fingerprint);
    let limit = u64::try_from(text.len()).unwrap_or(u64::MAX) + 1;
    let there = telemetry_files::bounded_file::open_regular_in(directory, FINGERPRINT_FILE)
        .and_then(|file| telemetry_files::bounded_file::read_all(&file, limit));
    there.is_ok_and(|there| there == text.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn an_identity_is_made_once_for_each_kind() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("identity");
        let [server, client] = [Kind::Server, Kind::Client].map(|kind| ensure(&directory, kind).unwrap());
        assert_ne!(server.fingerprint, client.fingerprint);
        assert_eq!(ensure(&directory, Kind::Server).unwrap().fingerprint, server.fingerprint);
        assert_eq!(client.not_after, "20491231000000");
        let written = fs::read_to_string(directory.join(FINGERPRINT_FILE)).unwrap();
        assert_eq!(written, format!("{}\n", client.fingerprint));
        for (name, mode) in [("srv_certificate.pem", 0o600), (FINGERPRINT_FILE, 0o644)] {
            assert_eq!(
                fs::metadata(directory.join(name)).unwrap().permissions().mode() & 0o777,
                mode,
                "{name}"
            );
        }
    }

    #[test]
    fn a_malformed_one_is_replaced_and_an_exposed_one_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        let (directory, other) = (root.path().join("one"), root.path().join("other"));
        let first = ensure(&directory, Kind::Server).unwrap();
        ensure(&other, Kind::Server).unwrap();
        let path = directory.join(Kind::Server.file());
        let good = fs::read_to_string(&path).unwrap();
        // The key of one with the certificate of another.
        let foreign = fs::read_to_string(other.join(Kind::Server.file())).unwrap();
        let from = |pem: &str| pem.find("-----BEGIN CERTIFICATE").unwrap();
        for bad in ["", "half", &format!("{}{}", &good[..from(&good)], &foreign[from(&foreign)..])] {
            fs::write(&path, bad).unwrap();
            assert_ne!(ensure(&directory, Kind::Server).unwrap().fingerprint, first.fingerprint);
        }
        assert!(directory.join("srv_certificate.pem.malformed-3").exists());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let before = fs::read(&path).unwrap();
        let error = ensure(&directory, Kind::Server).unwrap_err().to_string();
        assert!(error.contains("others can read or write it"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), before);
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(other.join(Kind::Server.file()), &path).unwrap();
        assert!(ensure(&directory, Kind::Server).is_err(), "a link");
    }
}
