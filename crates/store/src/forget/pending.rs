//! The requests that are still to be taken.

use super::{PENDING_FILE, SentLedger};
use crate::preimages::KeptId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a server is asked that a record's own configuration named.
const FOREIGN_FOR: Duration = Duration::from_secs(60 * 60);

/// The first wait for a server that did not take a request; it doubles up to the longest.
const FIRST_WAIT_SECS: u64 = 60;
const LONGEST_WAIT_SECS: u64 = 6 * 60 * 60;

/// A request whose time to be tried is over for longer was one of a machine that was off, or whose clock was set: the timer
/// that looks comes each minute.
const LATE_SECS: u64 = 24 * 60 * 60;

/// What one server is to forget. Times are in seconds since the epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingRequest {
    /// URL that records went to, with a password that may be in it.
    pub url: String,
    /// The header that names the telemetry set, `NAME: VALUE`.
    pub tid_header: String,
    /// File of authorities; none for the system's.
    pub cainfo: Option<PathBuf>,
    /// Whether a record's own configuration named it.
    pub is_foreign: bool,
    /// What proves the ids, 64 digits each.
    pub preimages: Vec<String>,
    /// Records that it says are gone.
    pub forgotten: u64,
    /// Tries that failed.
    pub tries: u32,
    /// When the next is due.
    pub next_try_unix_secs: u64,
    /// When it is given up.
    pub until_unix_secs: u64,
    /// What came of the last.
    pub last_result: Option<String>,
}

impl PendingRequest {
    /// Whether it is due. A time that no wait reaches is one of another clock.
    pub fn is_due(&self, now_secs: u64) -> bool {
        now_secs >= self.next_try_unix_secs || self.next_try_unix_secs - now_secs > LONGEST_WAIT_SECS
    }

    /// Time in which nobody could ask does not count, be it that the machine was off or that its clock was set: what it was
    /// to be asked for is still to come. Returns whether that changed anything.
    pub fn follow_clock(&mut self, now_secs: u64) -> bool {
        // Of before, where it meant: at once.
        let planned = if self.next_try_unix_secs == 0 { now_secs } else { self.next_try_unix_secs };
        if now_secs.saturating_sub(planned) > LATE_SECS {
            self.until_unix_secs = self.until_unix_secs.saturating_add(now_secs - planned);
        } else if planned.saturating_sub(now_secs) > LONGEST_WAIT_SECS {
            self.until_unix_secs = self.until_unix_secs.saturating_sub(planned - now_secs);
        } else {
            return false;
        }
        self.next_try_unix_secs = now_secs;
        true
    }

    /// A try failed, or there is more to be done: the next one is later.
    pub fn put_off(&mut self, reason: String, now_secs: u64) {
        let doubled = 1_u64.checked_shl(self.tries).unwrap_or(u64::MAX);
        let wait = FIRST_WAIT_SECS.saturating_mul(doubled).min(LONGEST_WAIT_SECS);
        self.tries = self.tries.saturating_add(1);
        self.next_try_unix_secs = now_secs.saturating_add(wait);
        self.last_result = Some(reason);
    }
}

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pending {
    /// A server each.
    pub requests: Vec<PendingRequest>,
    /// Ids that were sent and cannot be proven: of the C client, or one that the administrator fixed.
    pub unprovable: u64,
}

impl Pending {
    /// Reads them; none where there is no file.
    ///
    /// # Errors
    /// It cannot be read; `InvalidData` if it is something else.
    pub fn read(state_dir: &Path) -> io::Result<Option<Self>> {
        super::read(state_dir, PENDING_FILE)
    }

    /// Writes them; they are on disk when this returns.
    ///
    /// # Errors
    /// As the system says.
    pub fn write(&self, state_dir: &Path) -> io::Result<()> {
        super::write(state_dir, PENDING_FILE, self)
    }

    /// Removes the file.
    ///
    /// # Errors
    /// As the system says.
    pub fn remove(state_dir: &Path) -> io::Result<()> {
        super::remove(state_dir, PENDING_FILE)
    }

