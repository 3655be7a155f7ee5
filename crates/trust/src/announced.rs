//! Which peers have a next certificate, and since when.
//!
//! ```text
//! announced    FINGERPRINT        the next certificate
//!              SECS PEER          a line a peer: since when it has it, in seconds since 1970; HOST:PORT or a fingerprint
//! ```
//!
//! A file that is missing, malformed or about another certificate says that nobody has it: then it is announced again, which
//! costs a day and nothing else.

use crate::fingerprint::Fingerprint;
use crate::limits::ANNOUNCED_BYTES;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::File;
use std::io;
use telemetry_files::replace::remove;
use telemetry_files::{Attributes, Durability, bounded_file, replace};

/// How long each peer has it before it is used: longer than any of them takes to read its files again.
const DAY_SECS: u64 = 24 * 60 * 60;

/// Who has a next certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    next: Fingerprint,
    since: BTreeMap<String, u64>,
}

/// How far a renewal has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There is no peer to announce it to.
    NoPeers,
    /// These do not have it yet.
    Missing(Vec<String>),
    /// All have it, for all of a day from this second on.
    Until(u64),
    /// All have had it for a day.
    Ready,
}

impl Announced {
    /// Of a certificate that nobody has.
    pub fn new(next: Fingerprint) -> Self {
        Self { next, since: BTreeMap::new() }
    }

    /// What a file says of this certificate.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn read(directory: &File, name: &str, next: Fingerprint) -> io::Result<Self> {
        let bytes = match bounded_file::open_regular_in(directory, name) {
            Ok(file) => bounded_file::read_all(&file, ANNOUNCED_BYTES)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        Ok(Self::parse(&String::from_utf8_lossy(&bytes), next))
    }

    fn parse(text: &str, next: Fingerprint) -> Self {
        let mut announced = Self::new(next);
        let mut lines = text.lines();
        if lines.next().and_then(|line| line.parse().ok()) != Some(next) {
            return announced;
        }
        for line in lines {
            if let Some((secs, peer)) = line.split_once(' ')
                && let Ok(secs) = secs.parse()
            {
                announced.since.insert(peer.to_owned(), secs);
            }
        }
        announced
    }

    /// Writes the file.
    ///
    /// # Errors
    /// As the system says.
    pub fn write(&self, directory: &File, name: &str) -> io::Result<()> {
        let mut text = format!("{}\n", self.next);
        for (peer, secs) in &self.since {
            // Into a String: it cannot fail.
            let _ = writeln!(text, "{secs} {peer}");
        }
        replace(directory, name, text.as_bytes(), Attributes::of_directory(0o600), Durability::Synced)
            .map(drop)
    }

    /// Removes the file.
    ///
    /// # Errors
    /// As the system says.
    pub fn remove(directory: &File, name: &str) -> io::Result<()> {
        remove(directory, name)
    }

    /// The certificate.
    pub fn next(&self) -> Fingerprint {
        self.next
    }

    /// A peer has it. Returns whether that was not known. A time of the future is none: then the clock was set back since.
    pub fn note(&mut self, peer: &str, now_secs: u64) -> bool {
        match self.since.get_mut(peer) {
            Some(since) if *since <= now_secs => false,
            Some(since) => {
                *since = now_secs;
                true
            }
            None => {
                self.since.insert(peer.to_owned(), now_secs);
                true
            }
        }
    }

    /// How far it has come, with these peers; of each, all names by which it may have been noted.
    pub fn standing<'a>(&self, peers: impl IntoIterator<Item = &'a [String]>, now_secs: u64) -> Standing {
        let mut missing = Vec::new();
        let mut latest = None;
        for names in peers {
            let since = names.iter().filter_map(|name| self.since.get(name)).min();
            match (since, names.first()) {
                (Some(since), _) => latest = latest.max(Some(*since)),
                (None, Some(name)) => missing.push(name.clone()),
                (None, None) => {}
            }
        }
        match latest {
            _ if !missing.is_empty() => Standing::Missing(missing),
            None => Standing::NoPeers,
            Some(latest) if latest.saturating_add(DAY_SECS) <= now_secs => Standing::Ready,
            Some(latest) => Standing::Until(latest.saturating_add(DAY_SECS)),
        }
    }
}

/// For people.
impl std::fmt::Display for Standing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoPeers => {
                write!(f, "there is no peer to announce it to; `identity renew --now` uses it at once")
            }
            Self::Missing(peers) => {
                write!(f, "it waits for {} peers that do not have it yet", peers.len())?;
                for peer in peers.iter().take(NAMED) {
                    write!(f, ", {peer}")?;
                }
                if peers.len() > NAMED { f.write_str(", ...") } else { Ok(()) }
            }
            Self::Until(_) => write!(f, "all peers have it, and it is used once they have had it for a day"),
            Self::Ready => write!(f, "all peers have had it for a day, and it is used from now on"),
        }
    }
}

/// Peers that are named in one line.
const NAMED: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry_files::open_directory;

    const NAME: &str = "announced";

    #[test]
    fn it_is_ready_once_every_peer_has_had_it_for_a_day() {
        let mut announced = Announced::new(Fingerprint::of_der(b"n"));
        let peers = [vec!["a:1".to_owned()], vec!["b:1".to_owned(), "b:2".to_owned()]];
        let standing = |announced: &Announced, now| announced.standing(peers.iter().map(Vec::as_slice), now);
        assert_eq!(announced.standing([], 5), Standing::NoPeers);
        assert_eq!(standing(&announced, 5), Standing::Missing(vec!["a:1".to_owned(), "b:1".to_owned()]));
        assert!(announced.note("a:1", 100) && !announced.note("a:1", 200));
        assert_eq!(standing(&announced, 300), Standing::Missing(vec!["b:1".to_owned()]));
        assert!(announced.note("b:2", 500));
        assert_eq!(standing(&announced, 500), Standing::Until(500 + DAY_SECS));
        assert_eq!(standing(&announced, 499 + DAY_SECS), Standing::Until(500 + DAY_SECS));
        assert_eq!(standing(&announced, 500 + DAY_SECS), Standing::Ready);
        // The clock was years ahead.
        assert!(announced.note("a:1", 50));
        assert_eq!(standing(&announced, 500 + DAY_SECS), Standing::Ready);
    }

    #[test]
    fn a_file_is_read_as_it_was_written_and_one_about_another_says_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let directory = open_directory(dir.path()).unwrap();
        let [one, other] = [&b"1"[..], b"2"].map(Fingerprint::of_der);
        assert_eq!(Announced::read(&directory, NAME, one).unwrap(), Announced::new(one));
        let mut announced = Announced::new(one);
        announced.note("[::1]:443", 7);
        announced.note("h:443", 9);
        announced.write(&directory, NAME).unwrap();
        assert_eq!(Announced::read(&directory, NAME, one).unwrap(), announced);
        assert_eq!(Announced::read(&directory, NAME, other).unwrap(), Announced::new(other));
        for broken in ["", "x\n", &format!("{one}\nnever h:1\n\n7\n")] {
            std::fs::write(dir.path().join(NAME), broken).unwrap();
            assert_eq!(Announced::read(&directory, NAME, one).unwrap(), Announced::new(one), "{broken:?}");
        }
    }
}
