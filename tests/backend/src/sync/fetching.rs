//! What all sources share.

use std::path::PathBuf;
use std::sync::Arc;

use super::id::random;
use super::options::SyncOptions;
use super::source::Source;
use crate::storage::Engine;
use crate::trust::{Connecting, Fingerprint, Trust, TrustError};

/// What all sources share.
#[derive(Debug)]
pub struct Fetching {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) trust: Arc<Trust>,
    pub(super) connecting: Connecting,
    pub(super) options: SyncOptions,
    pub(super) trust_file: Option<PathBuf>,
    /// This process, among those of one database.
    pub(super) holder: String,
}

/// The holder where a database has one process at a time.
const ONLY_HOLDER: &str = "the only one";

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
        let holder = if is_shared { random() } else { Ok(ONLY_HOLDER.to_owned()) };
        let holder = holder.map_err(|error| TrustError::Options(error.to_string()))?;
        Ok(Self { engine, trust, connecting, options, trust_file, holder })
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