    /// Adds what servers were sent, with what proves it: nobody gets an id that it does not know. They are asked for so long.
    pub fn add(&mut self, ledger: &SentLedger, ids: &[KeptId], now_secs: u64, keep: Duration) {
        let preimages: BTreeMap<_, _> =
            ids.iter().map(|kept| (kept.id.to_string(), kept.preimage.digits())).collect();
        let mut unprovable = std::collections::BTreeSet::new();
        for server in &ledger.servers {
            unprovable.extend(server.ids.keys().filter(|id| !preimages.contains_key(*id)));
            let proven: Vec<_> = server.ids.keys().filter_map(|id| preimages.get(id).cloned()).collect();
            if proven.is_empty() {
                continue;
            }
            let is_same = |known: &&mut PendingRequest| {
                (&known.url, &known.tid_header, &known.cainfo, known.is_foreign)
                    == (&server.url, &server.tid_header, &server.cainfo, server.is_foreign)
            };
            let until = now_secs.saturating_add(if server.is_foreign { FOREIGN_FOR } else { keep }.as_secs());
            match self.requests.iter_mut().find(is_same) {
                Some(known) => {
                    known.preimages.extend(proven);
                    known.preimages.sort();
                    known.preimages.dedup();
                    (known.tries, known.next_try_unix_secs, known.until_unix_secs) = (0, now_secs, until);
                }
                None => self.requests.push(PendingRequest {
                    url: server.url.clone(),
                    tid_header: server.tid_header.clone(),
                    cainfo: server.cainfo.clone(),
                    is_foreign: server.is_foreign,
                    preimages: proven,
                    forgotten: 0,
                    tries: 0,
                    next_try_unix_secs: now_secs,
                    until_unix_secs: until,
                    last_result: None,
                }),
            }
        }
        self.unprovable = self.unprovable.saturating_add(unprovable.len() as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forget::SentServer;
    use crate::preimages::Preimage;

    fn kept() -> KeptId {
        let preimage = Preimage::random().unwrap();
        KeptId { id: preimage.id(), preimage, first_used_secs: 1, last_used_secs: 1 }
    }

    fn server(url: &str, is_foreign: bool, ids: &[String]) -> SentServer {
        let ids = ids.iter().map(|id| (id.clone(), 1)).collect();
        let (url, tid_header) = (url.to_owned(), "X: 1".to_owned());
        SentServer { url, tid_header, cainfo: None, is_foreign, ids }
    }

    #[test]
    fn each_server_gets_the_ids_that_it_was_sent_and_no_others() {
        let (one, two) = (kept(), kept());
        let [first, second] = [one, two].map(|kept| kept.id.to_string());
        let ledger = SentLedger {
            servers: vec![
                server("http://a/", false, &[first.clone(), "fixed".to_owned()]),
                server("http://b/", true, &[second]),
                server("http://c/", false, &["fixed".to_owned()]),
            ],
        };
        let keep = Duration::from_secs(1000);
        let mut pending = Pending::default();
        pending.add(&ledger, &[one, two], 5000, keep);
        let shown: Vec<_> = pending
            .requests
            .iter()
            .map(|request| (request.url.as_str(), request.preimages.clone(), request.until_unix_secs))
            .collect();
        assert_eq!(
            shown,
            [
                ("http://a/", vec![one.preimage.digits()], 6000),
                ("http://b/", vec![two.preimage.digits()], 8600)
            ]
        );
        assert_eq!(pending.unprovable, 1);
        // Opting in and out again adds to what is not done.
        let again = kept();
        let ledger = SentLedger { servers: vec![server("http://a/", false, &[again.id.to_string(), first])] };
        pending.add(&ledger, &[again, one], 7000, keep);
        assert_eq!((pending.requests.len(), pending.requests[0].preimages.len()), (2, 2));
        let dir = tempfile::tempdir().unwrap();
        pending.write(dir.path()).unwrap();
        assert_eq!(Pending::read(dir.path()).unwrap(), Some(pending));
    }

    #[test]
    fn waits_double_from_a_minute_to_six_hours_and_no_clock_ends_them() {
        let mut pending = Pending::default();
        let one = kept();
        let ledger = SentLedger { servers: vec![server("http://a/", false, &[one.id.to_string()])] };
        pending.add(&ledger, &[one], 0, Duration::from_secs(9));
        let request = &mut pending.requests[0];
        assert!(request.is_due(0));
        for expected in [60, 120, 240, 480, 960, 1920, 3840, 7680, 15_360, 21_600, 21_600] {
            request.put_off("x".to_owned(), 1000);
            assert_eq!(request.next_try_unix_secs, 1000 + expected);
            assert!(!request.is_due(1000 + expected - 1) && request.is_due(1000 + expected));
        }
        // Set back by years.
        request.next_try_unix_secs = 1 << 40;
        assert!(request.is_due(1000));
    }

    #[test]
    fn a_clock_that_is_set_by_fifty_years_ends_no_request_and_keeps_none_for_ever() {
        const DAY: u64 = 24 * 60 * 60;
        const YEARS: u64 = 50 * 365 * DAY;
        let keep = 35 * DAY;
        let one = kept();
        let ledger = SentLedger { servers: vec![server("http://a/", false, &[one.id.to_string()])] };
        for (made, steps) in [
            // Without a clock at first, then right, then wrong again, and right.
            (10, &[YEARS, 2 * YEARS, YEARS][..]),
            (2 * YEARS, &[YEARS, 10]),
            (YEARS, &[YEARS + 400 * DAY]),
            (YEARS, &[0, YEARS, u64::MAX / 2, YEARS]),
        ] {
            let mut pending = Pending::default();
            pending.add(&ledger, &[one], made, Duration::from_secs(keep));
            let request = &mut pending.requests[0];
            let mut left = keep;
            for now in steps {
                assert!(request.follow_clock(*now), "{made} {now}");
                assert_eq!(
                    (request.until_unix_secs - now, request.is_due(*now)),
                    (left, true),
                    "{made} {now}"
                );
                // Asked in vain, and again later.
                request.put_off("away".to_owned(), *now);
                assert!(!request.follow_clock(now + 60) && !request.follow_clock(now + DAY));
                left = request.until_unix_secs - request.next_try_unix_secs;
            }
        }
        // One of before that was to be asked at once.
        let mut pending = Pending::default();
        pending.add(&ledger, &[one], YEARS, Duration::from_secs(keep));
        pending.requests[0].next_try_unix_secs = 0;
        assert!(!pending.requests[0].follow_clock(YEARS + DAY));
        assert_eq!(pending.requests[0].until_unix_secs, YEARS + keep);
    }
}
