//! Wakes a daemon at once when consent is withdrawn, so that it stops without waiting for the next record.
//! Whether consent is given is always read from the file itself ([`telemetry_config::consent`]).

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use telemetry_config::consent::ConsentError;

/// Logs that a daemon ends for want of consent. What cannot be seen may come back, so that nobody takes it for a decision.
pub fn log_end(reason: &ConsentError) {
    match reason {
        ConsentError::Missing(_) => {
            log::info!("telemetry is no longer opted in; nothing more is collected or sent")
        }
        ConsentError::Unreadable { .. } => log::error!("{reason}; until then nothing is collected or sent"),
    }
}

/// Readable when something in `etc_dir` changed.
#[derive(Debug)]
pub struct ConsentWatch(Inotify);

impl ConsentWatch {
    /// Watches `etc_dir`, which has to exist.
    ///
    /// # Errors
    /// As `inotify_add_watch`.
    pub fn new(etc_dir: &Path) -> io::Result<Self> {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
        let changes = AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_DELETE_SELF
            | AddWatchFlags::IN_MOVE_SELF;
        inotify.add_watch(etc_dir, changes)?;
        Ok(Self(inotify))
    }

    /// Discards the events that woke the loop.
    pub fn drain(&self) {
        while self.0.read_events().is_ok_and(|events| !events.is_empty()) {}
    }
}

impl AsFd for ConsentWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
