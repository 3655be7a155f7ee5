//! The next certificate of one of our identities: who has it, and when it takes the place of the present one.
//!
//! ```text
//!  renew ─▶ next_certificate.pem ─▶ announced to each peer ─▶ all have had it for a day ─▶ srv_certificate.pem
//!           a rename at each end, so that whoever is killed leaves one or the other
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use telemetry_tls::OwnKey;
use telemetry_trust::{Announced, Fingerprint, Next, Role, Standing};

use super::error::TrustError;
use super::identity::{self, Kind};
use super::peers::{Lists, Trust};
use super::watch::{Stamp, stamp};
use crate::timestamp::now_secs;

/// Between two looks at the files.
const PAUSE: Duration = Duration::from_secs(1);

/// Looks between two writings of who has it.
const LOOKS_PER_SAVE: u32 = 30;

/// The next certificate of an identity.
#[derive(Debug)]
pub struct Renewal {
    directory: PathBuf,
    kind: Kind,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// How the files were when they were last read.
    seen: Option<[Stamp; 2]>,
    /// What the file of the present one holds.
    present: Option<Next>,
    next: Option<(Next, Announced)>,
    /// Whether there is something to write.
    is_changed: bool,
}

impl Renewal {
    /// Of an identity in this directory, as its files are now.
    #[must_use]
    pub fn new(directory: &Path, kind: Kind) -> Arc<Self> {
        let renewal = Arc::new(Self { directory: directory.into(), kind, state: Mutex::default() });
        renewal.refresh();
        renewal
    }

    /// The certificate that is to follow.
    #[must_use]
    pub fn next(&self) -> Option<Next> {
        self.locked().next.as_ref().map(|(next, _)| *next)
    }

    /// The certificate that follows the one that is shown. It may be the present one of the files already, which is shown
    /// a moment later: whoever heard in that moment that none follows would not know it then.
    #[must_use]
    pub fn following(&self, shown: &Fingerprint) -> Option<Next> {
        let state = self.locked();
        let present = state.present.filter(|present| present.fingerprint != *shown);
        state.next.as_ref().map(|(next, _)| *next).or(present)
    }

    /// A peer has this one.
    pub fn note(&self, peer: &str, next: Next) {
        let mut state = self.locked();
        if let Some((of, announced)) = &mut state.next
            && *of == next
        {
            let is_news = announced.note(peer, now_secs().unsigned_abs());
            state.is_changed |= is_news;
        }
    }

    /// Takes what the file says, where it has changed.
    pub fn refresh(&self) {
        let mut state = self.locked();
        let now = [self.kind.next_file(), self.kind.file()].map(|name| stamp(&self.directory.join(name)));
        if state.seen == Some(now) {
            return;
        }
        state.seen = Some(now);
        state.is_changed = false;
        state.present = self.read_present();
        state.next = match self.read() {
            Ok(next) => next,
            Err(error) => {
                eprintln!("telem-collector: {error}; no next certificate is announced");
                None
            }
        };
    }

    /// None where it is missing or cannot be used, of which whoever shows it complains.
    fn read_present(&self) -> Option<Next> {
        // The directory is not made for this.
        let own = self.directory.is_dir().then(|| identity::existing(&self.directory, self.kind))?;
        next_of(&own.ok()?)
    }

    fn read(&self) -> Result<Option<(Next, Announced)>, TrustError> {
        // The directory is not made for this.
        if !self.directory.is_dir() {
            return Ok(None);
        }
        let Some(own) = identity::next(&self.directory, self.kind)? else { return Ok(None) };
        let Some(next) = next_of(&own) else { return Ok(None) };
        let handle = identity::open(&self.directory)?;
        let announced = Announced::read(&handle, self.kind.announced_file(), next.fingerprint);
        let announced = announced.map_err(|error| self.fault(error))?;
        Ok(Some((next, announced)))
    }

