//! Who has which items for how long: a value, with the time passed in. It is in memory alone; a restart ends all leases.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use crate::trust::Shown;

/// Leases of one fetcher at a time.
const OF_ONE: usize = 2;
/// Leases in all.
const OF_ALL: usize = 8;
/// Confirmed and ended leases that are remembered.
const REMEMBERED: usize = 64;

/// Items that somebody has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lease {
    pub(super) id: String,
    pub(super) fetcher: String,
    pub(super) keep: bool,
    pub(super) seqs: Vec<i64>,
    pub(super) digest: String,
    pub(super) until: Duration,
    /// The certificate that it was given to.
    pub(super) shown: Shown,
}

/// A lease that was confirmed.
#[derive(Clone, Debug)]
struct Done {
    id: String,
    fetcher: String,
    digest: Option<String>,
    freed: u64,
}

/// Why a confirmation does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotLeased {
    Unknown,
    Expired,
    Digest,
}

/// What a confirmation is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Confirming {
    /// A lease that is open.
    Open(Lease),
    /// One that was confirmed before: so many items were freed.
    Again(u64),
}

/// All leases.
#[derive(Debug, Default)]
pub(super) struct Leases {
    open: Vec<Lease>,
    done: VecDeque<Done>,
    ended: VecDeque<(String, String)>,
    /// Keepers' leases that are confirmed while an earlier one of the same keeper is open: fetcher, first and last item.
    passed: Vec<(String, i64, i64)>,
}

impl Leases {
    /// Ends those whose time is over.
    pub(super) fn expire(&mut self, now: Duration) {
        self.end_where(|lease| lease.until <= now);
    }

    /// Ends some, by who has them.
    pub(super) fn end_where(&mut self, ends: impl Fn(&Lease) -> bool) {
        let ended: Vec<_> = self.open.iter().filter(|lease| ends(lease)).cloned().collect();
        self.open.retain(|lease| !ends(lease));
        for lease in ended {
            if lease.keep {
                self.begin_again(&lease.fetcher);
            }
            push(&mut self.ended, (lease.id, lease.fetcher));
        }
    }

    /// A keeper has lost a lease: it gets everything again from where it has passed, in order.
    fn begin_again(&mut self, fetcher: &str) {
        self.passed.retain(|(of, ..)| of != fetcher);
        let (lost, open): (Vec<_>, Vec<_>) =
            self.open.drain(..).partition(|lease| lease.keep && lease.fetcher == fetcher);
        self.open = open;
        for lease in lost {
            push(&mut self.ended, (lease.id, lease.fetcher));
        }
    }

    /// Whether this fetcher has as many as it may, or all have.
    pub(super) fn is_full(&self, fetcher: &str) -> bool {
        let own = self.open.iter().filter(|lease| lease.fetcher == fetcher).count();
        own >= OF_ONE || self.open.len() >= OF_ALL
    }

    /// The items that this fetcher gets no second time now: a keeper, those that it has; others, those that others have.
    pub(super) fn taken(&self, fetcher: &str, keep: bool) -> HashSet<i64> {
        let counts = |lease: &&Lease| if keep { lease.fetcher == fetcher && lease.keep } else { !lease.keep };
        self.open.iter().filter(counts).flat_map(|lease| lease.seqs.iter().copied()).collect()
    }

    /// Up to where a keeper has confirmed items that it may not count as passed yet.
    pub(super) fn confirmed_ahead(&self, fetcher: &str) -> Option<i64> {
        self.passed.iter().filter(|(of, ..)| of == fetcher).map(|(_, _, last)| *last).max()
    }

    /// All items that somebody has.
    pub(super) fn all(&self) -> HashSet<i64> {
        self.open.iter().flat_map(|lease| lease.seqs.iter().copied()).collect()
    }

    /// Gives a lease.
    pub(super) fn give(&mut self, lease: Lease) {
        self.open.push(lease);
    }

    /// What a confirmation is about; `digest`: none gives the lease back.
    pub(super) fn find(
        &self,
        fetcher: &str,
        id: &str,
        digest: Option<&str>,
    ) -> Result<Confirming, NotLeased> {
        if let Some(lease) = self.open.iter().find(|lease| lease.id == id && lease.fetcher == fetcher) {
            return match digest {
                Some(digest) if !digest.eq_ignore_ascii_case(&lease.digest) => Err(NotLeased::Digest),
                _ => Ok(Confirming::Open(lease.clone())),
            };
        }
        if let Some(done) = self.done.iter().find(|done| done.id == id && done.fetcher == fetcher) {
            let is_same = match (digest, &done.digest) {
                (Some(digest), Some(done)) => digest.eq_ignore_ascii_case(done),
                (None, None) => true,
                _ => return Err(NotLeased::Unknown),
            };
            return if is_same { Ok(Confirming::Again(done.freed)) } else { Err(NotLeased::Digest) };
        }
        let is_ended = self.ended.iter().any(|(ended, of)| ended == id && of == fetcher);
        Err(if is_ended { NotLeased::Expired } else { NotLeased::Unknown })
    }

