//! Which files are in the spool: one look over all of it at the start, then what the kernel tells, and a
//! look over all from time to time, should the kernel have lost count.
//!
//! A look is taken in slices, so that a long backlog never stops the loop.

use crate::limits::NAMES_PER_TURN;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use std::ffi::OsString;
use std::fs::ReadDir;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use telemetry_store::spool::name::is_hidden;

/// Most reads of news in a turn, about 60 names each.
const READS_PER_TURN: usize = 8;

/// What the kernel told.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// Files that appeared or changed.
    pub(crate) names: Vec<OsString>,
    /// Whether the directory itself is gone.
    pub(crate) directory_is_gone: bool,
}

/// The watch over a spool directory.
#[derive(Debug)]
pub(crate) struct Survey {
    path: PathBuf,
    /// Device and inode of the directory that is watched.
    identity: (u64, u64),
    inotify: Inotify,
    look: Option<ReadDir>,
    was_completed: bool,
    next_look: Instant,
    interval: Duration,
}

impl Survey {
    /// Begins to watch, and the first look.
    ///
    /// # Errors
    /// The directory can not be watched.
    pub(crate) fn new(path: &Path, interval: Duration, now: Instant) -> io::Result<Self> {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
        // Ours are renamed into place; the C daemons write under the final name.
        let changes = AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_DELETE_SELF
            | AddWatchFlags::IN_MOVE_SELF
            | AddWatchFlags::IN_ONLYDIR;
        inotify.add_watch(path, changes)?;
        let (path, identity) = (path.to_owned(), identity_of(path)?);
        Ok(Self { path, identity, inotify, look: None, was_completed: false, next_look: now, interval })
    }

    /// Whether all that was there at the start has been seen.
    pub(crate) fn was_completed(&self) -> bool {
        self.was_completed
    }

    /// Whether a look is being taken.
    pub(crate) fn is_looking(&self) -> bool {
        self.look.is_some()
    }

    /// When the next look is due.
    pub(crate) fn next_look(&self) -> Instant {
        self.next_look
    }

    /// Has the next look taken no later than `at`.
    pub(crate) fn look_again_at(&mut self, at: Instant) {
        self.next_look = self.next_look.min(at);
    }

    /// The next names of the look that is being taken or is due, if one is.
    ///
    /// # Errors
    /// The directory can not be read, or is another one by now: the kernel tells of a move, but of a
    /// removal only once nobody has the directory open.
    pub(crate) fn next_names(&mut self, now: Instant) -> io::Result<Vec<OsString>> {
        if self.look.is_none() {
            if now < self.next_look {
                return Ok(Vec::new());
            }
            self.next_look = now + self.interval;
            if identity_of(&self.path)? != self.identity {
                return Err(io::Error::new(io::ErrorKind::NotFound, "another directory is there now"));
            }
            self.look = Some(std::fs::read_dir(&self.path)?);
        }
        let mut names = Vec::new();
        if let Some(look) = &mut self.look {
            for entry in look.take(NAMES_PER_TURN) {
                names.push(entry?.file_name());
            }
        }
        if names.len() < NAMES_PER_TURN {
            self.look = None;
            self.was_completed = true;
        }
        names.retain(|name| !is_hidden(name));
        Ok(names)
    }

    /// What the kernel told since the last call, or a part of it.
    pub(crate) fn news(&mut self, now: Instant) -> News {
        let mut news = News::default();
        for _ in 0..READS_PER_TURN {
            let events = match self.inotify.read_events() {
                Ok(events) if !events.is_empty() => events,
                _ => break,
            };
            for event in events {
                if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
                    self.look_again_at(now);
                }
                let gone =
                    AddWatchFlags::IN_DELETE_SELF | AddWatchFlags::IN_MOVE_SELF | AddWatchFlags::IN_IGNORED;
                news.directory_is_gone |= event.mask.intersects(gone);
                news.names.extend(event.name.filter(|name| !is_hidden(name)));
            }
        }
        news
    }
}

fn identity_of(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = std::fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

impl AsFd for Survey {
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

    fn look(survey: &mut Survey, now: Instant) -> BTreeSet<OsString> {
        let mut names = BTreeSet::new();
        loop {
            names.extend(survey.next_names(now).unwrap());
            if !survey.is_looking() {
                return names;
            }
        }
    }

    #[test]
    fn a_look_sees_all_in_slices() {
        let dir = tempfile::tempdir().unwrap();
        let many = 2 * NAMES_PER_TURN;
        for n in 0..many {
            fs::write(dir.path().join(n.to_string()), "").unwrap();
        }
        fs::write(dir.path().join(".hidden"), "").unwrap();
        let now = Instant::now();
        let mut survey = Survey::new(dir.path(), LONG, now).unwrap();
        assert!(survey.next_names(now).unwrap().len() <= NAMES_PER_TURN);
        assert!(!survey.was_completed());
        look(&mut survey, now);
        assert!(survey.was_completed());
        assert_eq!(look(&mut survey, now).len(), 0);
        assert_eq!(look(&mut survey, now + LONG).len(), many);
    }

    #[test]
    fn news_are_finished_files_and_the_end_of_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let spool = dir.path().join("spool");
        fs::create_dir(&spool).unwrap();
        let now = Instant::now();
        let mut survey = Survey::new(&spool, LONG, now).unwrap();
        fs::write(spool.join(".new-a"), "x").unwrap();
        fs::rename(spool.join(".new-a"), spool.join("a")).unwrap();
        fs::write(spool.join("b"), "x").unwrap();
        let news = survey.news(now);
        assert_eq!(news.names, ["a", "b"]);
        assert!(!news.directory_is_gone);
        fs::remove_dir_all(&spool).unwrap();
        assert!(survey.news(now).directory_is_gone);
        assert!(survey.next_names(now).is_err());
        fs::create_dir(&spool).unwrap();
        // Held by this, the new one can not have the inode of the old one.
        let _held = fs::File::open(&spool).unwrap();
        fs::rename(&spool, dir.path().join("moved")).unwrap();
        fs::create_dir(&spool).unwrap();
        let mut survey = Survey::new(&spool, LONG, now).unwrap();
        fs::remove_dir(&spool).unwrap();
        fs::rename(dir.path().join("moved"), &spool).unwrap();
        assert_eq!(survey.next_names(now).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
