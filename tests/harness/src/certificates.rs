//! A certificate authority of the scenario's own, and what it signs, made with the `openssl` command.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is right or wrong with a server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// For `localhost` and 127.0.0.1, by the authority.
    Good,
    /// By the authority, for another host's name.
    OtherHost,
    /// Was good until some years ago.
    Expired,
    /// Will be good in some years.
    NotYetValid,
    /// For `localhost`, by nobody but itself.
    SelfSigned,
    /// As `openssl x509 -req -signkey` makes it: X.509 version 1, no names but a subject, its key in the form of SEC1.
    Version1,
}

impl Certificate {
    const ALL: [Self; 6] =
        [Self::Good, Self::OtherHost, Self::Expired, Self::NotYetValid, Self::SelfSigned, Self::Version1];

    fn file_stem(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::OtherHost => "other-host",
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::SelfSigned => "self-signed",
            Self::Version1 => "version-1",
        }
    }
}

/// The folder of the authority and of all servers' certificates.
#[derive(Debug)]
pub struct Certificates {
    folder: PathBuf,
}

/// What `openssl ca` needs besides its arguments.
const CONFIG: &str = "\
[ca]
default_ca = own
[own]
database = index.txt
rand_serial = yes
new_certs_dir = .
default_md = sha256
policy = names
[names]
commonName = supplied
[req]
distinguished_name = request
[request]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[here]
subjectAltName = DNS:localhost, IP:127.0.0.1
[elsewhere]
subjectAltName = DNS:telemetry.example.org
";

impl Certificates {
    /// Makes them below this folder.
    ///
    /// # Panics
    /// `openssl` is not there or refuses.
    pub fn make(sandbox: &Path) -> Self {
        let folder = sandbox.join("certificates");
        fs::create_dir(&folder).unwrap();
        let certificates = Self { folder };
        fs::write(certificates.path("openssl.cnf"), CONFIG).unwrap();
        fs::write(certificates.path("index.txt"), "").unwrap();
        // Names may be used for more than one certificate.
        fs::write(certificates.path("index.txt.attr"), "unique_subject = no\n").unwrap();
        certificates.new_key("ca");
        certificates.openssl(
            "req -new -x509 -config openssl.cnf -extensions authority -key ca.key -out ca.pem -days 7 -subj /CN=Authority",
        );
        for certificate in Certificate::ALL {
            certificates.make_one(certificate);
        }
        certificates
    }

    fn make_one(&self, certificate: Certificate) {
        let stem = certificate.file_stem();
        if certificate == Certificate::Version1 {
            return drop(make_version_1(&self.folder, stem));
        }
        self.new_key(stem);
        if certificate == Certificate::SelfSigned {
            let request = "req -new -x509 -config openssl.cnf -extensions here -days 7 -subj /CN=localhost";
            return self.openssl(&format!("{request} -key {stem}.key -out {stem}.pem"));
        }
        let (names, time) = match certificate {
            Certificate::OtherHost => ("elsewhere", "-days 7"),
            Certificate::Expired => ("here", "-startdate 20200101000000Z -enddate 20210101000000Z"),
            Certificate::NotYetValid => ("here", "-startdate 20980101000000Z -enddate 20990101000000Z"),
            _ => ("here", "-days 7"),
        };
        let request = "req -new -config openssl.cnf -subj /CN=server";
        self.openssl(&format!("{request} -key {stem}.key -out {stem}.csr"));
        let sign = "ca -batch -notext -config openssl.cnf -cert ca.pem -keyfile ca.key";
        self.openssl(&format!("{sign} -extensions {names} {time} -in {stem}.csr -out {stem}.pem"));
    }

    fn new_key(&self, stem: &str) {
        self.openssl(&format!("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {stem}.key"));
    }

    fn openssl(&self, args: &str) {
        openssl(&self.folder, args);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The authority's certificate, for `cainfo`.
    pub fn authority(&self) -> PathBuf {
        self.path("ca.pem")
    }

    /// A server's certificate.
    pub fn certificate(&self, certificate: Certificate) -> PathBuf {
        self.path(certificate.file_stem()).with_extension("pem")
    }

    /// Its key.
    pub fn key(&self, certificate: Certificate) -> PathBuf {
        self.path(certificate.file_stem()).with_extension("key")
    }
}

/// Makes a key and a certificate as [`Certificate::Version1`], `NAME.key` and `NAME.pem` in this folder. Returns its fingerprint.
///
/// # Panics
/// `openssl` is not there or refuses.
pub fn make_version_1(folder: &Path, name: &str) -> String {
    openssl(folder, &format!("ecparam -name prime256v1 -genkey -noout -out {name}.key"));
    openssl(folder, &format!("req -new -key {name}.key -subj /CN={name} -out {name}.csr"));
    openssl(folder, &format!("x509 -req -in {name}.csr -signkey {name}.key -days 9 -out {name}.pem"));
    let printed = openssl(folder, &format!("x509 -in {name}.pem -noout -fingerprint -sha256"));
    printed.trim().rsplit('=').next().unwrap_or_default().to_owned()
}

fn openssl(folder: &Path, args: &str) -> String {
    let output = Command::new("openssl")
        .args(args.split(' '))
        .current_dir(folder)
        .output()
        .unwrap_or_else(|error| panic!("openssl: {error}; install it with `make deps`"));
    assert!(output.status.success(), "openssl {args}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
