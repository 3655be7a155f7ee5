//! What all sources share.

use std::path::PathBuf;
use std::sync::Arc;

use super::options::SyncOptions;
use super::source::Source;
use crate::storage::Engine;
use crate::trust::{Connecting, Fingerprint, Renewal, Trust, TrustError};

/// What all sources share.
#[derive(Debug)]
pub struct Fetching {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) trust: Arc<Trust>,
    pub(super) connecting: Connecting,
    pub(super) options: SyncOptions,
    pub(super) trust_file: Option<PathBuf>,
    /// Whether other collectors may use the same database.
    pub(super) is_shared: bool,
}

impl Fetching {
    /// Reads what is needed to connect.
    ///
    /// # Errors
    /// If a file cannot be used.
    pub fn new(
        engine: Arc<dyn Engine>,
        trust: Arc<Trust>,
        options: SyncOptions,
        directory: Option<PathBuf>,
        trust_file: Option<PathBuf>,
        is_shared: bool,
    ) -> Result<Self, TrustError> {
        let own = (options.sync_cert.as_deref(), options.sync_key.as_deref());
        let connecting = Connecting::new(own, options.sync_ca.as_deref(), directory.as_deref())?;
        Ok(Self { engine, trust, connecting, options, trust_file, is_shared })
    }

    /// The renewal of the certificate that sources are shown, where it is of our own making.
    #[must_use]
    pub fn renewal(&self) -> Option<Arc<Renewal>> {
        self.connecting.renewal().cloned()
    }

    /// The certificates that a source may have.
    pub(super) fn pins(&self, source: &Source) -> Vec<Fingerprint> {
        let (address, lists) = (source.address(), self.trust.lists());
        let lines = lists.list.certificates().iter().filter(|line| line.words.servers.contains(&address));
        lines.map(|line| line.fingerprint).collect()
    }

    /// The certificate that buffers have to know.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.connecting.fingerprint()
    }
}
