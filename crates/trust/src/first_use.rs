//! Trust on first use: a window that a person opens, and that closes by itself.
//!
//! ```text
//! first-use            BOOT_ID DEADLINE     seconds since boot, so that no step of a clock opens it again
//!                      HOST:PORT            a line for each server that it is closed for, since its first was seen
//! trusted_learned.cfg  what was learned     one certificate a server; where it is about who connects, one in all
//! ```
//!
//! A file that is missing, unreadable or malformed is a closed window: it is never the reason to trust anybody.

use crate::fingerprint::Fingerprint;
use crate::limits::TRUST_FILE_BYTES;
use crate::line::{Grammar, LearnedBy, Words};
use crate::paths;
use crate::server_address::ServerAddress;
use crate::trust_list::TrustList;
use nix::time::{ClockId, clock_gettime};
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use telemetry_files::replace::remove;
use telemetry_files::{
    Attributes, Durability, Owner, bounded_file, open_directory_below, open_lock_file_in, replace,
};

/// Name of the file that says that a window is open, and until when.
pub const WINDOW_FILE: &str = "first-use";

/// Name of the file of what was learned.
pub const LEARNED_FILE: &str = "trusted_learned.cfg";

/// Name of the file that is there to be locked.
pub const LOCK_FILE: &str = ".lock";

/// Longest file of a window: a line, and one for each of more servers than anybody configures.
const WINDOW_BYTES: u64 = 64 << 10;

const BOOT_ID_FILE: &str = "/proc/sys/kernel/random/boot_id";

/// A moment of this boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootTime {
    /// The kernel's id of this boot.
    pub boot_id: String,
    /// Time since it, suspend included.
    pub since_boot: Duration,
}

impl BootTime {
    /// This moment.
    ///
    /// # Errors
    /// The kernel does not say which boot this is.
    pub fn now() -> io::Result<Self> {
        let boot_id = std::fs::read_to_string(BOOT_ID_FILE)?.trim().to_owned();
        let since_boot = clock_gettime(ClockId::CLOCK_BOOTTIME)?.into();
        Ok(Self { boot_id, since_boot })
    }
}

/// A window that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// How long it stays so.
    pub rest: Duration,
    deadline_secs: u64,
    closed_for: Vec<ServerAddress>,
}

impl Window {
    /// Whether the first certificate of this server is still to be seen.
    pub fn is_open_for(&self, server: &ServerAddress) -> bool {
        !self.closed_for.contains(server)
    }

    /// That of a file's text; none if it is over, of another boot, or malformed.
    fn parse(text: &str, now: &BootTime) -> Option<Self> {
        let mut lines = text.lines();
        let (boot_id, deadline) = lines.next()?.split_once(' ')?;
        let deadline_secs: u64 = deadline.parse().ok().filter(|_| boot_id == now.boot_id)?;
        let rest =
            Duration::from_secs(deadline_secs).checked_sub(now.since_boot).filter(|rest| !rest.is_zero())?;
        let closed_for = lines.map(|line| line.parse().ok()).collect::<Option<_>>()?;
        Some(Self { rest, deadline_secs, closed_for })
    }

    fn text(&self, boot_id: &str) -> String {
        let closed: String = self.closed_for.iter().map(|server| format!("{server}\n")).collect();
        format!("{boot_id} {}\n{closed}", self.deadline_secs)
    }
}

/// What came of an attempt to be the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstUse {
    /// It is trusted from now on.
    Learned,
    /// No window is open.
    Closed,
    /// Another certificate was there before.
    Taken(Fingerprint),
}

/// The directory of a service's identity, as far as it is about learning.
#[derive(Debug)]
pub struct Learning {
    directory: File,
}

impl Learning {
    /// Of a service that has an identity below `state_dir`; no link below that one is followed.
    ///
    /// # Errors
    /// As `open`.
    pub fn open(state_dir: &Path, service: &str) -> io::Result<Self> {
        Ok(Self { directory: open_directory_below(state_dir, &paths::identity_below(service))? })
    }

    /// The same, of a directory that is open.
    pub fn in_directory(directory: File) -> Self {
        Self { directory }
    }

    /// Opens the window for a time from now, instead of one that is open, and for each server anew.
    ///
    /// # Errors
    /// As the system says.
    pub fn open_window(&self, now: &BootTime, length: Duration) -> io::Result<()> {
        let _lock = self.lock()?;
        let deadline_secs = now.since_boot.saturating_add(length).as_secs();
        let window = Window { rest: length, deadline_secs, closed_for: Vec::new() };
        self.replace(WINDOW_FILE, window.text(&now.boot_id).as_bytes())
    }

