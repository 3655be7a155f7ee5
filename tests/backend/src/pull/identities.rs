//! Certificates that follow, exchanged with each machine after an answer of it: daily, and whenever ours is another.
//!
//! ```text
//!  GET /v3/identity?has=-  ─▶ DIR/pull/trusted_learned.cfg   its next one counts beside fingerprint=, as long as that is there
//!  POST /v3/identity?has=F ─▶ it has ours; after a day with all who are waited for that is shown. Without one of ours: GET
//! ```
//!
//! `has`: what we trust as the machine's next one. What machines announce gives nobody a right here: it lies apart from what
//! those announce who connect to this collector. A machine that authorities vouch for (`ca=`) may show what these have signed,
//! and nothing that it announces; it knows us by our certificate all the same, and is given the next one.

mod keep;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use telemetry_trust::limits::ANNOUNCED_IN_A_ROW;
use telemetry_trust::{LEARNED_FILE, Learning};
use tokio::sync::Semaphore;

use super::ask::Asker;
use super::definition::{Definition, KnownBy};
use super::limits::EXCHANGING;
use super::waiting::{Waiting, peer};
use crate::trust::{
    Announcement, Announcing, Fingerprint, Kind, Next, OwnKey, Renewal, TrustError, ensure, open_directory,
};

/// Below the directory of our own identities: what machines have announced.
const LEARNED_BELOW: &str = "pull";

/// Between two exchanges where nothing has changed.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Between two tries where one failed.
const RETRY: Duration = Duration::from_secs(15 * 60);

/// Who we are to machines, and which certificates each may show.
#[derive(Debug)]
pub(super) struct Identities {
    directory: Option<PathBuf>,
    own: RwLock<Option<OwnKey>>,
    renewal: Option<Arc<Renewal>>,
    /// Whether somebody else looks after that.
    is_kept: bool,
    /// Of each certificate whose owner has named the one that is to follow: that one.
    following: RwLock<HashMap<Fingerprint, Fingerprint>>,
    done: Mutex<HashMap<String, Done>>,
    waiting: Mutex<Waiting>,
    turns: Semaphore,
}

/// The last exchange with a machine.
#[derive(Debug)]
struct Done {
    about: About,
    due: Instant,
    fault: Option<String>,
}

/// What an exchange is about.
#[derive(Clone, Debug, PartialEq, Eq)]
struct About {
    own: Fingerprint,
    next: Option<Next>,
    taken: Vec<Fingerprint>,
}

impl Identities {
    /// With certificates in this directory. `renewal`: of the same one, if somebody looks after it already. Blocks.
    pub(super) fn new(directory: Option<PathBuf>, renewal: Option<Arc<Renewal>>) -> Self {
        let is_kept = renewal.is_some();
        let own_renewal = || directory.as_deref().map(|directory| Renewal::new(directory, Kind::Client));
        let identities = Self {
            renewal: renewal.or_else(own_renewal),
            is_kept,
            own: RwLock::default(),
            following: RwLock::default(),
            done: Mutex::default(),
            waiting: Mutex::default(),
            turns: Semaphore::new(EXCHANGING),
            directory,
        };
        identities.read_following();
        identities
    }

    /// Our certificate is needed: it is made where there is none.
    ///
    /// # Errors
    /// There is no directory for it, or it cannot be used.
    pub(super) fn need_own(&self) -> Result<(), TrustError> {
        let directory = self.directory.as_deref();
        let directory = directory.ok_or_else(|| TrustError::Options(NO_DIRECTORY.to_owned()))?;
        let own = ensure(directory, Kind::Client)?;
        *self.own.write().unwrap_or_else(PoisonError::into_inner) = Some(own);
        Ok(())
    }

