//! Certificates that follow, exchanged with each server that is trusted by a fingerprint.
//!
//! ```text
//! GET /v3/identity?has=-   ─▶ trusted_learned.cfg   its next certificate counts beside the present one
//! POST /v3/identity?has=F  ─▶ announced             it has ours; once all have had that for a day, ours is used
//!                             exchanged             HOST:PORT SECS NEXT: asked then, and given that one (or -); daily
//! ```

use crate::make::Holder;
use crate::peer::{Answer, Peer, Said, ask};
use crate::{open, renew};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use telemetry_files::{Attributes, Durability, bounded_file, replace};
use telemetry_tls::OwnKey;
use telemetry_trust::limits::TRUST_FILE_BYTES;
use telemetry_trust::paths::{ANNOUNCED_FILE, EXCHANGED_FILE, NEXT_CERTIFICATE_FILE};
use telemetry_trust::{
    Announced, Announcement, Announcing, Fingerprint, Grammar, Identity, LEARNED_FILE, Learning, Next,
    Standing, TrustList, renewal,
};

/// How often a server is asked.
const DAY_SECS: u64 = 24 * 60 * 60;

/// Longest file of when servers were asked.
const EXCHANGED_BYTES: u64 = 64 << 10;

/// What all servers are asked with.
struct Exchange<'a> {
    directory: File,
    trusted: &'a Path,
    own: OwnKey,
    next: Option<Next>,
    now_secs: u64,
}

/// Exchanges certificates with each server with which that is due; then uses the next one if that is due.
pub(crate) fn run(path: &Path, trusted: &Path, peers: &[Peer]) -> Result<String, String> {
    let about = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let directory = open(path).map_err(|error| about(&error))?;
    let own = Identity::read(&directory, Holder::Connects.file()).map_err(|fault| about(&fault))?;
    let own = OwnKey::from_pem(own.pem(), own.pem()).map_err(|fault| about(&fault))?;
    // What servers announce is learned all the same.
    let next = renewal::next(&directory, NEXT_CERTIFICATE_FILE).unwrap_or_else(|fault| {
        let path = path.join(NEXT_CERTIFICATE_FILE);
        eprintln!("telempost-identity: {}: {fault}; it is announced to nobody", path.display());
        None
    });
    let next = next.and_then(|next| Next::of_certificate(next.certificate()).ok());
    let now_secs = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let exchange = Exchange { directory, trusted, own, next, now_secs };
    exchange.with_all(peers).map_err(|error| about(&error))?;
    exchange.use_next_if_due(peers).map_err(|error| about(&error))?;
    Ok(String::new())
}

