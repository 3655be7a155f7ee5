//! What a wrong line in the configuration of a private instance must not cost: `spool_dir=/home/me` is one
//! slip away, and everything below it belongs to the right user.

use super::OWN_SUBDIRECTORIES;
use crate::installation::Installation;
use std::ffi::OsStr;
use std::fs;
use std::path::{Component, Path, PathBuf};
use telemetry_store::spool::name::is_hidden;

/// Directories nearer to the root than this are a system's: `/`, `/var`, `/home/me`.
const FEWEST_COMPONENTS: usize = 3;

/// What is not to be lost.
#[derive(Debug)]
pub(super) struct Guard {
    /// Directories that must stay, and so all above them.
    kept: Vec<(&'static str, PathBuf)>,
    /// All work directories: one may lie in another.
    work_directories: Vec<PathBuf>,
}

impl Guard {
    /// The guard of an installation, for this user and working directory.
    pub(super) fn of(installation: &Installation) -> Self {
        let mut kept = vec![("etc_dir", resolved(&installation.settings.etc_dir))];
        if let telemetry_config::Source::File(path) = &installation.source {
            kept.push(("the configuration file", resolved(path)));
        }
        if let Some(home) = std::env::home_dir().filter(|home| home.is_absolute()) {
            kept.push(("the home directory", resolved(&home)));
        }
        if let Ok(directory) = std::env::current_dir() {
            kept.push(("the working directory", directory));
        }
        let work_directories = installation.work_directories().map(|(_, path)| resolved(path)).to_vec();
        Self { kept, work_directories }
    }

    /// Why this directory must not be removed; none if it may be.
    pub(super) fn objection(&self, key: &str, path: &Path) -> Option<String> {
        let path = resolved(path);
        if path.components().filter(|part| matches!(part, Component::Normal(_))).count() < FEWEST_COMPONENTS {
            return Some(format!("{key} is too near to the root to be telemetry's alone"));
        }
        if let Some((what, _)) = self.kept.iter().find(|(_, kept)| kept.starts_with(&path)) {
            return Some(format!("{key} holds {what}"));
        }
        let foreign = self.foreign_directory(&path)?;
        Some(format!("{key} holds the directory {}, which is not telemetry's", foreign.display()))
    }

    /// A directory in a work directory that telemetry would not have made there. Its own state in the
    /// spool begins with a dot, `.rejected` for one; the well-known ones of people do too, but stand
    /// among others without.
    fn foreign_directory(&self, path: &Path) -> Option<PathBuf> {
        fs::read_dir(path)
            .ok()?
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.path())
            .find(|path| !is_own(path.file_name().unwrap_or_default()) && !self.leads_to_work(path))
    }

    fn leads_to_work(&self, path: &Path) -> bool {
        self.work_directories.iter().any(|directory| directory.starts_with(path))
    }
}

fn is_own(name: &OsStr) -> bool {
    let is_spools = is_hidden(name) && name != ".git" && name != ".config";
    is_spools || OWN_SUBDIRECTORIES.iter().any(|own| name == *own)
}

/// The path without links and `..`, as far as it exists.
fn resolved(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_telemetrys_alone_stays() {
        let root = tempfile::tempdir().unwrap();
        let base = fs::canonicalize(root.path()).unwrap().join("instance");
        for directory in
            ["etc", "spool/.rejected", "log/records", "project/src", "repository/.git", "work/log"]
        {
            fs::create_dir_all(base.join(directory)).unwrap();
        }
        std::os::unix::fs::symlink(&base, base.join("spool/link")).unwrap();
        std::os::unix::fs::symlink(base.join("etc"), base.join("etc-by-link")).unwrap();
        let guard = Guard {
            kept: vec![("etc_dir", base.join("etc"))],
            work_directories: vec![base.join("work/log"), base.join("work")],
        };
        let objection = |path: &str| guard.objection("spool_dir", &base.join(path)).unwrap_or_default();
        for (path, reason) in [
            ("/", "spool_dir is too near to the root"),
            ("/var", "spool_dir is too near to the root"),
            ("/home/me", "spool_dir is too near to the root"),
            ("", "spool_dir holds etc_dir"),
            ("etc", "spool_dir holds etc_dir"),
            ("etc-by-link", "spool_dir holds etc_dir"),
            ("spool/..", "spool_dir holds etc_dir"),
            ("project", "spool_dir holds the directory "),
            ("repository", "spool_dir holds the directory "),
        ] {
            let found = objection(path);
            assert!(found.starts_with(reason), "{path}: {found}");
        }
        for path in ["spool", "log", "work", "not-there-yet"] {
            assert_eq!(objection(path), "", "{path}");
        }
    }
}
