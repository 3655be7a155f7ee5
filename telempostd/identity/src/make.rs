//! The identity of a service: a key of the kind that is wanted, and a certificate that names nothing of the machine.

use crate::key_kind::{self, KeyKind};
use std::fs::File;
use telemetry_tls::{MakeError, Origin, OwnKey};
use telemetry_trust::paths::{CLIENT_CERTIFICATE_FILE, SERVER_CERTIFICATE_FILE};

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

/// The identity in this file of a directory; makes it where there is none.
pub(crate) fn ensure(
    directory: &File,
    name: &str,
    holder: &Holder,
    key: KeyKind,
) -> Result<(OwnKey, Origin), MakeError> {
    let holder = match holder {
        Holder::Connects => telemetry_tls::Holder::Connects,
        Holder::Listens(name) => telemetry_tls::Holder::Listens(Some(name)),
    };
    telemetry_tls::ensure(directory, name, holder, || key_kind::generate(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;
    use std::process::Command;
    use telemetry_files::{Attributes, Durability, open_directory, replace};

    fn ensure_in(dir: &Path) -> Result<(OwnKey, Origin), MakeError> {
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
        assert_eq!(made.fingerprint, found.fingerprint);
        let text = openssl(dir.path(), "x509 -in cli_certificate.pem -noout -text -fingerprint -sha256");
        for expected in [
            "Subject: CN = telemetry\n",
            "Not Before: Jan  1 00:00:00 2020 GMT",
            "Not After : Dec 31 00:00:00 2049 GMT",
            "TLS Web Client Authentication",
            "NIST CURVE: P-256",
            &format!("={}", found.fingerprint),
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
        assert!(matches!(origin, Origin::Found) && found.fingerprint == made.fingerprint);
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
            assert!(printed.trim_end().ends_with(&format!("={}", identity.fingerprint)), "{make}");
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