impl Exchange<'_> {
    fn with_all(&self, peers: &[Peer]) -> io::Result<()> {
        let given = self.next.map_or("-".to_owned(), |next| next.fingerprint.to_string());
        let mut done = self.read_done()?;
        for peer in peers {
            let name = peer.server.to_string();
            let is_done = done.get(&name).is_some_and(|(secs, to)| {
                *to == given && (*secs..secs.saturating_add(DAY_SECS)).contains(&self.now_secs)
            });
            if is_done {
                continue;
            }
            match self.with(peer) {
                Ok(()) => drop(done.insert(name, (self.now_secs, given.clone()))),
                Err(reason) => {
                    eprintln!("telempost-identity: certificates are not exchanged with {reason}");
                    done.remove(&name);
                }
            }
        }
        let text: String = done.iter().map(|(name, (secs, to))| format!("{name} {secs} {to}\n")).collect();
        let attributes = Attributes::of_directory(0o600);
        replace(&self.directory, EXCHANGED_FILE, text.as_bytes(), attributes, Durability::Synced).map(drop)
    }

    /// Exchanges certificates with a server.
    fn with(&self, peer: &Peer) -> Result<(), String> {
        let about = |error: &dyn std::fmt::Display| format!("{}: {error}", peer.server);
        let list = self.list().map_err(|error| about(&error))?;
        let trusted: Vec<_> = list.of_server(&peer.server).iter().map(|line| line.fingerprint).collect();
        if trusted.is_empty() {
            return Ok(());
        }
        let nothing = Said { has: None, announcement: None };
        let answer = ask(peer, &self.own, trusted.clone(), nothing)?;
        let Some(theirs) = self.read(&answer).map_err(|error| about(&error))? else { return Ok(()) };
        // Only what is kept here is what we have: until the server hears of that, it goes on showing its present one.
        let has = theirs.next.map(|next| next.fingerprint);
        self.learn(&list, answer.leaf, has).map_err(|error| about(&error))?;
        if has.is_none() && self.next.is_none() {
            return Ok(());
        }
        let announcement =
            self.next.map(|next| Announcement { fingerprint: self.own.fingerprint, next: Some(next) });
        let answer = ask(peer, &self.own, trusted, Said { has, announcement })?;
        let read = self.read(&answer).map_err(|error| about(&error))?;
        if let (Some(_), Some(next)) = (read, self.next) {
            let mut announced = self.announced(next).map_err(|error| about(&error))?;
            announced.note(&peer.server.to_string(), self.now_secs);
            announced.write(&self.directory, ANNOUNCED_FILE).map_err(|error| about(&error))?;
        }
        Ok(())
    }

    /// What a server says of its certificates; none: it is too old to say anything.
    fn read(&self, answer: &Answer) -> Result<Option<Announcement>, String> {
        if answer.status == 403 {
            return Err(format!(
                "it does not know this machine; its list of trusted certificates needs the line: {}",
                self.own.fingerprint
            ));
        }
        Announcement::of_answer(answer.status, &answer.body, answer.leaf)
    }

    fn learn(&self, list: &TrustList, leaf: Fingerprint, next: Option<Fingerprint>) -> Result<(), String> {
        let is_written = |one: &Fingerprint| list.find(one).is_some_and(|line| line.words.next_of.is_none());
        if next.as_ref().is_some_and(is_written) {
            return Ok(());
        }
        let directory = self.directory.try_clone().map_err(|error| error.to_string())?;
        let announcing = Learning::in_directory(directory).announce(leaf, next);
        match (announcing.map_err(|error| error.to_string())?, next) {
            (Announcing::Changed, Some(next)) => {
                eprintln!("telempost-identity: {leaf} has announced its next certificate, which is trusted beside it: {next}");
                Ok(())
            }
            (Announcing::Changed | Announcing::Known, _) => Ok(()),
            (Announcing::OfAnother | Announcing::TooMany, _) => Err(
                "its next certificate is not taken: another server has announced it, or it announces too many; \
                 `telemctl trust list` shows them"
                    .to_owned(),
            ),
        }
    }

    /// Lets our next certificate take the place of the present one, where all of these servers have had it for a day.
    fn use_next_if_due(&self, peers: &[Peer]) -> io::Result<()> {
        let Some(next) = self.next else { return Ok(()) };
        let names: Vec<_> = peers.iter().map(|peer| vec![peer.server.to_string()]).collect();
        let standing = self.announced(next)?.standing(names.iter().map(Vec::as_slice), self.now_secs);
        if standing == Standing::Ready {
            let own = renew::switch(&self.directory, &Holder::Connects, &next.fingerprint)?;
            eprintln!(
                "telempost-identity: the next certificate, which all servers have had for a day, is the present one now: {own}"
            );
        }
        Ok(())
    }

    fn announced(&self, next: Next) -> io::Result<Announced> {
        Announced::read(&self.directory, ANNOUNCED_FILE, next.fingerprint)
    }

    /// Who is trusted now.
    fn list(&self) -> Result<TrustList, String> {
        let learned = bounded_file::open_regular_in(&self.directory, LEARNED_FILE);
        let learned = parse(learned, Grammar::Learned)?;
        Ok(parse(bounded_file::open_regular(self.trusted), Grammar::Administrators)?.with_learned(&learned))
    }

    /// When servers were asked, and what they were given. A file that cannot be understood says nothing.
    fn read_done(&self) -> io::Result<BTreeMap<String, (u64, String)>> {
        let bytes = match bounded_file::open_regular_in(&self.directory, EXCHANGED_FILE) {
            Ok(file) => bounded_file::read_all(&file, EXCHANGED_BYTES)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let line = |line: &str| {
            let mut words = line.split(' ');
            Some((words.next()?.to_owned(), (words.next()?.parse().ok()?, words.next()?.to_owned())))
        };
        Ok(text.lines().filter_map(line).collect())
    }
}

/// The list in a file; an empty one where there is none.
fn parse(file: io::Result<File>, grammar: Grammar) -> Result<TrustList, String> {
    let bytes = match file {
        Ok(file) => bounded_file::read_all(&file, TRUST_FILE_BYTES).map_err(|error| error.to_string())?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(TrustList::default()),
        Err(error) => return Err(error.to_string()),
    };
    TrustList::parse(&bytes, grammar).map_err(|fault| fault.to_string())
}
