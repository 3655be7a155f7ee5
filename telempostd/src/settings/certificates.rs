//! Who is shown this machine's certificate, and whose is trusted at first sight.

use telemetry_config::Key;
use telemetry_config::allowed::{Choice, Number};

/// `client_certificate`.
pub static CLIENT_CERTIFICATE: Key<ClientCertificate> = Key {
    name: "client_certificate",
    default: "pinned",
    allowed: &Choice(&[
        ("pinned", ClientCertificate::Pinned),
        ("always", ClientCertificate::Always),
        ("never", ClientCertificate::Never),
    ]),
    doc: "Servers that this machine's certificate is shown to: those trusted by fingerprint, over TLS 1.3 (pinned), each \
          that asks (always), or none (never). It is the same for all time, whereas the machine id is renewed.",
};

/// `identity_key`.
pub static IDENTITY_KEY: Key<IdentityKey> = Key {
    name: "identity_key",
    default: "ecdsa",
    allowed: &Choice(&[("ecdsa", IdentityKey::Ecdsa), ("rsa", IdentityKey::Rsa)]),
    doc: "Key of this machine's certificate, when one is made: ecdsa (P-256) or rsa (2048 bits). One that is there stays.",
};

/// `trust_first_use`, in minutes.
pub static TRUST_FIRST_USE: Key<u64> = Key {
    name: "trust_first_use",
    default: "0",
    allowed: &Number { unit: "minutes", range: 0..=10_080, convert: std::convert::identity },
    doc: "Minutes after opt-in in which the first certificate of each https server is trusted from then on, if there is \
          neither a line about it nor cainfo; 0 for never.",
};

/// Who is shown this machine's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCertificate {
    /// Servers that are trusted by fingerprint.
    Pinned,
    /// Each server that asks for one.
    Always,
    /// None.
    Never,
}

/// What a certificate of this machine is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityKey {
    /// ECDSA on P-256.
    Ecdsa,
    /// RSA of 2048 bits.
    Rsa,
}

impl IdentityKey {
    /// Its word, here and for telempost-identity.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ecdsa => "ecdsa",
            Self::Rsa => "rsa",
        }
    }
}
