//! Who is trusted now, and what follows for somebody who has shown a certificate.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use axum::http::{HeaderMap, HeaderName};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use telemetry_trust::{Announcing, Fingerprint, Grammar, LEARNED_FILE, Learning, Role, TrustList};
use tokio::sync::watch;

use super::caller::{Caller, ClientCertificates, Roles};
use super::error::TrustError;
use super::file::{read_list, read_public};
use super::options::TrustOptions;
use super::refused::Refused;
use super::shown::Shown;
use super::{identity, local_services, proxy_header};

/// Where services of this machine keep their fingerprints.
pub const LOCAL_IDENTITIES: &str = "/var/lib/telemetry/identity";

/// What the files say at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lists {
    /// The lines of people and those that were learned.
    pub list: TrustList,
    /// Services of this machine.
    pub local: BTreeSet<Fingerprint>,
}

/// Who is trusted.
#[derive(Debug)]
pub struct Trust {
    mode: ClientCertificates,
    file: Option<PathBuf>,
    learned: Option<PathBuf>,
    local: PathBuf,
    authorities: Option<Arc<dyn ClientCertVerifier>>,
    proxies: Vec<IpAddr>,
    certificate_header: Option<HeaderName>,
    lists: RwLock<Arc<Lists>>,
    changes: watch::Sender<()>,
    refused: Refused,
}

impl Trust {
    /// Reads all files. `directory`: where learned lines are.
    ///
    /// # Errors
    /// The first fault of a file, with its line.
    pub fn new(
        options: &TrustOptions,
        proxies: Vec<IpAddr>,
        directory: Option<&Path>,
    ) -> Result<Arc<Self>, TrustError> {
        let authorities = options.client_ca.as_deref().map(authorities).transpose()?;
        let trust = Self {
            mode: options.client_certificates,
            file: options.trust.clone(),
            learned: directory.map(|directory| directory.join(LEARNED_FILE)),
            local: PathBuf::from(LOCAL_IDENTITIES),
            authorities,
            proxies,
            certificate_header: options.proxy_certificate_header.clone(),
            lists: RwLock::default(),
            changes: watch::Sender::new(()),
            refused: Refused::default(),
        };
        trust.reload()?;
        Ok(Arc::new(trust))
    }

    /// Nobody is trusted or asked: for a collector that speaks plain HTTP.
    #[must_use]
    pub fn nobody() -> Arc<Self> {
        Arc::new(Self {
            mode: ClientCertificates::None,
            file: None,
            learned: None,
            local: PathBuf::new(),
            authorities: None,
            proxies: Vec::new(),
            certificate_header: None,
            lists: RwLock::default(),
            changes: watch::Sender::new(()),
            refused: Refused::default(),
        })
    }

    /// Reads the files again; says whether anything is another now. With a fault the old lists stay in force.
    ///
    /// # Errors
    /// The first fault, with its line.
    pub fn reload(&self) -> Result<bool, TrustError> {
        let list = self.file.as_deref().map(|path| read_list(path, Grammar::Administrators)).transpose()?;
        let list = list.unwrap_or_default();
        for warning in list.warnings() {
            let file = self.file.as_deref().unwrap_or(Path::new("")).display();
            eprintln!("telem-collector: {file}: {warning}");
        }
        let learned = self.learned.as_deref().map(|path| read_list(path, Grammar::Learned)).transpose()?;
        let list = list.with_learned(&learned.unwrap_or_default());
        Ok(self.replace(Lists { list, local: self.local_now() }))
    }

    /// The owner of a trusted certificate, who has proven its key, names the one that is to follow it; none: none does any
    /// more. It is trusted beside the present one, with the same rights, as long as that one is.
    ///
    /// # Errors
    /// If it cannot be kept.
    pub fn announce(&self, parent: Fingerprint, next: Option<Fingerprint>) -> Result<Announcing, TrustError> {
        let Some(directory) = self.learned.as_deref().and_then(Path::parent) else {
            return Err(TrustError::Options(
                "there is no --identity DIR, where announcements are kept".into(),
            ));
        };
        let lists = self.lists();
        let list = &lists.list;
        // A service of this machine is known by the file beside its certificate, and nobody announces it as his own.
        let is_taken = |one: &Fingerprint| {
            lists.local.contains(one) || list.find(one).is_some_and(|line| line.words.next_of.is_none())
        };
        if list.find(&parent).is_none() || next.as_ref().is_some_and(is_taken) {
            return Ok(Announcing::Known);
        }
        let fault = |error| TrustError::Directory { path: directory.into(), error };
        let learning = Learning::in_directory(identity::open(directory)?);
        let announcing = learning.announce(parent, next).map_err(fault)?;
        if announcing == Announcing::Changed {
            match next {
                Some(next) => eprintln!(
                    "telem-collector: {parent} has announced its next certificate, which is trusted beside it: {next}"
                ),
                None => eprintln!("telem-collector: {parent} has taken its next certificate back"),
            }
            self.reload()?;
        }
        Ok(announcing)
    }

