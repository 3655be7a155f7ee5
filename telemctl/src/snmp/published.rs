//! The state files that are there for everybody, as they were when they were last whole.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Instant;
use telemetry_config::consent;
use telemetry_store::check_states::{self, CheckStates};
use telemetry_store::counters::{self, Counts};
use telemetry_store::delivery_status::{self, DeliveryStatus};

/// Whose counters there are.
const COUNTING: [&str; 2] = ["telemprobd", "telempostd"];

/// Everything that is published.
#[derive(Debug)]
pub(super) struct Published {
    etc_dir: PathBuf,
    /// Whether consent is given.
    pub(super) is_opted_in: bool,
    delivery: Watched<DeliveryStatus>,
    counters: [Watched<Counts>; 2],
    checks: Watched<CheckStates>,
}

/// A file, and what it last held.
#[derive(Debug)]
struct Watched<T> {
    path: PathBuf,
    /// What distinguishes one text of it from the next; none where it is not there.
    seen: Option<Stamp>,
    /// What it held when it was last whole, and when it last was.
    last: Option<(Instant, T)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
}

impl Published {
    pub(super) fn new(etc_dir: &Path, state_dir: &Path) -> Self {
        Self {
            etc_dir: etc_dir.to_owned(),
            is_opted_in: false,
            delivery: Watched::new(delivery_status::path(state_dir)),
            counters: COUNTING.map(|program| Watched::new(counters::path(state_dir, program))),
            checks: Watched::new(check_states::path(state_dir)),
        }
    }

    /// Looks at the files; those that have changed are read.
    pub(super) fn refresh(&mut self, now: Instant) {
        self.is_opted_in = consent::is_opted_in(&self.etc_dir);
        self.delivery.refresh(now, DeliveryStatus::read_file);
        for file in &mut self.counters {
            file.refresh(now, Counts::read_file);
        }
        self.checks.refresh(now, CheckStates::read_file);
    }

    /// The state of delivery; none where it was never there.
    pub(super) fn delivery(&self) -> Option<&DeliveryStatus> {
        self.delivery.last.as_ref().map(|(_, status)| status)
    }

    /// What a program of [`COUNTING`] counted; none where it never did.
    pub(super) fn counts(&self, program: &str) -> Option<&Counts> {
        let file =
            COUNTING.iter().position(|known| *known == program).and_then(|at| self.counters.get(at))?;
        file.last.as_ref().map(|(_, counts)| counts)
    }

    /// The checks; none where none ever ran.
    pub(super) fn checks(&self) -> Option<&CheckStates> {
        self.checks.last.as_ref().map(|(_, states)| states)
    }

    /// For how many seconds a file that was there has not been whole, of all of them the longest; none where nothing ever was.
    pub(super) fn age_secs(&self, now: Instant) -> Option<u64> {
        let ages = [
            self.delivery.whole(),
            self.counters.first().and_then(Watched::whole),
            self.counters.last().and_then(Watched::whole),
            self.checks.whole(),
        ];
        ages.into_iter().flatten().map(|whole| now.saturating_duration_since(whole).as_secs()).max()
    }
}

impl<T> Watched<T> {
    fn new(path: PathBuf) -> Self {
        Self { path, seen: None, last: None }
    }

    fn whole(&self) -> Option<Instant> {
        self.last.as_ref().map(|(whole, _)| *whole)
    }

    fn refresh(&mut self, now: Instant, read: impl Fn(&Path) -> io::Result<Option<T>>) {
        let stamp = fs::symlink_metadata(&self.path).ok().map(|metadata| Stamp {
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        });
        if stamp.is_none() {
            self.seen = None;
            return;
        }
        if stamp == self.seen {
            if let Some((whole, _)) = &mut self.last {
                *whole = now;
            }
            return;
        }
        // One that is not whole is looked at again, whatever its stamp says.
        if let Ok(Some(value)) = read(&self.path) {
            (self.seen, self.last) = (stamp, Some((now, value)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_last_good_file_counts_and_grows_old() {
        let dir = tempfile::tempdir().unwrap();
        let mut published = Published::new(dir.path(), dir.path());
        let start = Instant::now();
        let at = |secs| start + Duration::from_secs(secs);
        published.refresh(at(0));
        assert!(published.delivery().is_none() && published.age_secs(at(0)).is_none());
        let status = |updated_unix_secs| DeliveryStatus { updated_unix_secs, ..DeliveryStatus::default() };
        let updated = |published: &Published| published.delivery().unwrap().updated_unix_secs;
        status(1).write(dir.path()).unwrap();
        published.refresh(at(1));
        assert_eq!((updated(&published), published.age_secs(at(2))), (1, Some(1)));
        published.refresh(at(100));
        assert_eq!((updated(&published), published.age_secs(at(100))), (1, Some(0)), "it is as it was");
        let path = delivery_status::path(dir.path());
        fs::write(&path, "{\"updated_unix_secs\": 2").unwrap();
        published.refresh(at(110));
        assert_eq!((updated(&published), published.age_secs(at(110))), (1, Some(10)), "half");
        fs::remove_file(&path).unwrap();
        published.refresh(at(120));
        assert_eq!((updated(&published), published.age_secs(at(120))), (1, Some(20)), "gone");
        status(3).write(dir.path()).unwrap();
        published.refresh(at(130));
        assert_eq!((updated(&published), published.age_secs(at(130))), (3, Some(0)));
        // What stands there instead is not followed or waited for.
        fs::remove_file(&path).unwrap();
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::from_bits_truncate(0o644)).unwrap();
        published.refresh(at(140));
        assert_eq!((updated(&published), published.age_secs(at(140))), (3, Some(10)));
    }
}