    /// What machines are shown, where one of them has to be.
    pub(super) fn own(&self) -> Option<OwnKey> {
        self.own.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Its fingerprint.
    pub(super) fn fingerprint(&self) -> Option<Fingerprint> {
        self.own().map(|own| own.fingerprint)
    }

    /// The certificates that a machine may show which is known by this one.
    pub(super) fn taken(&self, first: &Fingerprint) -> Vec<Fingerprint> {
        let following = self.following.read().unwrap_or_else(PoisonError::into_inner);
        let row = std::iter::successors(Some(*first), |one| following.get(one).copied());
        row.take(ANNOUNCED_IN_A_ROW + 1).collect()
    }

    /// These are the machines from now on. What others have announced is forgotten. Blocks.
    pub(super) fn set_machines(&self, definitions: &[Arc<Definition>]) {
        let known: HashSet<_> = definitions.iter().filter_map(|one| first(one)).collect();
        if let Some(learning) = self.learning(false)
            && let Err(error) = learning.keep_rows_of(|one| known.contains(one))
        {
            eprintln!(
                "telem-collector: pull: {LEARNED_FILE}: {error}; certificates of other machines stay in it"
            );
        }
        self.read_following();
        let names: HashSet<_> = definitions.iter().map(|one| one.name.as_str()).collect();
        self.done().retain(|name, _| names.contains(name.as_str()));
        self.wait(|waiting| waiting.set_machines(definitions));
    }

    /// Other machines may be waited for from now on.
    fn wait(&self, change: impl FnOnce(&mut Waiting)) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut waiting);
        if let Some(renewal) = &self.renewal {
            renewal.set_others(waiting.peers());
        }
    }

    /// Exchanges certificates with a machine that has just answered, if that is due.
    pub(super) async fn exchange(self: &Arc<Self>, asker: &Asker, definition: &Definition) {
        let (Some(_), Some(own)) = (peer(definition), self.fingerprint()) else { return };
        let next = self.renewal.as_ref().and_then(|renewal| renewal.next());
        let taken = || first(definition).map(|first| self.taken(&first)).unwrap_or_default();
        let about = About { own, next, taken: taken() };
        if !self.is_due(&definition.name, &about) {
            return;
        }
        let Ok(_turn) = self.turns.acquire().await else { return };
        let result = self.ask(asker, definition, &about).await;
        let due = Instant::now() + if result.is_ok() { DAY } else { RETRY };
        let fault = result.err();
        let mut done = self.done();
        let before = done.get(&definition.name).and_then(|done| done.fault.as_ref());
        if let Some(fault) = fault.as_ref().filter(|fault| before != Some(*fault)) {
            eprintln!("telem-collector: pull: {}: certificates are not exchanged: {fault}", definition.name);
        }
        // What was learned just now is no news the next time.
        let about = About { taken: taken(), ..about };
        done.insert(definition.name.clone(), Done { about, due, fault });
    }

    fn is_due(&self, name: &str, about: &About) -> bool {
        let done = self.done();
        done.get(name).is_none_or(|done| done.about != *about || Instant::now() >= done.due)
    }

    /// Asks for its next one, and gives ours.
    async fn ask(
        self: &Arc<Self>,
        asker: &Asker,
        definition: &Definition,
        about: &About,
    ) -> Result<(), String> {
        let Some((leaf, theirs)) = self.theirs(asker, definition).await? else { return Ok(()) };
        let mut has = None;
        // Of one that authorities vouch for these say what it may show.
        if first(definition).is_some() {
            has = theirs.next.map(|next| next.fingerprint);
            let (this, name) = (Arc::clone(self), definition.name.clone());
            let learn = move || this.learn(&name, leaf, has);
            tokio::task::spawn_blocking(learn).await.map_err(|error| error.to_string())??;
        }
        if has.is_none() && about.next.is_none() {
            return Ok(());
        }
        let ours = Announcement { fingerprint: about.own, next: about.next };
        let (method, body) =
            about.next.map_or((Method::GET, String::new()), |_| (Method::POST, ours.to_json()));
        let said = asker.identity(definition, method, has, body).await?;
        if let (Some(_), Some(next), Some(renewal), Some(peer)) =
            (said.announcement?, about.next, self.renewal.clone(), peer(definition))
        {
            let write = move || {
                renewal.note(&peer, next);
                renewal.save();
            };
            tokio::task::spawn_blocking(write).await.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Whose key a machine has proven, and what it says of its certificates; none: it takes nothing of ours.
    async fn theirs(
        &self,
        asker: &Asker,
        definition: &Definition,
    ) -> Result<Option<(Fingerprint, Announcement)>, String> {
        let said = asker.identity(definition, Method::GET, None, String::new()).await?;
        let announcement = match said.announcement {
            // Who speaks X-Road's words may be anybody's server: whatever else it says here, it is no telempulld.
            Err(_) if definition.is_by_soap() && said.status != StatusCode::TOO_MANY_REQUESTS => None,
            announcement => announcement?,
        };
        self.wait(|waiting| waiting.note(definition, announcement.is_some()));
        Ok(announcement.map(|announcement| (said.leaf, announcement)))
    }

    fn learn(&self, name: &str, leaf: Fingerprint, next: Option<Fingerprint>) -> Result<(), String> {
        // Most machines announce none, and nothing is to be written for these.
        if next.is_none() && !self.is_followed(&leaf) {
            return Ok(());
        }
        let Some(learning) = self.learning(true) else {
            return Err("there is no directory where its next certificate could be kept".to_owned());
        };
        match learning.announce(leaf, next).map_err(|error| format!("{LEARNED_FILE}: {error}"))? {
            Announcing::Changed => {
                match next {
                    Some(next) => eprintln!(
                        "telem-collector: pull: {name}: {leaf} has announced its next certificate, which is trusted beside it: {next}; \
                         make that its fingerprint="
                    ),
                    None => eprintln!("telem-collector: pull: {name}: {leaf} has taken its next certificate back"),
                }
                self.read_following();
                Ok(())
            }
            Announcing::Known => Ok(()),
            Announcing::OfAnother | Announcing::TooMany => Err(
                "its next certificate is not taken: another machine has announced it, or it announces too many; give its \
                 present one as fingerprint="
                    .to_owned(),
            ),
        }
    }

    fn is_followed(&self, leaf: &Fingerprint) -> bool {
        self.following.read().unwrap_or_else(PoisonError::into_inner).contains_key(leaf)
    }

    /// Where it is kept what machines announce. Only what is to be written makes the directory.
    fn learning(&self, is_made: bool) -> Option<Learning> {
        let below = self.directory.as_deref()?.join(LEARNED_BELOW);
        if !is_made && !below.is_dir() {
            return None;
        }
        let directory = open_directory(self.directory.as_deref()?).and_then(|_| open_directory(&below));
        directory
            .map_err(|error| eprintln!("telem-collector: pull: {error}"))
            .ok()
            .map(Learning::in_directory)
    }

    fn read_following(&self) {
        let Some(learning) = self.learning(false) else { return };
        let learned = match learning.learned() {
            Ok(learned) => learned,
            Err(error) => {
                eprintln!(
                    "telem-collector: pull: {LEARNED_FILE}: {error}; machines are known by what was announced before, and by fingerprint="
                );
                return;
            }
        };
        let pairs = learned.certificates().iter();
        let pairs = pairs.filter_map(|line| line.words.next_of.map(|parent| (parent, line.fingerprint)));
        *self.following.write().unwrap_or_else(PoisonError::into_inner) = pairs.collect();
    }

    fn done(&self) -> std::sync::MutexGuard<'_, HashMap<String, Done>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const NO_DIRECTORY: &str = "[pull NAME] needs --identity DIR, where the certificate is that this collector shows: there is no \
                            database file beside which it could be";

/// The certificate by which a machine is known.
fn first(definition: &Definition) -> Option<Fingerprint> {
    match &definition.known_by {
        KnownBy::Fingerprint(first) => Some(*first),
        KnownBy::Authorities(_) | KnownBy::Here => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pull::definition::definitions;

    fn machines(text: &str) -> Vec<Arc<Definition>> {
        definitions(text).unwrap().into_iter().map(Arc::new).collect()
    }

    fn certificate(name: &str) -> Fingerprint {
        Fingerprint::of_der(name.as_bytes())
    }

    #[test]
    fn what_a_machine_announces_counts_while_its_own_fingerprint_stands_in_the_file() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("identity");
        let [a, b, c, d] = ["a", "b", "c", "d"].map(certificate);
        let of = |one: Fingerprint| machines(&format!("[pull one]\nurl=https://h:1\nfingerprint={one}\n"));
        let identities = Identities::new(Some(directory.clone()), None);
        identities.set_machines(&of(a));
        assert!(!directory.join(LEARNED_BELOW).exists(), "nothing is made for nothing");
        identities.learn("one", a, None).unwrap();
        assert!(!directory.join(LEARNED_BELOW).exists());
        identities.learn("one", a, Some(b)).unwrap();
        identities.learn("one", b, Some(c)).unwrap();
        assert!(identities.learn("two", d, Some(b)).is_err(), "somebody else's");
        assert_eq!(identities.taken(&a), [a, b, c]);
        assert_eq!(Identities::new(Some(directory.clone()), None).taken(&a), [a, b, c]);
        // What people give as fingerprint= is the first from then on.
        identities.set_machines(&of(b));
        assert_eq!((identities.taken(&b), identities.taken(&a)), (vec![b, c], vec![a]));
        identities.learn("one", b, None).unwrap();
        assert_eq!(identities.taken(&b), [b]);
        identities.set_machines(&of(d));
        assert_eq!(identities.taken(&b), [b]);
    }

    #[test]
    fn our_next_certificate_waits_for_all_machines_that_know_us() {
        let root = tempfile::tempdir().unwrap();
        let renewal = Renewal::new(&root.path().join("identity"), Kind::Client);
        crate::trust::renew(&root.path().join("identity"), Kind::Client).unwrap();
        renewal.refresh();
        let identities = Identities::new(Some(root.path().join("identity")), Some(Arc::clone(&renewal)));
        let first = certificate("a");
        identities.set_machines(&machines(&format!(
            "[pull one]\nurl=https://h:1\nfingerprint={first}\n[pull two]\nurl=https://h:2\nca=/ca.pem\n"
        )));
        let missing = vec![format!("h:1 {first}"), "h:2".to_owned()];
        assert_eq!(renewal.standing(&[]), Some(crate::trust::Standing::Missing(missing)));
    }
}
