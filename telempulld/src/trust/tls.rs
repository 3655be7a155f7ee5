//! The accepting side of TLS: who we are, and whose handshakes come to their end.

use super::lists::Trust;
use super::own::Own;
use crate::error::DaemonError;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use std::path::Path;
use std::sync::Arc;
use telemetry_tls::{Clients, server_config};
use telemetry_trust::Fingerprint;

/// How handshakes go, and what is shown in them.
///
/// # Errors
/// There is no certificate to show.
pub(crate) fn config(
    state_dir: &Path,
    trust: Arc<Trust>,
) -> Result<(Arc<ServerConfig>, Arc<Own>), DaemonError> {
    let own = Arc::new(Own::open(state_dir, Arc::clone(&trust))?);
    let config = server_config(trust, Arc::<Own>::clone(&own)).map_err(|error| DaemonError::Identity {
        path: state_dir.to_owned(),
        fault: format!("TLS: {error}"),
    })?;
    Ok((Arc::new(config), own))
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
