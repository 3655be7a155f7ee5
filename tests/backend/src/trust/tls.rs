//! The accepting side of TLS: who we are, and whose handshakes come to their end.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use telemetry_tls::{Clients, OwnKey, server_config};
use telemetry_trust::Fingerprint;

use super::caller::ClientCertificates;
use super::error::TrustError;
use super::identity::{Kind, ensure};
use super::options::TrustOptions;
use super::peers::Trust;
use super::renewal::Renewal;
use super::source::Source;

const NO_DIRECTORY: &str = "TLS needs --certificate FILE, or --identity DIR where a certificate is made: there is no \
                            database file beside which it could be";

/// What listeners with TLS share.
#[derive(Debug)]
pub struct Tls {
    config: Arc<ServerConfig>,
    shows: Arc<Shows>,
    source: Source,
    /// Of a certificate of our own making.
    renewal: Option<Arc<Renewal>>,
}

/// Shows the certificate that is there now, whatever name is asked for.
#[derive(Debug)]
struct Shows(RwLock<OwnKey>);

impl Shows {
    fn now(&self) -> OwnKey {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ResolvesServerCert for Shows {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.now().certified)
    }
}

impl Tls {
    /// Reads our certificate, or makes it.
    ///
    /// # Errors
    /// [`TrustError`].
    pub fn new(
        options: &TrustOptions,
        directory: Option<&Path>,
        trust: Arc<Trust>,
    ) -> Result<Self, TrustError> {
        let source = match (&options.certificate, directory) {
            (Some(certificate), _) => Source::Files {
                certificate: certificate.clone(),
                key: options.key.as_ref().unwrap_or(certificate).clone(),
            },
            (None, Some(directory)) => Source::Directory(directory.into()),
            (None, None) => return Err(TrustError::Options(NO_DIRECTORY.into())),
        };
        let own = match &source {
            Source::Directory(directory) => ensure(directory, Kind::Server)?,
            files @ Source::Files { .. } => files.read(Kind::Server)?,
        };
        let shows = Arc::new(Shows(RwLock::new(own)));
        let config = server_config(trust, Arc::<Shows>::clone(&shows))
            .map_err(|error| TrustError::Options(format!("cannot use TLS: {error}")))?;
        let renewal = source.directory().map(|directory| Renewal::new(directory, Kind::Server));
        Ok(Self { config: Arc::new(config), shows, source, renewal })
    }

    /// How a handshake goes.
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// What clients see of us.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.shows.now().fingerprint
    }

    /// Reads our certificate again; says whether it is another. With a fault the old one stays.
    ///
    /// # Errors
    /// [`TrustError`].
    pub fn reload(&self) -> Result<bool, TrustError> {
        let own = self.source.read(Kind::Server)?;
        let mut shown = self.shows.0.write().unwrap_or_else(PoisonError::into_inner);
        let is_changed = shown.fingerprint != own.fingerprint;
        *shown = own;
        Ok(is_changed)
    }

    /// The files that a change of is waited for.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        self.source.files(Kind::Server)
    }

    /// What is to take its place, where it is of our own making.
    #[must_use]
    pub fn renewal(&self) -> Option<&Arc<Renewal>> {
        self.renewal.as_ref()
    }
}

/// By the list as it is now. Dates, names and chains of listed certificates are not judged.
impl Clients for Trust {
    fn are_asked(&self) -> bool {
        self.mode() != ClientCertificates::None
    }

    fn must_show_one(&self) -> bool {
        self.mode() == ClientCertificates::Require
    }

    fn may_finish(&self, leaf: &CertificateDer<'_>, chain: &[CertificateDer<'_>]) -> bool {
        let fingerprint = Fingerprint::of_der(leaf);
        let may_finish = self.is_listed(&fingerprint)
            || self.is_by_authority(leaf, chain)
            || self.mode() != ClientCertificates::Require;
        if !may_finish {
            self.note_refused(&fingerprint);
        }
        may_finish
    }
}
