//! What a wrong line in the configuration of a private instance must not cost: `spool_dir=/home/me` is one
//! slip away, and everything below it belongs to the right user.

use crate::installation::Installation;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Directories nearer to the root than this are a system's: `/`, `/var`, `/home/me`.
const FEWEST_COMPONENTS: usize = 3;

/// What is not to be lost.
#[derive(Debug)]
pub(super) struct Guard {
    /// Directories that must stay, and so all above them.
    kept: Vec<(&'static str, PathBuf)>,
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
        Self { kept }
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
        None
    }
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
        for directory in ["etc", "spool/.rejected", "log/records"] {
            fs::create_dir_all(base.join(directory)).unwrap();
        }
        std::os::unix::fs::symlink(&base, base.join("spool/link")).unwrap();
        std::os::unix::fs::symlink(base.join("etc"), base.join("etc-by-link")).unwrap();
        let guard = Guard { kept: vec![("etc_dir", base.join("etc"))] };
        let objection = |path: &str| guard.objection("spool_dir", &base.join(path)).unwrap_or_default();
        for (path, reason) in [
            ("/", "spool_dir is too near to the root"),
            ("/var", "spool_dir is too near to the root"),
            ("/home/me", "spool_dir is too near to the root"),
            ("", "spool_dir holds etc_dir"),
            ("etc", "spool_dir holds etc_dir"),
            ("etc-by-link", "spool_dir holds etc_dir"),
            ("spool/..", "spool_dir holds etc_dir"),
        ] {
            let found = objection(path);
            assert!(found.starts_with(reason), "{path}: {found}");
        }
        for path in ["spool", "log", "not-there-yet"] {
            assert_eq!(objection(path), "", "{path}");
        }
    }
}
