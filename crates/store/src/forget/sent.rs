//! The ledger: each server gets only the ids that it was sent.

use super::SENT_FILE;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Most servers that single records named: any user can name one.
const FOREIGN_SERVERS: usize = 64;

/// Longest texts of these servers together: they are as long as a user's configuration, and the ledger has to stay one that
/// is read again. Whoever could make it longer would stop delivery for everybody.
const FOREIGN_BYTES: usize = 256 << 10;

/// Most ids of a server: one an hour for 40 days.
const IDS: usize = 1000;

/// How exactly it is kept when an id was last sent.
const SENT_INTERVAL_SECS: u64 = 24 * 60 * 60;

/// A server that was sent records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentServer {
    /// Its URL, with a password that may be in it.
    pub url: String,
    /// The header that names the telemetry set, `NAME: VALUE`.
    pub tid_header: String,
    /// File of authorities; none for the system's.
    pub cainfo: Option<PathBuf>,
    /// Whether a record's own configuration named it: it is shown no certificate of ours.
    pub is_foreign: bool,
    /// Machine ids, and when each was last sent, in seconds of steady time.
    pub ids: BTreeMap<String, u64>,
}

impl SentServer {
    fn is_same(&self, other: &Self) -> bool {
        (&self.url, &self.tid_header, &self.cainfo, self.is_foreign)
            == (&other.url, &other.tid_header, &other.cainfo, other.is_foreign)
    }

    /// Length of the texts that name it.
    fn name_bytes(&self) -> usize {
        let cainfo = self.cainfo.as_ref().map_or(0, |path| path.as_os_str().len());
        self.url.len() + self.tid_header.len() + cainfo
    }

    fn last_sent(&self) -> u64 {
        self.ids.values().copied().max().unwrap_or(0)
    }
}

/// Which server was sent which ids.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SentLedger {
    /// The servers.
    pub servers: Vec<SentServer>,
}

impl SentLedger {
    /// Reads it; an empty one where there is none.
    ///
    /// # Errors
    /// It cannot be read; `InvalidData` if it is something else.
    pub fn read(state_dir: &Path) -> io::Result<Self> {
        Ok(super::read(state_dir, SENT_FILE)?.unwrap_or_default())
    }

    /// Writes it; it is on disk when this returns.
    ///
    /// # Errors
    /// As the system says.
    pub fn write(&self, state_dir: &Path) -> io::Result<()> {
        super::write(state_dir, SENT_FILE, self)
    }

    /// Removes it.
    ///
    /// # Errors
    /// As the system says.
    pub fn remove(state_dir: &Path) -> io::Result<()> {
        super::remove(state_dir, SENT_FILE)
    }

    /// A record of this id is about to be sent; `server` has no ids. Returns whether that is new, so that the ledger has to be
    /// written first.
    pub fn note(&mut self, server: &SentServer, id: &str, now_secs: u64, keep: Duration) -> bool {
        let known = self.servers.iter().find(|known| known.is_same(server));
        if known
            .and_then(|known| known.ids.get(id))
            .is_some_and(|sent| now_secs < sent.saturating_add(SENT_INTERVAL_SECS) && now_secs >= *sent)
        {
            return false;
        }
        self.prune(now_secs, keep);
        let place = match self.servers.iter().position(|known| known.is_same(server)) {
            Some(place) => place,
            None => {
                self.make_room(server);
                self.servers.push(SentServer { ids: BTreeMap::new(), ..server.clone() });
                self.servers.len() - 1
            }
        };
        if let Some(server) = self.servers.get_mut(place) {
            server.ids.insert(id.to_owned(), now_secs);
        }
        true
    }

    /// What was last sent longer ago than it is kept anywhere goes.
    fn prune(&mut self, now_secs: u64, keep: Duration) {
        for server in &mut self.servers {
            server.ids.retain(|_, sent| now_secs.saturating_sub(*sent) <= keep.as_secs());
            while server.ids.len() > IDS {
                let oldest = server.ids.iter().min_by_key(|(_, sent)| **sent).map(|(id, _)| id.clone());
                oldest.map(|id| server.ids.remove(&id));
            }
        }
        self.servers.retain(|server| !server.ids.is_empty());
    }

