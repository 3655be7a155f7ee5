//! The directories that the daemons work in: made for the system at opt-in, removed at opt-out.
//!
//! Removing is the one thing here that could do harm, with a configuration that names a wrong directory
//! or in a directory where somebody else is at work. So: only directories of the right owner, never
//! through a symbolic link, never into another file system, in a private instance none that must stay ([`guard`]), and
//! there only what telemetry made ([`own`]).

mod guard;
mod make;
mod own;
mod remove;

pub(crate) use make::make;

use crate::installation::Installation;
use guard::Guard;
use nix::unistd::{Gid, Group, Uid, User};
use own::Purpose;
use remove::Owners;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use telemetry_files::{open_directory, replace};
use telemetry_store::forget::FORGET_DIR;
use telempull_answers::settings::PULL_WINDOW_FILE;

/// The user and group that the system's daemons run as.
pub(crate) const DAEMON_USER: &str = "telemetry";

/// The user and group that checks run as.
const CHECK_USER: &str = "telemetry-check";

/// What became of a directory at opt-out.
#[derive(Debug)]
pub(crate) enum Removal {
    /// It is gone, with all that was in it.
    Removed(PathBuf),
    /// It stays, by rule.
    Left {
        /// The directory.
        path: PathBuf,
        /// Which rule.
        reason: String,
    },
    /// It stays, and with it the directory that it lies in: telemetry did not make it.
    Foreign(PathBuf),
    /// It, or a part of it, stays, since the system refused.
    Failed {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
}

/// What of `state_dir` a request to forget needs.
pub(crate) const OF_REQUEST: [&str; 2] = [FORGET_DIR, "identity"];

/// Removes the work directories, but what has these names in `state_dir`. Those that are not there are not spoken of.
pub(crate) fn remove(installation: &Installation, kept: &[&str]) -> Vec<Removal> {
    let owners = owners(installation.is_private);
    let guard = installation.is_private.then(|| Guard::of(installation));
    let mut removals: Vec<_> = remove_window(&installation.settings.run_dir).into_iter().collect();
    let mut directories = installation.work_directories();
    // One may lie in another, which is empty only then.
    directories.sort_by_key(|(_, path)| std::cmp::Reverse(path.components().count()));
    for (key, path) in directories {
        if let Some(reason) = guard.as_ref().and_then(|guard| guard.objection(key, path)) {
            if path.exists() {
                removals.push(Removal::Left { path: path.clone(), reason });
            }
            continue;
        }
        let purposes = match installation.is_private {
            false => vec![Purpose::System],
            // Several keys may name one directory.
            true => {
                let same = directories.iter().filter(|(_, other)| *other == path);
                same.map(|(key, _)| Purpose::from_key(key)).collect()
            }
        };
        let kept = if *path == installation.settings.state_dir { kept } else { &[] };
        remove::directory(path, &owners, &purposes, kept, &mut removals);
    }
    removals
}

/// The readings of the last hour, which outlive a restart. The directory itself is systemd's, or a private instance's own.
fn remove_window(run_dir: &Path) -> Option<Removal> {
    let removed = open_directory(run_dir).and_then(|directory| replace::remove(directory, PULL_WINDOW_FILE));
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Some(Removal::Failed { path: run_dir.join(PULL_WINDOW_FILE), error })
        }
        _ => None,
    }
}

/// `telemetry:telemetry`, if there are such a user and group.
pub(crate) fn daemon_ids() -> Option<(Uid, Gid)> {
    ids(DAEMON_USER)
}

/// `telemetry-check:telemetry-check`, likewise.
pub(crate) fn check_ids() -> Option<(Uid, Gid)> {
    ids(CHECK_USER)
}

fn ids(name: &str) -> Option<(Uid, Gid)> {
    let user = User::from_name(name).ok().flatten()?;
    let group = Group::from_name(name).ok().flatten()?;
    Some((user.uid, group.gid))
}

/// Whose directories may be removed: those of the system's daemons; of a private instance, one's own.
fn owners(is_private: bool) -> Owners {
    let user = Uid::effective();
    let daemons = if !is_private || user.is_root() { daemon_ids() } else { None };
    let checks = if is_private { None } else { check_ids() };
    Owners { daemons, checks, own: is_private.then_some(user) }
}
