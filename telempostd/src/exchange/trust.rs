//! By what the system's servers are trusted, and who this machine is there: the files of both, and what the upload process
//! gets of them.
//!
//! ```text
//! ETC_DIR/telempostd/trusted_certificates.cfg              people's; read, never written
//! STATE_DIR/identity/telempostd/trusted_learned.cfg        what was learned in a window that a person opened
//! STATE_DIR/identity/telempostd/first-use                  that window, while it is open
//! STATE_DIR/identity/telempostd/cli_certificate.pem        made by telempost-identity where it is missing
//! ```
//!
//! They are read when an upload process starts. A change is seen with the next record, and ends that process.

mod first_use;
mod identity;
mod renewal;

pub use identity::program as identity_program;
pub(super) use renewal::Renewal;

use crate::server_path;
use crate::settings::{ClientCertificate, IdentityKey, Settings};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use telemetry_files::{bounded_file, open_directory};
use telemetry_trust::limits::TRUST_FILE_BYTES;
use telemetry_trust::paths::{self, CLIENT_CERTIFICATE_FILE};
use telemetry_trust::{Grammar, LEARNED_FILE, Learning, ServerAddress, TrustList, WINDOW_FILE};
use telempost_upload::protocol::{Opening, PinnedServer};

/// Name of this service's folders.
const SERVICE: &str = "telempostd";

/// How often it is looked whether a file has changed, at most.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The files of trust.
#[derive(Debug)]
pub(crate) struct TrustFiles {
    trusted: PathBuf,
    identity_dir: PathBuf,
    /// The https servers of the configuration.
    servers: Vec<ServerAddress>,
    /// Those of the configuration that are trusted by fingerprint, `HOST:PORT/PATH` of where they take announcements.
    peers: Vec<String>,
    /// `HOST:PORT/PATH` of all, by address.
    identity_paths: Vec<(ServerAddress, String)>,
    /// Whether a file of authorities is named: then nobody is trusted by first use.
    has_authorities: bool,
    client_certificate: ClientCertificate,
    identity_key: IdentityKey,
    /// Servers whose first certificate is still to be seen, by what the upload process was given.
    learnable: Vec<ServerAddress>,
    /// Key and certificate as they were when they were last checked, and their bytes.
    checked: Option<(Stamp, Vec<u8>)>,
    /// How the files were when they were last read.
    seen: Vec<Option<Stamp>>,
    looked: Option<Instant>,
}

/// What changes when a file is replaced or written.
type Stamp = (u64, u64, i64, i64, u64);

impl TrustFiles {
    pub(super) fn new(settings: &Settings) -> Self {
        Self::of_servers(settings, https_servers(settings))
    }

    /// The same, for other servers than those of the configuration.
    pub(crate) fn of_servers(settings: &Settings, servers: Vec<ServerAddress>) -> Self {
        Self {
            trusted: paths::trust_file(&settings.etc_dir, SERVICE),
            identity_dir: paths::identity_dir(&settings.state_dir, SERVICE),
            servers,
            peers: Vec::new(),
            identity_paths: identity_paths(settings),
            has_authorities: settings.servers.iter().any(|server| server.cainfo.is_some()),
            client_certificate: settings.client_certificate,
            identity_key: settings.identity_key,
            learnable: Vec::new(),
            checked: None,
            seen: Vec::new(),
            looked: None,
        }
    }

    /// Whether a file has changed since the upload process was given what is in them.
    pub(super) fn have_changed(&mut self, now: Instant) -> bool {
        if self.servers.is_empty() || self.looked.is_some_and(|looked| now < looked + LOOK_INTERVAL) {
            return false;
        }
        self.looked = Some(now);
        [self.list_stamps(), self.identity_stamp()].concat() != self.seen
    }

