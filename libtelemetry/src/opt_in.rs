//! Consent: nothing is collected or sent unless the file `opt-in` stands in `etc_dir`.

use std::path::{Path, PathBuf};

/// The file whose being there is the consent.
pub const OPT_IN_FILE: &str = "opt-in";

/// The file whose first line stands in for the rotating machine id.
pub const STATIC_MACHINE_ID_FILE: &str = "opt-in-static-machine-id";

/// The file with which an administrator lets more of a crash leave the machine: what third-party programs crashed, values of
/// the kernel's registers, journal entries of high priority.
pub const NO_PRIVACY_FILTERS_FILE: &str = "opt-in-no-privacy-filters";

/// Path of the consent file.
pub fn opt_in_path(etc_dir: &Path) -> PathBuf {
    etc_dir.join(OPT_IN_FILE)
}

/// Whether the user of this machine has opted in. What can not be seen counts as no.
pub fn is_opted_in(etc_dir: &Path) -> bool {
    opt_in_path(etc_dir).exists()
}

/// Whether the administrator has switched the privacy filters off. What can not be seen counts as no.
pub fn has_no_privacy_filters(etc_dir: &Path) -> bool {
    etc_dir.join(NO_PRIVACY_FILTERS_FILE).exists()
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
}
