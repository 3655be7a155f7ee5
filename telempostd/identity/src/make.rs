//! Making an identity: a key, and a certificate that names nothing of the machine.

use crate::key_kind::{self, KeyKind};
use nix::errno::Errno;
use nix::fcntl::{RenameFlags, renameat2};
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, SanType, date_time_ymd};
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use std::fs::File;
use std::io;
use telemetry_files::{Attributes, Durability, replace};
use telemetry_trust::paths::{CLIENT_CERTIFICATE_FILE, SERVER_CERTIFICATE_FILE};
use telemetry_trust::{Identity, IdentityFault, der, lock_identities};

/// What the certificates are called: the same for all machines.
const COMMON_NAME: &str = "telemetry";

/// Most malformed files that are kept. With so many something else is wrong, and a person has to look.
const MALFORMED_KEPT: u32 = 99;

/// The file of who connects.
#[cfg(test)]
pub(crate) const FILE: &str = CLIENT_CERTIFICATE_FILE;

/// Whose certificate it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Holder {
    /// Who connects.
    #[default]
    Connects,
    /// Who listens, a service of this name. Its name stands in the certificate, where those who do not pin it look for it.
    Listens(String),
}

impl Holder {
    /// Of a service of this name that listens; of none, who connects.
    pub(crate) fn new(listens_as: Option<String>) -> Self {
        listens_as.map_or(Self::Connects, Self::Listens)
    }

    /// The file of its present certificate.
    pub(crate) fn file(&self) -> &'static str {
        match self {
            Self::Connects => CLIENT_CERTIFICATE_FILE,
            Self::Listens(_) => SERVER_CERTIFICATE_FILE,
        }
    }
}