    /// What an upload process is given at its start.
    ///
    /// # Errors
    /// A file of trusted certificates cannot be used: then nothing is delivered, since it could be to the wrong one.
    pub(crate) fn opening(&mut self) -> Result<Opening, String> {
        if self.servers.is_empty() {
            return Ok(Opening::default());
        }
        let seen = self.list_stamps();
        let learned = read_list(&self.identity_dir.join(LEARNED_FILE), Grammar::Learned)?;
        let list = read_list(&self.trusted, Grammar::Administrators)?.with_learned(&learned);
        let mut pinned: Vec<_> = self.servers.iter().filter_map(|server| pinned(&list, server)).collect();
        let is_pinned = |(server, _): &&(ServerAddress, String)| !list.of_server(server).is_empty();
        self.peers = self.identity_paths.iter().filter(is_pinned).map(|(_, path)| path.clone()).collect();
        self.learnable = self.learnable(&list);
        // Of these nothing is trusted yet; what is seen of them comes back, and is learned here.
        pinned.extend(self.learnable.iter().map(|server| PinnedServer::unseen(server.to_string())));
        let identity_program = identity_program();
        let is_shown_to_all = self.client_certificate == ClientCertificate::Always;
        let is_shown = match self.client_certificate {
            ClientCertificate::Never => false,
            ClientCertificate::Pinned => !pinned.is_empty(),
            ClientCertificate::Always => true,
        };
        let identity = self.identity(&identity_program).filter(|_| is_shown);
        // It may have been made just now.
        self.seen = [seen, self.identity_stamp()].concat();
        let identity_program = identity_program.display().to_string();
        Ok(Opening { pinned, identity, identity_program, is_shown_to_all })
    }

    fn list_stamps(&self) -> Vec<Option<Stamp>> {
        let of_identity = |name| stamp(&self.identity_dir.join(name));
        vec![stamp(&self.trusted), of_identity(LEARNED_FILE), of_identity(WINDOW_FILE)]
    }

    /// This machine's key and certificate, checked where they are not those of the last time.
    fn identity(&mut self, program: &Path) -> Option<Vec<u8>> {
        if self.client_certificate == ClientCertificate::Never {
            return None;
        }
        let path = self.identity_dir.join(CLIENT_CERTIFICATE_FILE);
        match (&self.checked, stamp(&path)) {
            (Some((checked, pem)), Some(now)) if *checked == now => return Some(pem.clone()),
            _ => {}
        }
        let pem = identity::pem(&self.identity_dir, program, self.identity_key)?;
        self.checked = stamp(&path).map(|stamp| (stamp, pem.clone()));
        Some(pem)
    }

    fn learning(&self) -> io::Result<Learning> {
        open_directory(&self.identity_dir).map(Learning::in_directory)
    }

    fn identity_stamp(&self) -> Vec<Option<Stamp>> {
        vec![stamp(&self.identity_dir.join(CLIENT_CERTIFICATE_FILE))]
    }
}

/// Each https server that records go to, once.
fn https_servers(settings: &Settings) -> Vec<ServerAddress> {
    let mut servers = Vec::new();
    for server in settings.servers.iter().chain(&settings.copies) {
        servers.extend(
            ServerAddress::of_https_url(server.url.with_password()).filter(|one| !servers.contains(one)),
        );
    }
    servers
}

/// Where each https server takes announcements.
fn identity_paths(settings: &Settings) -> Vec<(ServerAddress, String)> {
    let mut paths: Vec<(ServerAddress, String)> = Vec::new();
    for server in settings.servers.iter().chain(&settings.copies) {
        let url = server.url.with_password();
        if let Some(address) = ServerAddress::of_https_url(url)
            && !paths.iter().any(|(known, _)| *known == address)
        {
            let path = format!("{address}{}", server_path::identity(url));
            paths.push((address, path));
        }
    }
    paths
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino(), metadata.mtime(), metadata.mtime_nsec(), metadata.size()))
}

/// The list in a file; an empty one where there is no file.
fn read_list(path: &Path, grammar: Grammar) -> Result<TrustList, String> {
    let about = |fault: &dyn std::fmt::Display| {
        format!("{}: {fault}; nothing is delivered until it is mended", path.display())
    };
    let bytes = match read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(TrustList::default()),
        Err(error) => return Err(about(&error)),
    };
    let list = TrustList::parse(&bytes, grammar).map_err(|fault| about(&fault))?;
    for warning in list.warnings() {
        log::warn!("{}: {warning}", path.display());
    }
    Ok(list)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::NotFound.into());
    };
    let file = bounded_file::open_regular_in(open_directory(folder)?, name)?;
    bounded_file::read_all(&file, TRUST_FILE_BYTES)
}

/// A server with the certificates that it may have; none if nothing in the list is about it.
fn pinned(list: &TrustList, server: &ServerAddress) -> Option<PinnedServer> {
    let fingerprints: Vec<_> =
        list.of_server(server).iter().map(|certificate| certificate.fingerprint.to_string()).collect();
    (!fingerprints.is_empty()).then(|| PinnedServer { address: server.to_string(), fingerprints })
}
