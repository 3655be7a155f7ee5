//! Which files are in the spool: one scan of all of it at the start, then what the kernel reports, and a
//! scan of all from time to time, should the kernel have lost count.
//!
//! A scan is taken in slices, so that a long backlog never stops the loop.

use crate::limits::NAMES_PER_TURN;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use std::ffi::OsString;
use std::fs::ReadDir;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use telemetry_store::spool::name::{is_hidden, is_segment};

/// Reads of events in a turn at most, about 60 names each.
const READS_PER_TURN: usize = 8;

/// A part of a scan.
#[derive(Debug, Default)]
pub(crate) struct Slice {
    /// Whether it is the first of its scan.
    pub(crate) begins: bool,
    /// Names that are in the spool.
    pub(crate) names: Vec<OsString>,
    /// Segments that are open, or whose writer is gone.
    pub(crate) segments: Vec<OsString>,
}

/// The watch over a spool directory.
#[derive(Debug)]
pub(crate) struct Scanner {
    path: PathBuf,
    /// Device and inode of the directory that is watched.
    identity: (u64, u64),
    inotify: Inotify,
    scan: Option<ReadDir>,
    has_scanned: bool,
    next_scan: Instant,
    interval: Duration,
}

impl Scanner {
    /// Begins to watch. The first scan is due at once.
    ///
    /// # Errors
    /// The directory cannot be watched.
    pub(crate) fn new(path: &Path, interval: Duration, now: Instant) -> io::Result<Self> {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
        // Ours are renamed into place; the C daemons write under the final name. What becomes of the directory itself
        // only has to wake the loop, which sees by the path where it is.
        let changes = AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_DELETE_SELF
            | AddWatchFlags::IN_MOVE_SELF
            | AddWatchFlags::IN_ONLYDIR;
        inotify.add_watch(path, changes)?;
        let (path, identity) = (path.to_owned(), identity_of(path)?);
        Ok(Self { path, identity, inotify, scan: None, has_scanned: false, next_scan: now, interval })
    }

    /// Whether all that was there at the start has been scanned.
    pub(crate) fn has_scanned(&self) -> bool {
        self.has_scanned
    }

    /// Whether the path still leads to the directory that is watched. The kernel reports a move, a removal only once
    /// nobody has the directory open, and nothing of a mount over it or of what happens to those above it.
    pub(crate) fn is_in_place(&self) -> bool {
        identity_of(&self.path).is_ok_and(|identity| identity == self.identity)
    }

    /// Whether a scan is going on.
    pub(crate) fn is_scanning(&self) -> bool {
        self.scan.is_some()
    }

    /// When the next scan is due.
    pub(crate) fn next_scan(&self) -> Instant {
        self.next_scan
    }

    /// Has the next scan begin no later than `at`.
    pub(crate) fn scan_by(&mut self, at: Instant) {
        self.next_scan = self.next_scan.min(at);
    }

    /// The next part of the scan that is going on or due; an empty one if none is.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub(crate) fn next_slice(&mut self, now: Instant) -> io::Result<Slice> {
        let mut slice = Slice::default();
        let scan = match &mut self.scan {
            Some(scan) => scan,
            None if now < self.next_scan => return Ok(slice),
            none => {
                self.next_scan = now + self.interval;
                slice.begins = true;
                none.insert(std::fs::read_dir(&self.path)?)
            }
        };
        for entry in scan.take(NAMES_PER_TURN) {
            slice.names.push(entry?.file_name());
        }
        if slice.names.len() < NAMES_PER_TURN {
            self.scan = None;
            self.has_scanned = true;
        }
        slice.segments = slice.names.extract_if(.., |name| is_segment(name)).collect();
        slice.names.retain(|name| !is_hidden(name));
        Ok(slice)
    }

    /// Files that appeared or changed since the last call, or a part of them.
    pub(crate) fn take_events(&mut self, now: Instant) -> Vec<OsString> {
        let mut names = Vec::new();
        for _ in 0..READS_PER_TURN {
            let events = match self.inotify.read_events() {
                Ok(events) if !events.is_empty() => events,
                _ => break,
            };
            for event in events {
                if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
                    self.scan_by(now);
                }
                names.extend(event.name.filter(|name| !is_hidden(name)));
            }
        }
        names
    }
}

fn identity_of(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = std::fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

impl AsFd for Scanner {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::fs;

    const LONG: Duration = Duration::from_secs(3600);

    fn scan(scanner: &mut Scanner, now: Instant, segments: &mut Vec<OsString>) -> BTreeSet<OsString> {
        let mut names = BTreeSet::new();
        loop {
            let slice = scanner.next_slice(now).unwrap();
            names.extend(slice.names);
            segments.extend(slice.segments);
            if !scanner.is_scanning() {
                return names;
            }
        }
    }

    #[test]
    fn a_scan_finds_all_visible_names_in_slices() {
        let dir = tempfile::tempdir().unwrap();
        let many = 2 * NAMES_PER_TURN;
        for n in 0..many {
            fs::write(dir.path().join(n.to_string()), "").unwrap();
        }
        fs::write(dir.path().join(".hidden"), "").unwrap();
        let segment = ".seg-0de9de8d5f3c6a7d445d75ba01cc3322";
        fs::write(dir.path().join(segment), "").unwrap();
        let now = Instant::now();
        let mut scanner = Scanner::new(dir.path(), LONG, now).unwrap();
        let first = scanner.next_slice(now).unwrap();
        assert!(first.begins && scanner.is_scanning() && first.names.len() <= NAMES_PER_TURN);
        assert!(!scanner.has_scanned());
        let mut segments = first.segments;
        let rest = scan(&mut scanner, now, &mut segments);
        assert_eq!(segments, [segment]);
        assert!(scanner.has_scanned());
        assert_eq!(first.names.len() + rest.len(), many);
        let none = scanner.next_slice(now).unwrap();
        assert!(!none.begins && !scanner.is_scanning() && none.names.is_empty());
        assert_eq!(scan(&mut scanner, now + LONG, &mut segments).len(), many);
        assert_eq!(segments, [segment, segment]);
    }

    #[test]
    fn events_are_finished_files() {
        let dir = tempfile::tempdir().unwrap();
        let spool = dir.path().join("spool");
        fs::create_dir(&spool).unwrap();
        let now = Instant::now();
        let mut scanner = Scanner::new(&spool, LONG, now).unwrap();
        fs::write(spool.join(".new-a"), "x").unwrap();
        fs::rename(spool.join(".new-a"), spool.join("a")).unwrap();
        fs::write(spool.join("b"), "x").unwrap();
        assert_eq!(scanner.take_events(now), ["a", "b"]);
    }

    #[test]
    fn a_directory_that_was_removed_or_replaced_is_not_in_place() {
        let dir = tempfile::tempdir().unwrap();
        let spool = dir.path().join("spool");
        fs::create_dir(&spool).unwrap();
        let now = Instant::now();
        let scanner = Scanner::new(&spool, LONG, now).unwrap();
        assert!(scanner.is_in_place());
        fs::remove_dir_all(&spool).unwrap();
        assert!(!scanner.is_in_place());
        fs::create_dir(&spool).unwrap();
        // While this is held, the new one cannot have the inode of the old one.
        let _held = fs::File::open(&spool).unwrap();
        fs::rename(&spool, dir.path().join("moved")).unwrap();
        fs::create_dir(&spool).unwrap();
        let scanner = Scanner::new(&spool, LONG, now).unwrap();
        fs::remove_dir(&spool).unwrap();
        fs::rename(dir.path().join("moved"), &spool).unwrap();
        assert!(!scanner.is_in_place());
    }
}