/// How an identity came to be there.
#[derive(Debug)]
pub(crate) enum Origin {
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
pub(crate) enum MakeError {
    /// The file is there, and is not to be used or replaced.
    #[error("{0}")]
    Fault(IdentityFault),
    /// Its key is of a kind that no TLS library here knows.
    #[error("its key is of a kind that is not supported; ECDSA on P-256 or P-384, RSA and Ed25519 are")]
    Unsupported,
    /// It could not be written.
    #[error("cannot be written: {0}")]
    Write(#[source] io::Error),
    /// The library made none.
    #[error("no certificate could be made: {0}")]
    Library(String),
}

/// The identity in this file of a directory; makes it where there is none.
pub(crate) fn ensure(
    directory: &File,
    name: &str,
    holder: &Holder,
    key: KeyKind,
) -> Result<(Identity, Origin), MakeError> {
    if let Found::Usable(identity) = find(directory, name)? {
        return Ok((identity, Origin::Found));
    }
    // Whoever finds none looks again, alone: a person may ask for the fingerprint while the service starts.
    let _lock = lock_identities(directory).map_err(MakeError::Write)?;
    let make = || make(directory, name, holder, key);
    match find(directory, name)? {
        Found::Usable(identity) => Ok((identity, Origin::Found)),
        Found::None => Ok((make()?, Origin::Made)),
        Found::Malformed(fault) => replace_malformed(directory, name, fault, make),
    }
}

/// What is in the file of an identity, where that may be used or replaced.
enum Found {
    Usable(Identity),
    None,
    Malformed(String),
}

fn find(directory: &File, name: &str) -> Result<Found, MakeError> {
    match Identity::read(directory, name) {
        Ok(identity) => match check_key(&identity) {
            Ok(()) => Ok(Found::Usable(identity)),
            Err(KeyFault::Unsupported) => Err(MakeError::Unsupported),
            Err(KeyFault::OfAnother) => {
                Ok(Found::Malformed("its certificate is about another key".to_owned()))
            }
        },
        Err(IdentityFault::Missing) => Ok(Found::None),
        Err(IdentityFault::Malformed(fault)) => Ok(Found::Malformed(fault.to_string())),
        Err(fault) => Err(MakeError::Fault(fault)),
    }
}

/// What is wrong with the key of an identity.
#[derive(Debug, PartialEq, Eq)]
enum KeyFault {
    /// Of a kind or form that is not supported.
    Unsupported,
    /// The certificate is about another one.
    OfAnother,
}

fn check_key(identity: &Identity) -> Result<(), KeyFault> {
    let key = PrivateKeyDer::from_pem_slice(identity.pem()).map_err(|_| KeyFault::Unsupported)?;
    let key = any_supported_type(&key).map_err(|_| KeyFault::Unsupported)?;
    let of_key = key.public_key().ok_or(KeyFault::Unsupported)?;
    let of_certificate = der::parts(identity.certificate()).map_err(|_| KeyFault::OfAnother)?;
    if *of_key == *of_certificate.subject_public_key_info { Ok(()) } else { Err(KeyFault::OfAnother) }
}

/// Makes an identity instead of one that cannot be used, which is kept: a person may want to know what it was.
fn replace_malformed(
    directory: &File,
    name: &str,
    fault: String,
    make: impl FnOnce() -> Result<Identity, MakeError>,
) -> Result<(Identity, Origin), MakeError> {
    let aside = move_aside(directory, name).map_err(|error| MakeError::Write(error.into()))?;
    Ok((make()?, Origin::Replaced { fault, aside }))
}

/// Renames a file to a name that is not taken.
fn move_aside(directory: &File, name: &str) -> Result<String, Errno> {
    let mut result = Err(Errno::EEXIST);
    for number in 1..=MALFORMED_KEPT {
        let aside = format!("{name}.malformed-{number}");
        result = renameat2(directory, name, directory, aside.as_str(), RenameFlags::RENAME_NOREPLACE)
            .map(|()| aside);
        if result != Err(Errno::EEXIST) {
            break;
        }
    }
    result
}

fn make(directory: &File, name: &str, holder: &Holder, key: KeyKind) -> Result<Identity, MakeError> {
    let pem = new_pem(holder, key).map_err(MakeError::Library)?;
    let write = replace(directory, name, pem.as_bytes(), Attributes::of_directory(0o600), Durability::Synced);
    write.map_err(MakeError::Write)?;
    let fault = |fault| MakeError::Fault(IdentityFault::Malformed(fault));
    Identity::from_pem(pem.into_bytes()).map_err(fault)
}

/// A new key and its certificate, key first.
fn new_pem(holder: &Holder, key: KeyKind) -> Result<String, String> {
    let key = key_kind::generate(key)?;
    let mut params = CertificateParams::new(Vec::new()).map_err(|error| error.to_string())?;
    // Behind a clock that was never set, and beyond what a pinned certificate is asked for.
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2049, 12, 31);
    params.distinguished_name = DistinguishedName::new();
    match holder {
        Holder::Connects => {
            params.distinguished_name.push(DnType::CommonName, COMMON_NAME);
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        }
        Holder::Listens(name) => {
            params.distinguished_name.push(DnType::CommonName, name.as_str());
            let name = name.as_str().try_into().map_err(|error: rcgen::Error| error.to_string())?;
            params.subject_alt_names = vec![SanType::DnsName(name)];
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        }
    }
    let certificate = params.self_signed(&key).map_err(|error| error.to_string())?;
    Ok(format!("{}{}", key.serialize_pem(), certificate.pem()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;
    use std::process::Command;
    use telemetry_files::open_directory;

    fn ensure_in(dir: &Path) -> Result<(Identity, Origin), MakeError> {
        ensure(&open_directory(dir).unwrap(), FILE, &Holder::Connects, KeyKind::Ecdsa)
    }

    fn openssl(dir: &Path, arguments: &str) -> String {
        let output = Command::new("openssl").args(arguments.split(' ')).current_dir(dir).output().unwrap();
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Writes `cli_certificate.pem` of key and certificate, as an administrator would.
    fn install(dir: &Path, key: &str, certificate: &str) {
        let pem = [key, certificate].map(|name| fs::read(dir.join(name)).unwrap()).concat();
        replace(open_directory(dir).unwrap(), FILE, &pem, Attributes::new(0o600), Durability::Atomic)
            .unwrap();
    }

    #[test]
    fn an_identity_is_made_once_and_names_nothing_of_the_machine() {
        let dir = tempfile::tempdir().unwrap();
        let (made, origin) = ensure_in(dir.path()).unwrap();
        assert!(matches!(origin, Origin::Made));
        let (found, origin) = ensure_in(dir.path()).unwrap();
        assert!(matches!(origin, Origin::Found));
        assert_eq!(made.fingerprint(), found.fingerprint());
        let text = openssl(dir.path(), "x509 -in cli_certificate.pem -noout -text -fingerprint -sha256");
        for expected in [
            "Subject: CN = telemetry\n",
            "Not Before: Jan  1 00:00:00 2020 GMT",
            "Not After : Dec 31 00:00:00 2049 GMT",
            "TLS Web Client Authentication",
            "NIST CURVE: P-256",
            &format!("={}", found.fingerprint()),
        ] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
        assert!(!text.contains("Subject Alternative Name"), "{text}");
    }

    #[test]
    fn a_key_of_rsa_is_made_where_that_is_wanted() {
        let dir = tempfile::tempdir().unwrap();
        let (made, _) =
            ensure(&open_directory(dir.path()).unwrap(), FILE, &Holder::Connects, KeyKind::Rsa).unwrap();
        let text = openssl(dir.path(), "x509 -in cli_certificate.pem -noout -text");
        assert!(text.contains("Public-Key: (2048 bit)"), "{text}");
        // The other kind is for the next one that is made.
        let (found, origin) = ensure_in(dir.path()).unwrap();
        assert!(matches!(origin, Origin::Found) && found.fingerprint() == made.fingerprint());
    }

    #[test]
    fn one_of_who_listens_has_the_name_of_its_service() {
        let dir = tempfile::tempdir().unwrap();
        let holder = Holder::new(Some("telempulld".to_owned()));
        ensure(&open_directory(dir.path()).unwrap(), holder.file(), &holder, KeyKind::Ecdsa).unwrap();
        let text = openssl(dir.path(), "x509 -in srv_certificate.pem -noout -text");
        for expected in ["Subject: CN = telempulld\n", "DNS:telempulld", "TLS Web Server Authentication"] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
    }

    #[test]
    fn keys_and_certificates_of_openssl_are_taken_in_each_form() {
        for make in [
            "ecparam -name prime256v1 -genkey -noout -out k",
            "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out k",
            "genrsa -traditional -out k 2048",
            "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out k",
            "genpkey -algorithm ed25519 -out k",
        ] {
            let dir = tempfile::tempdir().unwrap();
            openssl(dir.path(), make);
            openssl(dir.path(), "req -new -key k -subj /CN=x -out r");
            // Without extensions: version 1.
            openssl(dir.path(), "x509 -req -in r -signkey k -days 9 -out c");
            install(dir.path(), "k", "c");
            let (identity, origin) = ensure_in(dir.path()).unwrap();
            assert!(matches!(origin, Origin::Found), "{make}: {origin:?}");
            let printed = openssl(dir.path(), "x509 -in c -noout -fingerprint -sha256");
            assert!(printed.trim_end().ends_with(&format!("={}", identity.fingerprint())), "{make}");
        }
    }

    #[test]
    fn a_malformed_file_and_a_key_of_another_are_kept_aside_and_replaced() {
        let dir = tempfile::tempdir().unwrap();
        for (index, key) in ["k1", "k2"].iter().enumerate() {
            openssl(dir.path(), &format!("ecparam -name prime256v1 -genkey -noout -out {key}"));
            openssl(
                dir.path(),
                &format!("req -x509 -new -key {key} -subj /CN=x -days 9 -out c{}", index + 1),
            );
        }
        install(dir.path(), "k1", "c2");
        let (_, origin) = ensure_in(dir.path()).unwrap();
        let Origin::Replaced { fault, aside } = origin else { panic!("{origin:?}") };
        assert_eq!(
            (fault.as_str(), aside.as_str()),
            ("its certificate is about another key", "cli_certificate.pem.malformed-1")
        );
        install(dir.path(), "k1", "k1");
        let (_, origin) = ensure_in(dir.path()).unwrap();
        let Origin::Replaced { fault, aside } = origin else { panic!("{origin:?}") };
        assert_eq!(
            (fault.as_str(), aside.as_str()),
            ("no certificate in PEM", "cli_certificate.pem.malformed-2")
        );
        assert_eq!(
            fs::read(dir.path().join(&aside)).unwrap(),
            fs::read(dir.path().join("k1")).unwrap().repeat(2)
        );
    }

    #[test]
    fn what_is_there_and_cannot_be_judged_is_an_error_and_stays() {
        let dir = tempfile::tempdir().unwrap();
        openssl(dir.path(), "ecparam -name secp521r1 -genkey -noout -out k");
        openssl(dir.path(), "req -x509 -new -key k -subj /CN=x -days 9 -out c");
        install(dir.path(), "k", "c");
        let before = fs::read(dir.path().join(FILE)).unwrap();
        assert!(matches!(ensure_in(dir.path()), Err(MakeError::Unsupported)));
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        fs::set_permissions(dir.path().join(FILE), mode).unwrap();
        assert!(matches!(ensure_in(dir.path()), Err(MakeError::Fault(_))));
        assert_eq!(fs::read(dir.path().join(FILE)).unwrap(), before);
    }
}