    /// The window; none if it is closed.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn window(&self, now: &BootTime) -> io::Result<Option<Window>> {
        let bytes = self.read(WINDOW_FILE, WINDOW_BYTES)?;
        Ok(bytes.and_then(|bytes| Window::parse(&String::from_utf8_lossy(&bytes), now)))
    }

    /// Removes the file of a window that is over. Returns the window, if it is not.
    ///
    /// # Errors
    /// As the system says.
    pub fn tidy(&self, now: &BootTime) -> io::Result<Option<Window>> {
        let _lock = self.lock()?;
        let window = self.window(now)?;
        if window.is_none() {
            self.close_window()?;
        }
        Ok(window)
    }

    /// What was learned.
    ///
    /// # Errors
    /// It cannot be read; `InvalidData` with the fault's words where it cannot be used.
    pub fn learned(&self) -> io::Result<TrustList> {
        let bytes = self.read(LEARNED_FILE, TRUST_FILE_BYTES)?.unwrap_or_default();
        TrustList::parse(&bytes, Grammar::Learned)
            .map_err(|fault| io::Error::new(io::ErrorKind::InvalidData, fault.to_string()))
    }

    /// The one step of first use, atomic among threads and processes: if a window is open and nobody was first, this
    /// certificate is trusted. To be taken after its owner has proven its key.
    ///
    /// With a server, it is about that server's certificate, and the window stays open for others alone; without, it is about
    /// who connects, and the window closes.
    ///
    /// # Errors
    /// As the system says; then nobody became trusted.
    pub fn first_use(
        &self,
        fingerprint: Fingerprint,
        server: Option<&ServerAddress>,
        now: &BootTime,
    ) -> io::Result<FirstUse> {
        let _lock = self.lock()?;
        let Some(mut window) = self.window(now)? else { return Ok(FirstUse::Closed) };
        let learned = self.learned()?;
        let first = learned.certificates().iter().find(|line| {
            let about = &line.words.servers;
            line.words.by == Some(LearnedBy::FirstUse) && server.is_some_and(|server| about.contains(server))
        });
        match first {
            Some(line) if line.fingerprint == fingerprint => return Ok(FirstUse::Learned),
            Some(line) => return Ok(FirstUse::Taken(line.fingerprint)),
            // What was learned was taken away since.
            None if server.is_some_and(|server| !window.is_open_for(server)) => return Ok(FirstUse::Closed),
            None => {}
        }
        let words = Words {
            servers: server.cloned().into_iter().collect(),
            by: Some(LearnedBy::FirstUse),
            since_secs: since_now(),
            ..Words::default()
        };
        self.append(&learned, fingerprint, words)?;
        match server {
            None => self.close_window()?,
            Some(server) => {
                window.closed_for.push(server.clone());
                self.replace(WINDOW_FILE, window.text(&now.boot_id).as_bytes())?;
            }
        }
        Ok(FirstUse::Learned)
    }

    /// Closes the window, open or not.
    ///
    /// # Errors
    /// As `unlink`.
    pub fn close_window(&self) -> io::Result<()> {
        remove(&self.directory, WINDOW_FILE)
    }

    fn append(&self, learned: &TrustList, fingerprint: Fingerprint, words: Words) -> io::Result<()> {
        let mut lines: Vec<_> =
            learned.certificates().iter().map(|line| (line.fingerprint, line.words.clone())).collect();
        match lines.iter_mut().find(|(known, _)| *known == fingerprint) {
            // One line a certificate: of two servers with the same one, both.
            Some((_, known)) => known.servers.extend(words.servers),
            None => lines.push((fingerprint, words)),
        }
        let text: String =
            lines.iter().map(|(fingerprint, words)| format!("{fingerprint}{words}\n")).collect();
        self.replace(LEARNED_FILE, text.as_bytes())
    }

    pub(crate) fn lock(&self) -> io::Result<File> {
        let lock = open_lock_file_in(&self.directory, LOCK_FILE, Owner::OfDirectory)?;
        lock.lock()?;
        Ok(lock)
    }

    fn read(&self, name: &str, limit: u64) -> io::Result<Option<Vec<u8>>> {
        match bounded_file::open_regular_in(&self.directory, name) {
            Ok(file) => bounded_file::read_all(&file, limit).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        replace(&self.directory, name, bytes, Attributes::of_directory(0o600), Durability::Synced).map(|_| ())
    }
}