    /// Writes down who has it, where that has changed.
    pub fn save(&self) {
        let mut state = self.locked();
        if !std::mem::take(&mut state.is_changed) {
            return;
        }
        let Some((_, announced)) = &state.next else { return };
        let write = || -> Result<(), TrustError> {
            let handle = identity::open(&self.directory)?;
            announced.write(&handle, self.kind.announced_file()).map_err(|error| self.fault(error))
        };
        if let Err(error) = write() {
            // It is announced again then, and takes a day longer.
            eprintln!("telem-collector: who has the next certificate cannot be written down: {error}");
        }
    }

    /// How far it has come, with these peers; none: there is none.
    #[must_use]
    pub fn standing(&self, peers: &[Vec<String>]) -> Option<Standing> {
        let state = self.locked();
        let (_, announced) = state.next.as_ref()?;
        Some(announced.standing(peers.iter().map(Vec::as_slice), now_secs().unsigned_abs()))
    }

    /// Lets it take the place of the present one where all of these peers have had it for a day. Returns whether it has.
    pub fn switch_if_ready(&self, peers: &[Vec<String>]) -> bool {
        if self.standing(peers) != Some(Standing::Ready) {
            return false;
        }
        match identity::switch(&self.directory, self.kind) {
            Ok(own) => {
                let (file, fingerprint) = (self.kind.file(), own.fingerprint);
                eprintln!(
                    "telem-collector: {file}: the next certificate, which all peers have had for a day, is the present one \
                     now: {fingerprint}"
                );
                self.refresh();
                true
            }
            Err(error) => {
                eprintln!("telem-collector: the next certificate cannot be used: {error}");
                // Not each second.
                self.locked().next = None;
                false
            }
        }
    }

