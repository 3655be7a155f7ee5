//! The directories that the daemons work in: made for the system at opt-in, removed at opt-out.
//!
//! Removing is the one thing here that could do harm, with a configuration that names a wrong directory
//! or in a directory where somebody else is at work. So: only directories of the right owner, never
//! through a symbolic link, never into another file system, and in a private instance none that holds
//! more than telemetry's own ([`guard`]).

mod guard;
mod make;
mod remove;

pub(crate) use make::make;

use crate::installation::Installation;
use guard::Guard;
use nix::unistd::{Gid, Group, Uid, User};
use remove::Owners;
use std::path::PathBuf;

/// The user and group that the system's daemons run as.
pub(crate) const DAEMON_USER: &str = "telemetry";

/// Directories that telemetry makes in its work directories.
const OWN_SUBDIRECTORIES: [&str; 2] = ["records", "pstore"];

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
    /// It, or a part of it, stays, since the system refused.
    Failed {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
}

/// Removes the work directories. Those that are not there are not spoken of.
pub(crate) fn remove(installation: &Installation) -> Vec<Removal> {
    let owners = owners(installation.is_private);
    let guard = installation.is_private.then(|| Guard::of(installation));
    let mut removals = Vec::new();
    for (key, path) in installation.work_directories() {
        if let Some(reason) = guard.as_ref().and_then(|guard| guard.objection(key, path)) {
            if path.exists() {
                removals.push(Removal::Left { path: path.clone(), reason });
            }
            continue;
        }
        remove::directory(path, &owners, &mut removals);
    }
    removals
}

/// `telemetry:telemetry`, if there are such a user and group.
pub(crate) fn daemon_ids() -> Option<(Uid, Gid)> {
    let user = User::from_name(DAEMON_USER).ok().flatten()?;
    let group = Group::from_name(DAEMON_USER).ok().flatten()?;
    Some((user.uid, group.gid))
}

/// Whose directories may be removed: those of the system's daemons; of a private instance, one's own.
fn owners(is_private: bool) -> Owners {
    let user = Uid::effective();
    let daemons = if !is_private || user.is_root() { daemon_ids() } else { None };
    Owners { daemons, own: is_private.then_some(user) }
}
