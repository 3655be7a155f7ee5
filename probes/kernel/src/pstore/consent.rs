//! Nothing is collected from before consent.

use super::name::Name;
use std::path::Path;
use std::time::UNIX_EPOCH;
use telemetry_config::consent::{self, ConsentError, opt_in_path};

/// When consent was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Consent {
    since_secs: u64,
}

/// Times before this are of a machine whose clock was not set, in Unix seconds: 2001.
const PLAUSIBLE_SECS: u64 = 1_000_000_000;

impl Consent {
    /// As the file says.
    ///
    /// # Errors
    /// There is none, or it cannot be seen.
    pub(super) fn read(etc_dir: &Path) -> Result<Self, ConsentError> {
        consent::check(etc_dir)?;
        let path = opt_in_path(etc_dir);
        let modified = std::fs::metadata(&path).and_then(|metadata| metadata.modified());
        let since = modified.map_err(|source| ConsentError::Unreadable { path, source })?;
        Ok(Self { since_secs: since.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs()) })
    }

    /// Whether what happened at this time may be collected.
    pub(super) fn covers(self, time_secs: u64) -> bool {
        time_secs >= self.since_secs || time_secs < PLAUSIBLE_SECS
    }
}

/// When a dump was written, as far as name and time of modification say.
pub(super) fn dump_secs(name: &Name, modified_secs: u64) -> u64 {
    name.efi_id().map_or(modified_secs, |id| id.time_secs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{File, FileTimes};
    use std::time::Duration;

    #[test]
    fn consent_covers_what_came_after_it() {
        let etc = tempfile::tempdir().unwrap();
        assert!(matches!(Consent::read(etc.path()), Err(ConsentError::Missing(_))));
        let file = File::create(opt_in_path(etc.path())).unwrap();
        let given = UNIX_EPOCH + Duration::from_secs(1_522_672_881);
        file.set_times(FileTimes::new().set_modified(given)).unwrap();
        let consent = Consent::read(etc.path()).unwrap();
        for (secs, covered) in
            [(1_522_672_880, false), (1_522_672_881, true), (u64::MAX, true), (86_400, true)]
        {
            assert_eq!(consent.covers(secs), covered, "{secs}");
        }
    }

    #[test]
    fn the_number_of_an_efi_record_knows_better_than_the_file() {
        assert_eq!(dump_secs(&Name::parse("dmesg-efi-152267288101001").unwrap(), 7), 1_522_672_881);
        assert_eq!(dump_secs(&Name::parse("dmesg-ramoops-0").unwrap(), 7), 7);
    }
}
