//! The certificate that somebody has shown, and whose key he has proven.

use rustls::pki_types::CertificateDer;
use telemetry_trust::Fingerprint;

/// What was shown on a connection, or by a proxy for its client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// The leaf's fingerprint; none: no certificate was shown.
    pub fingerprint: Option<Fingerprint>,
    /// Whether it is by an authority of `--client-ca`.
    pub is_by_authority: bool,
    /// Whether there was TLS.
    pub is_encrypted: bool,
    /// Whether a proxy of ours says so.
    pub is_proxied: bool,
}

impl Shown {
    /// Nothing, on a connection without TLS.
    pub const PLAIN: Self =
        Self { fingerprint: None, is_by_authority: false, is_encrypted: false, is_proxied: false };

    /// What was shown in a handshake. The leaf alone counts: who appends a listed certificate to a chain of his has not
    /// shown it.
    #[must_use]
    pub fn in_handshake(chain: Option<&[CertificateDer<'_>]>, is_by_authority: bool) -> Self {
        let leaf = chain.and_then(<[_]>::first);
        Self {
            fingerprint: leaf.map(|leaf| Fingerprint::of_der(leaf)),
            is_by_authority,
            is_encrypted: true,
            is_proxied: false,
        }
    }
}