    /// Reads again which services this machine has.
    pub(super) fn reload_local(&self) {
        let lists = self.lists();
        let local = self.local_now();
        if lists.local != local {
            self.replace(Lists { list: lists.list.clone(), local });
        }
    }

    fn local_now(&self) -> BTreeSet<Fingerprint> {
        local_services::fingerprints(&self.local, nix::unistd::geteuid().as_raw())
    }

    /// Says whether these are others than before.
    fn replace(&self, new: Lists) -> bool {
        let mut lists = self.lists.write().unwrap_or_else(PoisonError::into_inner);
        let is_changed = **lists != new;
        *lists = Arc::new(new);
        drop(lists);
        if is_changed {
            self.changes.send_replace(());
        }
        is_changed
    }

    /// The lists as they are now.
    #[must_use]
    pub fn lists(&self) -> Arc<Lists> {
        Arc::clone(&self.lists.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Says when the lists have changed.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// The files that a change of is waited for.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.file.as_deref().into_iter().chain(self.learned.as_deref())
    }

    /// Whether clients are asked.
    pub(super) fn mode(&self) -> ClientCertificates {
        self.mode
    }

    /// Whether a certificate has a line about those who connect, or is of a service of this machine.
    pub(super) fn is_listed(&self, fingerprint: &Fingerprint) -> bool {
        self.lists().roles(fingerprint).is_some()
    }

    /// Whether a certificate is by an authority of `--client-ca`, today.
    pub(super) fn is_by_authority(&self, leaf: &CertificateDer<'_>, chain: &[CertificateDer<'_>]) -> bool {
        self.authorities
            .as_ref()
            .is_some_and(|verifier| verifier.verify_client_cert(leaf, chain, UnixTime::now()).is_ok())
    }

