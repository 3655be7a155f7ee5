//! The next certificate of one of our identities: who has it, and when it takes the place of the present one.
//!
//! ```text
//!  renew ─▶ next_certificate.pem ─▶ announced to each peer ─▶ all have had it for a day ─▶ srv_certificate.pem
//!           a rename at each end, so that whoever is killed leaves one or the other
//! ```

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use telemetry_tls::{Renewal as Files, RenewalFiles};
use telemetry_trust::{Fingerprint, Next, Role, Standing};

use super::identity::{self, Kind};
use super::peers::{Lists, Trust};
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
    files: Files,
    /// Peers besides those that whoever looks after it names.
    others: Mutex<Vec<Vec<String>>>,
}

impl Renewal {
    /// Of an identity in this directory, as its files are now.
    #[must_use]
    pub fn new(directory: &Path, kind: Kind) -> Arc<Self> {
        let names =
            RenewalFiles { present: kind.file(), next: kind.next_file(), announced: kind.announced_file() };
        let files = Files::new(directory, names);
        let renewal = Arc::new(Self { directory: directory.into(), kind, files, others: Mutex::default() });
        renewal.refresh();
        renewal
    }

    /// The certificate that is to follow.
    #[must_use]
    pub fn next(&self) -> Option<Next> {
        self.files.next()
    }

    /// The certificate that follows the one that is shown, which may be the present one of the files already.
    #[must_use]
    pub fn following(&self, shown: &Fingerprint) -> Option<Next> {
        self.files.following(shown)
    }

    /// A peer has this one.
    pub fn note(&self, peer: &str, next: Next) {
        self.files.note(peer, next, now_secs().unsigned_abs());
    }

    /// Peers that have to have it as well.
    pub fn set_others(&self, peers: Vec<Vec<String>>) {
        *self.others.lock().unwrap_or_else(PoisonError::into_inner) = peers;
    }

    /// Takes what the file says, where it has changed.
    pub fn refresh(&self) {
        if let Err(error) = self.files.refresh() {
            eprintln!("telem-collector: {error}; no next certificate is announced");
        }
    }

    /// Writes down who has it, where that has changed.
    pub fn save(&self) {
        if let Err(error) = self.files.save() {
            // It is announced again then, and takes a day longer.
            eprintln!("telem-collector: who has the next certificate cannot be written down: {error}");
        }
    }

    /// How far it has come, with these peers and the others; none: there is none.
    #[must_use]
    pub fn standing(&self, peers: &[Vec<String>]) -> Option<Standing> {
        self.files.standing(&self.with_others(peers), now_secs().unsigned_abs())
    }

    /// Lets it take the place of the present one where all of these peers have had it for a day. Returns whether it has.
    pub fn switch_if_ready(&self, peers: &[Vec<String>]) -> bool {
        let peers = self.with_others(peers);
        match self.files.switch_if_ready(&peers, now_secs().unsigned_abs()) {
            Ok(None) => false,
            Ok(Some(switched)) => {
                identity::has_switched(&self.directory, self.kind, &switched);
                eprintln!(
                    "telem-collector: {}: the next certificate, which all peers have had for a day, is the present one now",
                    self.kind.file()
                );
                true
            }
            Err(error) => {
                eprintln!("telem-collector: the next certificate cannot be used: {error}");
                false
            }
        }
    }

    fn with_others(&self, peers: &[Vec<String>]) -> Vec<Vec<String>> {
        let others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        peers.iter().chain(others.iter()).cloned().collect()
    }
}

/// The peers that connect to us: of each, all certificates that it may show. Who only looks at pages asks for no next
/// certificate, and is not waited for.
#[must_use]
pub fn who_connects(lists: &Lists) -> Vec<Vec<String>> {
    let speaks = |fingerprint: &Fingerprint| {
        lists.roles(fingerprint).is_some_and(|roles| roles.has(Role::Deliver) || roles.has(Role::Fetch))
    };
    let listed = lists.list.certificates().iter().map(|line| line.fingerprint);
    lists.list.by_peer(listed.chain(lists.local.iter().copied()).filter(speaks))
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
