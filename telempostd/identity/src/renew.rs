//! The certificate that is to follow: made, shown, used.

use crate::key_kind::KeyKind;
use crate::make::{self, Holder};
use crate::{fingerprint_file, open};
use std::fs::File;
use std::io;
use std::path::Path;
use telemetry_files::open_directory_nofollow;
use telemetry_tls::{Origin, OwnKey};
use telemetry_trust::paths::{ANNOUNCED_FILE, NEXT_CERTIFICATE_FILE};
use telemetry_trust::{Announced, Fingerprint, Identity, renewal};

/// Fingerprint and end of the certificate that is there.
pub(crate) fn check(path: &Path, holder: &Holder) -> Result<String, String> {
    let file = holder.file();
    let about = |fault: &dyn std::fmt::Display| format!("{}: {fault}", path.join(file).display());
    let directory = open_directory_nofollow(path).map_err(|error| about(&error))?;
    let identity = Identity::read(&directory, file).map_err(|fault| about(&fault))?;
    let own = OwnKey::from_pem(identity.pem(), identity.pem()).map_err(|fault| about(&fault))?;
    Ok(format!("{} {}", own.fingerprint, own.not_after))
}

/// Its fingerprint; empty if there is none.
pub(crate) fn next(path: &Path) -> Result<String, String> {
    let directory = open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let next = renewal::next(&directory, NEXT_CERTIFICATE_FILE)
        .map_err(|fault| format!("{}: {fault}", path.join(NEXT_CERTIFICATE_FILE).display()))?;
    Ok(next.map(|next| next.fingerprint().to_string()).unwrap_or_default())
}

/// Makes it where there is none; and uses it, if that is to be now.
pub(crate) fn renew(path: &Path, now: bool, holder: &Holder, key: KeyKind) -> Result<String, String> {
    let directory = open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (next, origin) = make::ensure(&directory, NEXT_CERTIFICATE_FILE, holder, key)
        .map_err(|error| format!("{}: {error}", path.join(NEXT_CERTIFICATE_FILE).display()))?;
    if let Origin::Replaced { fault, aside } = origin {
        eprintln!(
            "telempost-identity: {}/{NEXT_CERTIFICATE_FILE}: {fault}; it is kept as {aside}, and another one is made",
            path.display()
        );
    }
    if now {
        switch(&directory, holder, &next.fingerprint)
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(next.fingerprint.to_string())
}

/// It takes the place of the present one. Whoever is killed in between leaves one of them whole; `ensure` puts right what
/// stands beside it.
pub(crate) fn switch(directory: &File, holder: &Holder, next: &Fingerprint) -> io::Result<Fingerprint> {
    let switched = renewal::switch(directory, NEXT_CERTIFICATE_FILE, holder.file(), next)?;
    if let Some(caveat) = switched.caveat() {
        eprintln!("telempost-identity: {}: {caveat}", holder.file());
    }
    let own = Identity::read(directory, holder.file()).map_err(io::Error::other)?;
    if *holder == Holder::Connects {
        fingerprint_file::update(directory, &own.fingerprint())?;
    }
    Announced::remove(directory, ANNOUNCED_FILE)?;
    Ok(own.fingerprint())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use telemetry_trust::paths::FINGERPRINT_FILE;

    #[test]
    fn the_next_one_is_made_once_and_takes_the_place_of_the_present_one_now() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path();
        let directory = open(path).unwrap();
        let present =
            make::ensure(&directory, make::FILE, &Holder::Connects, KeyKind::Ecdsa).unwrap().0.fingerprint;
        assert_eq!(next(path).unwrap(), "");
        let made = renew(path, false, &Holder::Connects, KeyKind::Ecdsa).unwrap();
        assert_eq!(
            (renew(path, false, &Holder::Connects, KeyKind::Ecdsa).unwrap(), next(path).unwrap()),
            (made.clone(), made.clone())
        );
        assert_ne!(made, present.to_string());
        // Killed behind the rename: the file beside it still has the old one, and `ensure` puts that right.
        renewal::switch(&directory, NEXT_CERTIFICATE_FILE, make::FILE, &made.parse().unwrap()).unwrap();
        assert_eq!(crate::ensure(path, KeyKind::Ecdsa).unwrap(), made);
        assert_eq!(fs::read_to_string(path.join(FINGERPRINT_FILE)).unwrap(), format!("{made}\n"));
        // Without one that was made before.
        let third = renew(path, true, &Holder::Connects, KeyKind::Ecdsa).unwrap();
        assert_eq!(
            (crate::ensure(path, KeyKind::Ecdsa).unwrap(), next(path).unwrap()),
            (third.clone(), String::new())
        );
        assert_eq!(fs::read_to_string(path.join(FINGERPRINT_FILE)).unwrap(), format!("{third}\n"));
        assert_eq!(check(path, &Holder::Connects).unwrap(), format!("{third} 20491231000000"));
        // Half a file is no next one, and never used.
        fs::write(path.join(NEXT_CERTIFICATE_FILE), "half").unwrap();
        fs::set_permissions(path.join(NEXT_CERTIFICATE_FILE), fs::Permissions::from_mode(0o600)).unwrap();
        assert!(next(path).is_err());
        assert_ne!(renew(path, false, &Holder::Connects, KeyKind::Ecdsa).unwrap(), third);
        assert!(path.join("next_certificate.pem.malformed-1").exists());
        assert_eq!(crate::ensure(path, KeyKind::Ecdsa).unwrap(), third);
    }

    #[test]
    fn who_listens_has_another_file_and_no_fingerprint_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path();
        let holder = Holder::Listens("telempulld".to_owned());
        let directory = open(path).unwrap();
        let present = make::ensure(&directory, holder.file(), &holder, KeyKind::Ecdsa).unwrap().0.fingerprint;
        let made = renew(path, false, &holder, KeyKind::Ecdsa).unwrap();
        assert_eq!(check(path, &holder).unwrap(), format!("{present} 20491231000000"));
        assert_eq!(renew(path, true, &holder, KeyKind::Ecdsa).unwrap(), made);
        assert_eq!(check(path, &holder).unwrap(), format!("{made} 20491231000000"));
        assert!(!path.join(FINGERPRINT_FILE).exists() && !path.join(make::FILE).exists());
    }
}
