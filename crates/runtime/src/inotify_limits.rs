//! The system's limits of inotify, which other programs can use up.

use std::io;

/// What to do about a watch that could not be made (inotify_init(2), inotify_add_watch(2)); none if no limit is to blame.
pub fn remedy(error: &io::Error) -> Option<&'static str> {
    match error.raw_os_error() {
        Some(libc::EMFILE) => {
            Some("raise fs.inotify.max_user_instances (sysctl), or the limit of open files")
        }
        Some(libc::ENOSPC) => Some("raise fs.inotify.max_user_watches (sysctl)"),
        _ => None,
    }
}
