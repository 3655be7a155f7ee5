//! Parties with certificates, made by `openssl` as administrators make them, and curl as the other side.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use telem_collector::trust::Fingerprint;

pub(crate) fn openssl(directory: &Path, args: &str) -> String {
    let output = Command::new("openssl").current_dir(directory).args(args.split(' ')).output().unwrap();
    assert!(output.status.success(), "openssl {args}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A key, its certificate, and both in one file.
pub(crate) struct Party {
    pub(crate) pem: PathBuf,
    pub(crate) fingerprint: Fingerprint,
}

impl Party {
    /// Of version 1, by the recipe of the administrators: `openssl req`, then `openssl x509 -req`.
    pub(crate) fn new(directory: &Path, name: &str, key: &str) -> Self {
        openssl(
            directory,
            &format!("req -new {key} -nodes -subj /CN={name} -keyout {name}.key -out {name}.csr"),
        );
        openssl(directory, &format!("x509 -req -in {name}.csr -signkey {name}.key -days 2 -out {name}.crt"));
        let text = openssl(directory, &format!("x509 -in {name}.crt -noout -text"));
        assert!(text.contains("Version: 1 "), "{text}");
        Self::of_files(directory, name, name)
    }

    /// Of P-256.
    pub(crate) fn ecdsa(directory: &Path, name: &str) -> Self {
        Self::new(directory, name, "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1")
    }

    /// The certificate of one name with the key of another.
    pub(crate) fn of_files(directory: &Path, certificate: &str, key: &str) -> Self {
        let pem = directory.join(format!("{certificate}-{key}.pem"));
        let parts = [format!("{key}.key"), format!("{certificate}.crt")];
        let parts = parts.map(|name| fs::read(directory.join(name)).unwrap());
        fs::write(&pem, parts.concat()).unwrap();
        fs::set_permissions(&pem, fs::Permissions::from_mode(0o600)).unwrap();
        let leaf = CertificateDer::from_pem_slice(&parts[1]).unwrap();
        Self { fingerprint: Fingerprint::of_der(&leaf), pem }
    }

    /// curl's options for showing it.
    pub(crate) fn shown(&self) -> [&str; 2] {
        ["--cert", self.pem.to_str().unwrap()]
    }
}

/// What curl got: the status (0: no answer) and the body.
pub(crate) fn curl(args: &[&str]) -> (u16, String) {
    let output = curl_output(args);
    let stdout = String::from_utf8(output.stdout).unwrap();
    let (body, status) = stdout.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), body.to_owned())
}

pub(crate) fn curl_output(args: &[&str]) -> Output {
    let fixed =
        ["--silent", "--show-error", "--insecure", "--max-time", "60", "--write-out", "\n%{http_code}"];
    Command::new("curl").args(fixed).args(args).output().unwrap()
}
