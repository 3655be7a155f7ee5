//! Sees files leave the spool (delivered, set aside, removed by hand) and others put files into it, so that
//! the quota is right without reading the directory again.
//!
//! Events are taken when a record is to be stored, and not when they come: an idle telemprobd is not woken
//! by each delivery. If there are more than the kernel keeps (16,384 today), the directory is counted once.

use crate::admission::SpoolQuota;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent};
use std::ffi::OsStr;
use std::io;
use telemetry_store::spool::name::{CLOCK_FILE, is_hidden};
use telemetry_store::spool::{SpoolDir, StoredFile};

/// A watch over one spool directory.
#[derive(Debug)]
pub(crate) struct SpoolWatch(Inotify);

impl SpoolWatch {
    /// Begins to watch. What happened before has to be counted after this.
    pub(crate) fn new(spool: &SpoolDir) -> io::Result<Self> {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
        let changes = AddWatchFlags::IN_DELETE | AddWatchFlags::IN_MOVED_FROM | AddWatchFlags::IN_MOVED_TO;
        inotify.add_watch(spool.path(), changes)?;
        Ok(Self(inotify))
    }

    /// Brings the quota up to date. `open` are the files that are there though no name shows it: open segments.
    /// Returns whether the spool's clock may have been written.
    pub(crate) fn apply<'a>(
        &self,
        quota: &mut SpoolQuota,
        spool: &SpoolDir,
        open: impl Fn() -> Vec<&'a StoredFile>,
    ) -> bool {
        let mut is_clock_written = false;
        while let Ok(events) = self.0.read_events() {
            if events.is_empty() {
                break;
            }
            for event in &events {
                if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
                    recount(quota, spool, &open());
                    is_clock_written = true;
                } else if event.name.as_deref() == Some(OsStr::new(CLOCK_FILE)) {
                    is_clock_written = true;
                } else {
                    apply_one(event, quota, spool);
                }
            }
        }
        is_clock_written
    }
}

fn apply_one(event: &InotifyEvent, quota: &mut SpoolQuota, spool: &SpoolDir) {
    let name = event.name.as_deref().unwrap_or(OsStr::new("."));
    if is_hidden(name) {
        return;
    }
    if event.mask.contains(AddWatchFlags::IN_MOVED_TO) {
        // Our own files are known from when they were stored.
        if !quota.knows(name)
            && let Ok(entry) = spool.entry(name)
        {
            quota.added(name, entry.disk_bytes);
        }
    } else {
        quota.removed(name);
    }
}

/// Counts all that is there.
pub(super) fn recount(quota: &mut SpoolQuota, spool: &SpoolDir, open: &[&StoredFile]) {
    match spool.entries() {
        Ok(entries) => {
            quota.recount(&entries);
            open.iter().for_each(|file| quota.added(file.name.as_ref(), file.disk_bytes));
        }
        Err(error) => log::warn!("spool_dir={}: {error}; its size is not known", spool.path().display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::Refusal;
    use std::fs;
    use telemetry_store::shares::Holder;

    #[test]
    fn files_that_leave_and_come_are_counted() {
        let dir = tempfile::tempdir().unwrap();
        let spool = SpoolDir::open(dir.path()).unwrap();
        let watch = SpoolWatch::new(&spool).unwrap();
        let mut quota = SpoolQuota::new(Some(8192), None, std::rc::Rc::default(), &[]);
        let fits = |quota: &SpoolQuota| quota.take(&mut quota.reserve(), Holder::System, 4096, u64::MAX);
        for name in ["a", "b"] {
            fs::write(dir.path().join(".new"), vec![b'x'; 4096]).unwrap();
            fs::File::open(dir.path().join(".new")).unwrap().sync_all().unwrap();
            fs::rename(dir.path().join(".new"), dir.path().join(name)).unwrap();
        }
        watch.apply(&mut quota, &spool, Vec::new);
        assert_eq!(fits(&quota), Err(Refusal::SpoolFull));
        fs::remove_file(dir.path().join("a")).unwrap();
        watch.apply(&mut quota, &spool, Vec::new);
        assert_eq!(fits(&quota), Ok(()));
        fs::create_dir(dir.path().join(".rejected")).unwrap();
        fs::rename(dir.path().join("b"), dir.path().join(".rejected/b")).unwrap();
        watch.apply(&mut quota, &spool, Vec::new);
        assert_eq!(quota.take(&mut quota.reserve(), Holder::System, 8192, u64::MAX), Ok(()));
    }
}