    /// What was shown in a handshake.
    #[must_use]
    pub fn shown(&self, chain: Option<&[CertificateDer<'_>]>) -> Shown {
        let parts = chain.and_then(<[_]>::split_first);
        let is_by_authority = parts.is_some_and(|(leaf, rest)| self.is_by_authority(leaf, rest));
        Shown::in_handshake(chain, is_by_authority)
    }

    /// What a request shows: on a connection of a proxy of ours, what its header says.
    #[must_use]
    pub fn shown_by(&self, peer: IpAddr, headers: &HeaderMap, on_connection: Shown) -> Shown {
        let header = self.certificate_header.as_ref().filter(|_| self.proxies.contains(&peer.to_canonical()));
        let Some(name) = header else { return on_connection };
        Shown {
            fingerprint: proxy_header::fingerprint(headers, name),
            is_by_authority: false,
            is_encrypted: true,
            is_proxied: true,
        }
    }

    /// What somebody may who has shown this.
    #[must_use]
    pub fn caller(&self, shown: Shown) -> Caller {
        let roles = self.roles(shown);
        let is_bound_to_roles = shown.is_encrypted && self.mode == ClientCertificates::Require;
        Caller {
            fingerprint: shown.fingerprint,
            roles,
            is_bound_to_roles,
            is_encrypted: shown.is_encrypted,
            is_proxied: shown.is_proxied,
        }
    }

    /// The roles of who has shown this.
    #[must_use]
    pub fn roles(&self, shown: Shown) -> Roles {
        let listed = shown.fingerprint.and_then(|fingerprint| self.lists().roles(&fingerprint));
        let by_authority = if shown.is_by_authority { Roles::NONE.with(Role::Fetch) } else { Roles::NONE };
        listed.unwrap_or_default().and(by_authority)
    }

    /// Logs the certificate of somebody who was refused, as a line to be pasted; each once an hour.
    pub fn note_refused(&self, fingerprint: &Fingerprint) {
        if self.refused.is_due(fingerprint, Instant::now()) {
            let remedy = match &self.file {
                Some(file) => format!("to trust it, add this line to {}", file.display()),
                None => "to trust it, add this line to a file and name that by --trust".to_owned(),
            };
            eprintln!(
                "telem-collector: a client with an unknown certificate was refused; {remedy}, with its role=:\n{fingerprint}"
            );
        }
    }
}

impl Lists {
    /// The roles of a certificate; none: it is not listed, or is that of a server that we connect to.
    #[must_use]
    pub fn roles(&self, fingerprint: &Fingerprint) -> Option<Roles> {
        let line = self.list.find(fingerprint).filter(|line| line.words.servers.is_empty());
        let listed = line.map(|line| Roles::of_line(&line.words.roles));
        listed.or_else(|| self.local.contains(fingerprint).then(|| Roles::NONE.with(Role::Deliver)))
    }
}

fn authorities(path: &Path) -> Result<Arc<dyn ClientCertVerifier>, TrustError> {
    let pem = read_public(path)?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| TrustError::file(path, format_args!("{error}")))?;
        roots.add(certificate).map_err(|error| TrustError::file(path, error))?;
    }
    if roots.is_empty() {
        return Err(TrustError::file(path, "holds no certificate in PEM"));
    }
    let built =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), telemetry_tls::provider()).build();
    built.map_err(|error| TrustError::file(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(text: &str) -> Lists {
        let list = TrustList::parse(text.as_bytes(), Grammar::Administrators).unwrap();
        Lists { list, local: BTreeSet::from([Fingerprint::of_der(b"local")]) }
    }

    #[test]
    fn a_line_about_a_server_gives_no_right_to_connect() {
        let [a, b] = [&b"a"[..], b"b"].map(Fingerprint::of_der);
        let lists = lists(&format!("{a} server=x:1\n{b} role=fetch\n"));
        assert_eq!(lists.roles(&a), None);
        assert_eq!(lists.roles(&b), Some(Roles::NONE.with(Role::Fetch)));
        assert_eq!(lists.roles(&Fingerprint::of_der(b"local")), Some(Roles::NONE.with(Role::Deliver)));
        assert_eq!(lists.roles(&Fingerprint::of_der(b"c")), None);
    }

    #[test]
    fn nobody_announces_what_is_known_here_by_a_line_or_as_a_service_of_this_machine() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("trust");
        let [parent, lined, local, next] =
            [&b"parent"[..], b"lined", b"local", b"next"].map(Fingerprint::of_der);
        std::fs::write(&file, format!("{parent} role=fetch\n{lined} role=read\n")).unwrap();
        let options = TrustOptions { trust: Some(file), ..TrustOptions::default() };
        let trust = Trust::new(&options, vec![], Some(&directory.path().join("identity"))).unwrap();
        let list = trust.lists().list.clone();
        trust.replace(Lists { list, local: BTreeSet::from([local]) });
        let learned = directory.path().join("identity").join(LEARNED_FILE);
        for taken in [lined, local, parent] {
            assert_eq!(trust.announce(parent, Some(taken)).unwrap(), Announcing::Known, "{taken}");
            assert!(!learned.exists(), "{taken}");
        }
        assert_eq!(
            trust.announce(next, Some(parent)).unwrap(),
            Announcing::Known,
            "a stranger announces nothing"
        );
        // What a service of this machine may do, it may as itself, and not as somebody's next one.
        assert_eq!(trust.lists().roles(&local), Some(Roles::NONE.with(Role::Deliver)));
        assert_eq!(trust.announce(parent, Some(next)).unwrap(), Announcing::Changed);
        assert_eq!(trust.lists().roles(&next), Some(Roles::NONE.with(Role::Fetch)));
    }

    #[test]
    fn a_broken_file_leaves_the_old_list_in_force_and_a_removed_one_trusts_nobody() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("trust");
        let a = Fingerprint::of_der(b"a");
        std::fs::write(&file, format!("\u{feff}{}\r\n", a.to_string().to_lowercase())).unwrap();
        let options = TrustOptions { trust: Some(file.clone()), ..TrustOptions::default() };
        let trust = Trust::new(&options, vec![], None).unwrap();
        assert!(trust.is_listed(&a));
        let changes = trust.changes();
        std::fs::write(&file, format!("{a}\n{}", &a.to_string()[..50])).unwrap();
        let error = trust.reload().unwrap_err().to_string();
        assert!(error.contains("trust: line 2: "), "{error}");
        assert!(trust.is_listed(&a) && !changes.has_changed().unwrap());
        assert!(Trust::new(&options, vec![], None).is_err(), "no start with it");
        std::fs::remove_file(&file).unwrap();
        assert!(trust.reload().unwrap());
        assert!(!trust.is_listed(&a) && changes.has_changed().unwrap());
    }

    #[test]
    fn a_proxys_header_is_believed_from_its_address_alone() {
        let made = rcgen::generate_simple_self_signed(["x".to_owned()]).unwrap();
        let escaped: String = made.cert.pem().bytes().map(|byte| format!("%{byte:02X}")).collect();
        let options = TrustOptions {
            proxy_certificate_header: Some("x-cert".parse().unwrap()),
            client_certificates: ClientCertificates::Require,
            ..TrustOptions::default()
        };
        let proxy: IpAddr = "127.0.0.1".parse().unwrap();
        let trust = Trust::new(&options, vec![proxy], None).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("x-cert", escaped.parse().unwrap());
        let through = trust.shown_by("::ffff:127.0.0.1".parse().unwrap(), &headers, Shown::PLAIN);
        assert_eq!(through.fingerprint, Some(Fingerprint::of_der(made.cert.der())));
        assert!(trust.caller(through).is_bound_to_roles);
        assert_eq!(trust.shown_by("127.0.0.2".parse().unwrap(), &headers, Shown::PLAIN), Shown::PLAIN);
        assert_eq!(trust.shown_by(proxy, &HeaderMap::new(), Shown::PLAIN).fingerprint, None);
    }
}