    fn fault(&self, error: std::io::Error) -> TrustError {
        TrustError::Directory { path: self.directory.clone(), error }
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is announced of a certificate.
fn next_of(own: &OwnKey) -> Option<Next> {
    Next::of_certificate(own.certified.cert.first()?).ok()
}

/// The peers that connect to us: of each, all certificates that it may show. Who only looks at pages asks for no next
/// certificate, and is not waited for.
#[must_use]
pub fn who_connects(lists: &Lists) -> Vec<Vec<String>> {
    let speaks = |fingerprint: &Fingerprint| {
        lists.roles(fingerprint).is_some_and(|roles| roles.has(Role::Deliver) || roles.has(Role::Fetch))
    };
    let parent = |one: &Fingerprint| lists.list.find(one)?.words.next_of;
    let mut peers: BTreeMap<Fingerprint, Vec<String>> = BTreeMap::new();
    let listed = lists.list.certificates().iter().map(|line| line.fingerprint);
    for fingerprint in listed.chain(lists.local.iter().copied()).filter(speaks) {
        let rows = lists.list.certificates().len();
        let first = std::iter::successors(Some(fingerprint), parent).take(rows.max(1)).last();
        let names = peers.entry(first.unwrap_or(fingerprint)).or_default();
        let name = fingerprint.to_string();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    peers.into_values().collect()
}

/// Looks after the next certificate of who listens, until it is dropped.
pub async fn keep_renewal(renewal: Arc<Renewal>, trust: Arc<Trust>) {
    keep(renewal, move || who_connects(&trust.lists()), |_| {}).await;
}

/// Looks after a next certificate, until it is dropped: takes what the files say, writes down who has it, and has it used.
/// `then` runs at each look, with whether it is used since.
pub async fn keep(
    renewal: Arc<Renewal>,
    peers: impl Fn() -> Vec<Vec<String>> + Clone + Send + 'static,
    then: impl Fn(bool) + Clone + Send + 'static,
) {
    for look in 0_u32.. {
        tokio::time::sleep(PAUSE).await;
        let (renewal, peers, then) = (Arc::clone(&renewal), peers.clone(), then.clone());
        let work = move || {
            renewal.refresh();
            if look % LOOKS_PER_SAVE == 0 {
                renewal.save();
            }
            then(renewal.next().is_some() && renewal.switch_if_ready(&peers()));
        };
        // A panic of one look is not the end of the others.
        drop(tokio::task::spawn_blocking(work).await);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use telemetry_trust::{Grammar, TrustList};

    use super::*;

    fn certificate(name: &str) -> Fingerprint {
        Fingerprint::of_der(name.as_bytes())
    }

    #[test]
    fn a_peer_is_all_certificates_that_it_may_show_and_who_only_reads_is_none() {
        let [a, b, c, d, e] = ["a", "b", "c", "d", "e"].map(certificate);
        let list = format!("{a}\n{c} role=fetch\n{d} role=read\n{e} server=h:1\n");
        let list = TrustList::parse(list.as_bytes(), Grammar::Administrators).unwrap();
        let learned = TrustList::parse(format!("{b} next-of={a}\n").as_bytes(), Grammar::Learned).unwrap();
        let local = BTreeSet::from([certificate("local"), a]);
        let lists = Lists { list: list.with_learned(&learned), local };
        let mut expected = vec![
            vec![a.to_string(), b.to_string()],
            vec![c.to_string()],
            vec![certificate("local").to_string()],
        ];
        let mut found = who_connects(&lists);
        expected.sort();
        found.sort();
        assert_eq!(found, expected);
    }

    #[test]
    fn it_is_used_after_a_day_with_all_and_whoever_is_killed_before_leaves_a_whole_identity() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("identity");
        for kind in [Kind::Server, Kind::Client] {
            let old = identity::ensure(&directory, kind).unwrap().fingerprint;
            let renewal = Renewal::new(&directory, kind);
            assert_eq!(renewal.next(), None);
            let (made, is_new) = identity::renew(&directory, kind).unwrap();
            assert!(is_new && !identity::renew(&directory, kind).unwrap().1);
            renewal.refresh();
            let next = renewal.next().unwrap();
            assert_eq!(next.fingerprint, made.fingerprint);
            let peers = [vec!["a".to_owned(), "b".to_owned()]];
            assert_eq!(renewal.following(&old), Some(next));
            assert!(!renewal.switch_if_ready(&peers) && !renewal.switch_if_ready(&[]));
            renewal.note("b", next);
            renewal.save();
            // Killed here, it has noted that.
            let file = directory.join(kind.announced_file());
            assert_eq!(Renewal::new(&directory, kind).standing(&peers), renewal.standing(&peers));
            assert!(matches!(renewal.standing(&peers), Some(Standing::Until(_))));
            let day_ago = fs::read_to_string(&file).unwrap();
            let (head, _) = day_ago.split_once('\n').unwrap();
            fs::write(&file, format!("{head}\n{} b\n", now_secs() - 86_400)).unwrap();
            let renewal = Renewal::new(&directory, kind);
            assert!(renewal.switch_if_ready(&peers));
            assert_eq!(renewal.next(), None);
            assert_eq!(renewal.following(&old), Some(next), "until it is shown");
            assert_eq!(renewal.following(&next.fingerprint), None);
            assert!(!file.exists() && !directory.join(kind.next_file()).exists());
            let now = identity::existing(&directory, kind).unwrap().fingerprint;
            assert!(now == made.fingerprint && now != old);
        }
        let written = fs::read_to_string(directory.join("cli_certificate.fingerprint")).unwrap();
        let own = identity::existing(&directory, Kind::Client).unwrap().fingerprint;
        assert_eq!(written, format!("{own}\n"));
        // Killed between the rename and the fingerprint beside it: the next start puts that right.
        fs::write(directory.join("cli_certificate.fingerprint"), "old\n").unwrap();
        identity::ensure(&directory, Kind::Client).unwrap();
        assert_eq!(fs::read_to_string(directory.join("cli_certificate.fingerprint")).unwrap(), written);
    }

    #[test]
    fn a_next_one_that_cannot_be_used_is_never_used() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("identity");
        let old = identity::ensure(&directory, Kind::Server).unwrap().fingerprint;
        fs::write(directory.join(Kind::Server.next_file()), "half").unwrap();
        assert!(identity::switch(&directory, Kind::Server).is_err());
        assert_eq!(Renewal::new(&directory, Kind::Server).next(), None);
        assert_eq!(identity::existing(&directory, Kind::Server).unwrap().fingerprint, old);
    }
}
