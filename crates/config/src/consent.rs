//! Consent: nothing is collected or sent unless the file `opt-in` stands in `etc_dir`.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use telemetry_files::bounded_file;

/// The file whose being there is the consent.
pub const OPT_IN_FILE: &str = "opt-in";

/// The file whose first line stands in for the rotating machine id.
pub const STATIC_MACHINE_ID_FILE: &str = "opt-in-static-machine-id";

/// The file with which an administrator lets more of a crash leave the machine: what third-party programs crashed, values of
/// the kernel's registers, journal entries of high priority.
pub const NO_PRIVACY_FILTERS_FILE: &str = "opt-in-no-privacy-filters";

/// Longest part of that file that is read, in bytes: its first line is what counts.
const STATIC_MACHINE_ID_BYTES: u64 = 4096;

/// Longest machine id (contract).
const STATIC_MACHINE_ID_CHARACTERS: usize = 32;

/// Path of the consent file.
pub fn opt_in_path(etc_dir: &Path) -> PathBuf {
    etc_dir.join(OPT_IN_FILE)
}

/// Why nothing may be collected or sent: one line that names the file and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConsentError {
    /// Nobody opted in.
    #[error("telemetry is not opted in ({} is not there); run `telemctl opt-in` first", .0.display())]
    Missing(PathBuf),
    /// It may or may not be there. Until it can be seen, it counts as missing.
    #[error("whether telemetry is opted in cannot be seen: {}: {source}; {}", path.display(), remedy(path, source))]
    Unreadable {
        /// The consent file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn remedy(path: &Path, error: &io::Error) -> String {
    let dir = path.parent().unwrap_or(path).display();
    match error.kind() {
        ErrorKind::PermissionDenied => {
            format!("every user must be able to enter {dir} and the directories above it (`chmod a+x`)")
        }
        ErrorKind::NotADirectory => {
            format!("{dir} must be a directory; correct etc_dir, or what stands there")
        }
        _ => "check the file system that it is on".to_owned(),
    }
}

/// Whether the user of this machine has opted in.
///
/// # Errors
/// Nobody has, or it cannot be seen.
pub fn check(etc_dir: &Path) -> Result<(), ConsentError> {
    let path = opt_in_path(etc_dir);
    match std::fs::metadata(&path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(ConsentError::Missing(path)),
        Err(source) => Err(ConsentError::Unreadable { path, source }),
    }
}

/// Whether the user of this machine has opted in. What cannot be seen counts as no.
pub fn is_opted_in(etc_dir: &Path) -> bool {
    check(etc_dir).is_ok()
}

/// Whether the administrator has switched the privacy filters off. What cannot be seen counts as no.
pub fn has_no_privacy_filters(etc_dir: &Path) -> bool {
    etc_dir.join(NO_PRIVACY_FILTERS_FILE).exists()
}

/// The machine id that the administrator fixed: the first 32 characters of the override's first line, if they say
/// anything. Control characters become spaces.
pub fn static_machine_id(etc_dir: &Path) -> Option<String> {
    let bytes =
        bounded_file::read_head(&etc_dir.join(STATIC_MACHINE_ID_FILE), STATIC_MACHINE_ID_BYTES).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let id: String = text.lines().next()?.chars().take(STATIC_MACHINE_ID_CHARACTERS).collect();
    let id = id.trim().replace(char::is_control, " ");
    (!id.is_empty()).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consent_is_a_file() {
        let etc = tempfile::tempdir().unwrap();
        assert!(!is_opted_in(etc.path()));
        std::fs::write(opt_in_path(etc.path()), "").unwrap();
        assert!(is_opted_in(etc.path()));
        assert!(!is_opted_in(Path::new("/nonexistent")));
    }

    #[test]
    fn what_cannot_be_seen_is_not_called_missing() {
        let etc = tempfile::tempdir().unwrap();
        let file = etc.path().join("file");
        std::fs::write(&file, "").unwrap();
        std::os::unix::fs::symlink("opt-in", opt_in_path(etc.path())).unwrap();
        assert!(matches!(check(Path::new("/nonexistent")), Err(ConsentError::Missing(_))));
        for (dir, part) in [
            (file.as_path(), "Not a directory (os error 20); "),
            (etc.path(), "Too many levels of symbolic links"),
        ] {
            let error = check(dir).unwrap_err();
            assert!(matches!(error, ConsentError::Unreadable { .. }), "{error:?}");
            let text = error.to_string();
            assert!(text.contains(part) && text.contains(opt_in_path(dir).to_str().unwrap()), "{text}");
            assert!(!is_opted_in(dir));
        }
    }

    #[test]
    fn a_fixed_machine_id_is_the_head_of_a_line() {
        let etc = tempfile::tempdir().unwrap();
        assert_eq!(static_machine_id(etc.path()), None);
        let long = "x".repeat(50);
        for (text, expected) in [
            ("my-machine\nmore\n", Some("my-machine")),
            (long.as_str(), Some(&long[..32])),
            (" a\tb \n", Some("a b")),
            ("\n", None),
        ] {
            std::fs::write(etc.path().join(STATIC_MACHINE_ID_FILE), text).unwrap();
            assert_eq!(static_machine_id(etc.path()).as_deref(), expected, "{text:?}");
        }
    }
}