    /// Removes the oldest of those that single records named, for as many as a new one takes.
    fn make_room(&mut self, new: &SentServer) {
        if !new.is_foreign {
            return;
        }
        loop {
            let foreign = || self.servers.iter().enumerate().filter(|(_, server)| server.is_foreign);
            let bytes: usize = foreign().map(|(_, server)| server.name_bytes()).sum();
            if foreign().count() < FOREIGN_SERVERS && bytes + new.name_bytes() <= FOREIGN_BYTES {
                return;
            }
            match foreign().min_by_key(|(_, server)| server.last_sent()) {
                Some((oldest, _)) => self.servers.remove(oldest),
                None => return,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 24 * 60 * 60;
    const KEEP: Duration = Duration::from_secs(35 * DAY);

    fn server(url: &str, is_foreign: bool) -> SentServer {
        let (url, tid_header) = (url.to_owned(), "X: 1".to_owned());
        SentServer { url, tid_header, cainfo: None, is_foreign, ids: BTreeMap::new() }
    }

    #[test]
    fn a_pair_is_new_once_a_day_and_goes_after_its_time() {
        let mut ledger = SentLedger::default();
        let (a, b) = (server("http://a/", false), server("http://b/", false));
        for (server, id, now, is_new) in [
            (&a, "1", DAY, true),
            (&a, "1", DAY, false),
            (&a, "1", 2 * DAY - 1, false),
            (&a, "1", 2 * DAY, true),
            // The clock was set back.
            (&a, "1", 5, true),
            (&a, "2", 5, true),
            (&b, "1", 40 * DAY, true),
        ] {
            assert_eq!(ledger.note(server, id, now, KEEP), is_new, "{id} {now}");
        }
        assert_eq!(ledger.servers.len(), 1, "what a got is forgotten there by now");
        let dir = tempfile::tempdir().unwrap();
        ledger.write(dir.path()).unwrap();
        assert_eq!(SentLedger::read(dir.path()).unwrap(), ledger);
        SentLedger::remove(dir.path()).unwrap();
        assert_eq!(SentLedger::read(dir.path()).unwrap(), SentLedger::default());
    }

    #[test]
    fn servers_that_users_name_push_out_none_but_each_other() {
        let mut ledger = SentLedger::default();
        ledger.note(&server("http://own/", false), "1", 1, KEEP);
        for n in 0..100 {
            ledger.note(&server(&format!("http://{n}/"), true), "1", 10 + n, KEEP);
        }
        assert_eq!(ledger.servers.len(), 1 + FOREIGN_SERVERS);
        let urls: Vec<_> = ledger.servers.iter().map(|server| server.url.as_str()).collect();
        assert!(
            urls.contains(&"http://own/") && urls.contains(&"http://99/") && !urls.contains(&"http://35/")
        );
    }

    #[test]
    fn a_ledger_of_the_longest_urls_that_users_can_name_is_read_again() {
        let mut ledger = SentLedger::default();
        ledger.note(&server("http://own/", false), "1", 1, KEEP);
        // Quotation marks take twice the room.
        let path = "\"".repeat(60 << 10);
        for n in 0..100 {
            ledger.note(&server(&format!("http://{n}/{path}"), true), "1", 10 + n, KEEP);
        }
        let kept = ledger.servers.iter().filter(|server| server.is_foreign);
        assert!(ledger.servers.first().unwrap().url == "http://own/" && kept.count() == 4);
        assert!(ledger.servers.last().unwrap().url.starts_with("http://99/"));
        let dir = tempfile::tempdir().unwrap();
        ledger.write(dir.path()).unwrap();
        assert_eq!(SentLedger::read(dir.path()).unwrap(), ledger);
    }
}
