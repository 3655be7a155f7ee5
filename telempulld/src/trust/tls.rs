//! The accepting side of TLS: who we are, and whose handshakes come to their end.

use super::identity;
use super::lists::Trust;
use crate::error::DaemonError;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::path::Path;
use std::sync::Arc;
use telemetry_tls::{Clients, server_config};
use telemetry_trust::Fingerprint;

/// How handshakes go, and the fingerprint of what is shown in them.
///
/// # Errors
/// There is no certificate to show.
pub(crate) fn config(
    state_dir: &Path,
    trust: Arc<Trust>,
) -> Result<(Arc<ServerConfig>, Fingerprint), DaemonError> {
    let own = identity::ensure(state_dir)?;
    let config = server_config(trust, Arc::new(Shows(own.certified))).map_err(|error| {
        DaemonError::Identity { path: state_dir.to_owned(), fault: format!("TLS: {error}") }
    })?;
    Ok((Arc::new(config), own.fingerprint))
}

/// Shows the one certificate, whatever name is asked for.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesServerCert for Shows {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// By the list as it is now. Dates, names and chains are not judged.
impl Clients for Trust {
    fn are_asked(&self) -> bool {
        true
    }

    fn must_show_one(&self) -> bool {
        !self.takes_passwords()
    }

    fn may_finish(&self, leaf: &CertificateDer<'_>, _chain: &[CertificateDer<'_>]) -> bool {
        let fingerprint = Fingerprint::of_der(leaf);
        let is_known = self.is_trusted_or_first(&fingerprint);
        if !is_known {
            self.note_refused(&fingerprint);
        }
        is_known
    }
}