/// This second, for `since=`.
pub(crate) fn since_now() -> Option<u64> {
    SystemTime::now().duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    fn at(secs: u64) -> BootTime {
        BootTime { boot_id: "boot-1".to_owned(), since_boot: Duration::from_secs(secs) }
    }

    fn identity(state_dir: &Path) -> PathBuf {
        paths::identity_dir(state_dir, "s")
    }

    fn window(state_dir: &Path) -> PathBuf {
        identity(state_dir).join(WINDOW_FILE)
    }

    fn learning_in(state_dir: &Path) -> Learning {
        std::fs::create_dir_all(identity(state_dir)).unwrap();
        Learning::open(state_dir, "s").unwrap()
    }

    fn certificate(name: &str) -> Fingerprint {
        Fingerprint::of_der(name.as_bytes())
    }

    fn server(text: &str) -> ServerAddress {
        text.parse().unwrap()
    }

    #[test]
    fn a_window_ends_by_its_time_and_by_a_reboot() {
        let dir = tempfile::tempdir().unwrap();
        let learning = learning_in(dir.path());
        let rest = |now: &BootTime| learning.window(now).unwrap().map(|window| window.rest);
        assert_eq!(rest(&at(0)), None);
        learning.open_window(&at(100), Duration::from_secs(60)).unwrap();
        assert_eq!(rest(&at(159)), Some(Duration::from_secs(1)));
        assert_eq!(rest(&at(160)), None);
        let other_boot = BootTime { boot_id: "boot-2".to_owned(), ..at(5) };
        assert_eq!(rest(&other_boot), None);
        assert!(window(dir.path()).exists());
        assert_eq!(learning.tidy(&at(159)).unwrap().unwrap().rest, Duration::from_secs(1));
        assert_eq!(learning.tidy(&other_boot).unwrap(), None);
        assert!(!window(dir.path()).exists());
    }

    #[test]
    fn no_file_a_broken_one_and_an_unreadable_one_trust_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let learning = learning_in(dir.path());
        assert_eq!(learning.first_use(certificate("a"), None, &at(0)).unwrap(), FirstUse::Closed);
        for broken in
            ["", "boot-1", "boot-1 ", "boot-1 soon", "boot-1 -5", " 100", "boot-1 100 100", "boot-1 100\nx"]
        {
            std::fs::write(window(dir.path()), broken).unwrap();
            let result = learning.first_use(certificate("a"), None, &at(0)).unwrap();
            assert_eq!(result, FirstUse::Closed, "{broken:?}");
        }
        std::fs::remove_file(window(dir.path())).unwrap();
        std::os::unix::fs::symlink("/proc/self/cmdline", window(dir.path())).unwrap();
        assert!(learning.first_use(certificate("a"), None, &at(0)).is_err());
        assert_eq!(learning.learned().unwrap().certificates(), []);
    }

    #[test]
    fn each_server_has_its_first_and_a_change_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let learning = learning_in(dir.path());
        learning.open_window(&at(0), Duration::from_secs(60)).unwrap();
        let (one, two) = (server("one:443"), server("two:443"));
        for (name, server, expected) in [
            ("a", &one, FirstUse::Learned),
            ("b", &one, FirstUse::Taken(certificate("a"))),
            ("a", &one, FirstUse::Learned),
            ("a", &two, FirstUse::Learned),
            ("b", &two, FirstUse::Taken(certificate("a"))),
        ] {
            assert_eq!(
                learning.first_use(certificate(name), Some(server), &at(1)).unwrap(),
                expected,
                "{name}"
            );
        }
        let learned = learning.learned().unwrap();
        assert_eq!(learned.certificates().len(), 1);
        assert_eq!(learned.of_server(&two)[0].fingerprint, certificate("a"));
        assert!(learning.forget(&certificate("a")).unwrap() && !learning.forget(&certificate("a")).unwrap());
        assert_eq!(learning.learned().unwrap().certificates(), []);
        // Who takes the trust away does not ask for the next one that comes.
        assert_eq!(learning.first_use(certificate("b"), Some(&one), &at(2)).unwrap(), FirstUse::Closed);
        let other = server("three:443");
        assert_eq!(learning.first_use(certificate("b"), Some(&other), &at(2)).unwrap(), FirstUse::Learned);
    }

    #[test]
    fn this_boot_has_a_name_and_a_time() {
        let (one, two) = (BootTime::now().unwrap(), BootTime::now().unwrap());
        assert!(one.boot_id.len() == 36 && one.boot_id == two.boot_id && one.since_boot <= two.since_boot);
    }

    #[test]
    fn of_two_first_peers_one_wins() {
        // Where a sync costs nothing: it is no part of the question.
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        for _ in 0..1000 {
            let dir = tempfile::tempdir_in(&place).unwrap();
            let learning = learning_in(dir.path());
            learning.open_window(&at(0), Duration::from_secs(60)).unwrap();
            let winners = AtomicUsize::new(0);
            thread::scope(|scope| {
                for name in ["a", "b"] {
                    let (winners, path) = (&winners, dir.path());
                    scope.spawn(move || {
                        let learning = learning_in(path);
                        if learning.first_use(certificate(name), None, &at(1)).unwrap() == FirstUse::Learned {
                            winners.fetch_add(1, Ordering::SeqCst);
                        }
                    });
                }
            });
            assert_eq!(winners.into_inner(), 1);
            assert_eq!(learning.learned().unwrap().certificates().len(), 1);
        }
    }

    #[test]
    fn a_planted_link_leads_nowhere() {
        let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::create_dir(elsewhere.path().join("s")).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), dir.path().join("identity")).unwrap();
        assert_eq!(Learning::open(dir.path(), "s").unwrap_err().raw_os_error(), Some(libc::ELOOP));
    }
}