    /// A lease is over: confirmed or given back. Its items are free again, or freed.
    pub(super) fn finish(&mut self, lease: &Lease, is_confirmed: bool, freed: u64) {
        self.open.retain(|open| open.id != lease.id);
        if lease.keep && !is_confirmed {
            self.begin_again(&lease.fetcher);
        }
        let digest = is_confirmed.then(|| lease.digest.clone());
        push(&mut self.done, Done { id: lease.id.clone(), fetcher: lease.fetcher.clone(), digest, freed });
    }

    /// A keeper confirms: up to where it has passed everything now. What lies behind an open lease of its own waits.
    pub(super) fn pass(&mut self, lease: &Lease) -> Option<i64> {
        let (first, last) = (lease.seqs.first().copied()?, lease.seqs.last().copied()?);
        self.passed.push((lease.fetcher.clone(), first, last));
        let others =
            self.open.iter().filter(|open| open.keep && open.fetcher == lease.fetcher && open.id != lease.id);
        let open_from = others.filter_map(|open| open.seqs.first().copied()).min().unwrap_or(i64::MAX);
        let is_passed = |(of, first, _): &&(String, i64, i64)| *of == lease.fetcher && *first < open_from;
        let passed = self.passed.iter().filter(is_passed).map(|(.., last)| *last).max();
        self.passed.retain(|entry| !is_passed(&entry));
        passed
    }
}

fn push<T>(queue: &mut VecDeque<T>, item: T) {
    if queue.len() >= REMEMBERED {
        queue.pop_front();
    }
    queue.push_back(item);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(id: &str, fetcher: &str, keep: bool, seqs: &[i64]) -> Lease {
        Lease {
            id: id.to_owned(),
            fetcher: fetcher.to_owned(),
            keep,
            seqs: seqs.to_vec(),
            digest: format!("digest of {id}"),
            until: Duration::from_secs(100),
            shown: Shown::PLAIN,
        }
    }

    #[test]
    fn a_confirmation_is_its_fetchers_and_may_be_repeated() {
        let mut leases = Leases::default();
        let one = lease("1", "a", false, &[1, 2]);
        leases.give(one.clone());
        assert_eq!(leases.find("b", "1", Some("digest of 1")), Err(NotLeased::Unknown), "another's");
        assert_eq!(leases.find("a", "2", Some("digest of 1")), Err(NotLeased::Unknown));
        assert_eq!(leases.find("a", "1", Some("other")), Err(NotLeased::Digest));
        assert_eq!(leases.find("a", "1", Some("DIGEST OF 1")), Ok(Confirming::Open(one.clone())));
        leases.finish(&one, true, 2);
        assert_eq!(leases.find("a", "1", Some("digest of 1")), Ok(Confirming::Again(2)));
        assert_eq!(leases.find("a", "1", Some("other")), Err(NotLeased::Digest));
        assert_eq!(
            leases.find("a", "1", None),
            Err(NotLeased::Unknown),
            "it is freed, and cannot be given back"
        );
    }

    #[test]
    fn an_expired_lease_frees_nothing() {
        let mut leases = Leases::default();
        leases.give(lease("1", "a", false, &[1, 2]));
        leases.expire(Duration::from_secs(99));
        assert_eq!(leases.all().len(), 2);
        leases.expire(Duration::from_secs(100));
        assert_eq!(leases.find("a", "1", Some("digest of 1")), Err(NotLeased::Expired));
        assert!(leases.all().is_empty());
    }

    #[test]
    fn leases_are_bounded() {
        let mut leases = Leases::default();
        for (number, fetcher) in ["a", "a", "b", "b", "c", "c", "d", "d"].into_iter().enumerate() {
            assert!(!leases.is_full(fetcher), "{number}");
            leases.give(lease(&number.to_string(), fetcher, false, &[i64::try_from(number).unwrap()]));
            assert_eq!(leases.is_full("a"), number != 0);
        }
        assert!(leases.is_full("e"));
    }

    #[test]
    fn a_keeper_passes_what_it_has_confirmed_in_order() {
        let mut leases = Leases::default();
        let [one, two] = [lease("1", "a", true, &[1, 2]), lease("2", "a", true, &[3, 4])];
        leases.give(one.clone());
        leases.give(two.clone());
        assert_eq!(leases.pass(&two), None, "the first is still open");
        leases.finish(&two, true, 0);
        assert_eq!(leases.confirmed_ahead("a"), Some(4));
        assert_eq!(leases.pass(&one), Some(4));
        leases.finish(&one, true, 0);
        assert_eq!(leases.confirmed_ahead("a"), None);
    }

    #[test]
    fn a_keeper_that_loses_a_lease_gets_all_behind_it_again() {
        let mut leases = Leases::default();
        let [one, two, three] = [("1", 1), ("2", 2), ("3", 3)].map(|(id, seq)| lease(id, "a", true, &[seq]));
        leases.give(one.clone());
        leases.give(two.clone());
        assert_eq!(leases.pass(&two), None);
        leases.finish(&two, true, 0);
        leases.give(three);
        leases.finish(&one, false, 0);
        assert_eq!((leases.confirmed_ahead("a"), leases.all().len()), (None, 0));
    }
}
