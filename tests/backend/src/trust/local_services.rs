//! Services of the same machine, which deliver without a line in the trust file.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use telemetry_files::bounded_file;
use telemetry_trust::Fingerprint;
use telemetry_trust::paths::FINGERPRINT_FILE;

/// Services of a machine; there are three.
const MAX_SERVICES: usize = 32;

/// A fingerprint has 95 characters and a newline.
const MAX_BYTES: u64 = 128;

/// Write permission of anybody but the owner.
const OF_OTHERS: u32 = 0o022;

/// The fingerprints below `STATE_DIR/identity`, of directories and files that belong to root or to one and the same
/// user, not this collector's own, and that nobody else can write.
#[must_use]
pub fn fingerprints(root: &Path, own_uid: u32) -> BTreeSet<Fingerprint> {
    let Ok(entries) = fs::read_dir(root) else { return BTreeSet::new() };
    let is_safe = |metadata: &Metadata| metadata.mode() & OF_OTHERS == 0;
    let Ok(of_root) = fs::symlink_metadata(root) else { return BTreeSet::new() };
    if !of_root.is_dir() || !is_safe(&of_root) {
        return BTreeSet::new();
    }
    let mut found = BTreeSet::new();
    for entry in entries.take(MAX_SERVICES).flatten() {
        let Ok(of_directory) = fs::symlink_metadata(entry.path()) else { continue };
        if !of_directory.is_dir() || !is_safe(&of_directory) {
            continue;
        }
        let Ok(file) = bounded_file::open_regular_nofollow(&entry.path().join(FINGERPRINT_FILE)) else {
            continue;
        };
        let Ok(of_file) = file.metadata() else { continue };
        let owners = [of_root.uid(), of_directory.uid(), of_file.uid()];
        if !is_safe(&of_file) || !are_of_one(owners, own_uid) {
            continue;
        }
        let text = bounded_file::read_all(&file, MAX_BYTES).unwrap_or_default();
        found
            .extend(std::str::from_utf8(&text).ok().and_then(|text| text.trim().parse::<Fingerprint>().ok()));
    }
    found
}

/// Whether these are root and at most one other, who is not us: who may change our files may not thereby make us trust.
fn are_of_one(owners: [u32; 3], own_uid: u32) -> bool {
    let mut others = owners.into_iter().filter(|uid| *uid != 0);
    let Some(first) = others.next() else { return true };
    first != own_uid && others.all(|uid| uid == first)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn owners_are_root_and_one_other_that_is_not_us() {
        for (owners, expected) in [
            ([0, 0, 0], true),
            ([0, 7, 7], true),
            ([7, 7, 7], true),
            ([0, 7, 8], false),
            ([0, 9, 9], false),
            ([9, 9, 9], false),
            ([0, 0, 7], true),
        ] {
            assert_eq!(are_of_one(owners, 9), expected, "{owners:?}");
        }
    }

    #[test]
    fn what_others_can_write_and_links_count_for_nothing() {
        let root = tempfile::tempdir().unwrap();
        let identity = root.path().join("identity");
        let service = identity.join("telempostd");
        fs::create_dir_all(&service).unwrap();
        let file = service.join(FINGERPRINT_FILE);
        let fingerprint = Fingerprint::of_der(b"x");
        fs::write(&file, format!("{fingerprint}\n")).unwrap();
        let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        for path in [root.path(), &identity, &service] {
            mode(path, 0o755);
        }
        mode(&file, 0o644);
        let own = fs::metadata(&file).unwrap().uid();
        let found = || fingerprints(&identity, own + 1);
        assert_eq!(found(), BTreeSet::from([fingerprint]));
        for path in [&identity, &service, &file] {
            let before = fs::metadata(path).unwrap().permissions();
            mode(path, 0o777);
            assert!(found().is_empty(), "{}", path.display());
            fs::set_permissions(path, before).unwrap();
        }
        let real = root.path().join("real");
        fs::rename(&file, &real).unwrap();
        std::os::unix::fs::symlink(&real, &file).unwrap();
        assert!(found().is_empty());
        fs::remove_file(&file).unwrap();
        fs::write(&file, "half").unwrap();
        assert!(found().is_empty());
    }
}
