//! What the daemons watch, tried as they do it: the system's limits of inotify count by user, and other programs of that
//! user can use them up.

use super::finding::Finding;
use super::ownership::DaemonUser;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::unistd::{Uid, seteuid};
use std::io;
use std::path::Path;
use telemetry_runtime::inotify_limits;

const ABOUT: &str = "inotify";

/// A finding if a daemon could not watch this directory. None too for who may not try it as the daemons' user.
pub(super) fn check(key: &str, directory: &Path, user: &DaemonUser) -> Option<Finding> {
    let error = as_user(user.uid, || watch(directory))?.err()?;
    if error.kind() == io::ErrorKind::NotFound {
        return None; // Reported where what is missing is.
    }
    Some(judge(&format!("{key} {}", directory.display()), &error, user))
}

fn judge(shown: &str, error: &io::Error, user: &DaemonUser) -> Finding {
    let text = format!("{shown} cannot be watched by {}: {error}: the daemons do not start", user.name);
    let remedy = inotify_limits::remedy(error)
        .unwrap_or("the daemons' user must be able to read it and to enter what is above it (`chmod a+rx`)");
    Finding::error(ABOUT, text, remedy)
}

fn watch(directory: &Path) -> io::Result<()> {
    let inotify = Inotify::init(InitFlags::IN_CLOEXEC)?;
    inotify.add_watch(directory, AddWatchFlags::IN_DELETE_SELF)?;
    Ok(())
}

/// Does something as this user, if this process is it, or can become it for a while.
fn as_user<T>(uid: u32, action: impl FnOnce() -> T) -> Option<T> {
    let own = Uid::effective();
    if own.as_raw() == uid {
        return Some(action());
    }
    if !own.is_root() || seteuid(Uid::from_raw(uid)).is_err() {
        return None;
    }
    let result = action();
    // What follows would be seen with another user's eyes otherwise.
    seteuid(own).ok().map(|()| result)
}

#[cfg(test)]
mod tests {
    use super::super::finding::{Level, assert_finding};
    use super::*;

    #[test]
    fn limits_have_their_own_remedies() {
        let user = DaemonUser { uid: 7, name: "telemetry".to_owned() };
        for (errno, part) in [
            (
                nix::libc::EMFILE,
                "cannot be watched by telemetry: Too many open files (os error 24): the daemons do not start; raise fs.inotify.max_user_instances",
            ),
            (nix::libc::ENOSPC, "raise fs.inotify.max_user_watches"),
            (nix::libc::EACCES, "`chmod a+rx`"),
        ] {
            let error = io::Error::from_raw_os_error(errno);
            assert_finding(&judge("etc_dir /e", &error, &user), Level::Error, part);
        }
    }

    #[test]
    fn what_can_be_watched_is_no_finding() {
        let dir = tempfile::tempdir().unwrap();
        let user = DaemonUser { uid: Uid::effective().as_raw(), name: "me".to_owned() };
        assert_eq!(check("etc_dir", dir.path(), &user), None);
        assert_eq!(check("etc_dir", &dir.path().join("none"), &user), None);
        std::fs::write(dir.path().join("file"), "").unwrap();
        let finding = check("etc_dir", &dir.path().join("file/below"), &user).unwrap();
        assert_finding(&finding, Level::Error, "Not a directory");
    }
}
