//! The machine id of records: the hash of random bytes, which are kept to prove it, and made anew every three days.

use crate::limits::MACHINE_ID_DAYS;
use crate::preimages::{self, Preimage};
use crate::steady_clock::SteadyNow;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use telemetry_files::{Attributes, Durability, bounded_file, replace_path};
use telemetry_record::hex_id::{HEX_DIGITS, HexId};

const MAX_AGE: Duration = Duration::from_secs(MACHINE_ID_DAYS * 24 * 60 * 60);

/// The id to put into records now, unless the administrator fixed one; makes or renews `state_dir/machine_id`
/// where that is due. `now` is steady time, of which the file's time stamp is.
///
/// # Errors
/// The file, or what proves the id, cannot be read or written.
pub fn current(state_dir: &Path, now: SteadyNow<'_>, keep: Duration) -> io::Result<String> {
    let path = path(state_dir);
    match kept(&path, now) {
        Some(id) => {
            // It can be proven for as long as it was in use when that was last noted, and some hours matter little.
            let _ = preimages::note_use(state_dir, id, now.secs());
            Ok(id.to_string())
        }
        None => renew(state_dir, &path, now, keep),
    }
}

/// Where the id of a `state_dir` is.
pub fn path(state_dir: &Path) -> PathBuf {
    state_dir.join("machine_id")
}

/// The id in the file, while it is well formed and young enough.
fn kept(path: &Path, now: SteadyNow<'_>) -> Option<HexId> {
    let file = bounded_file::open_regular_nofollow(path).ok()?;
    if is_due(file.metadata().and_then(|metadata| metadata.modified()).ok()?, now) {
        return None;
    }
    let bytes = bounded_file::read_all(&file, HEX_DIGITS as u64 + 1).ok()?;
    std::str::from_utf8(&bytes).ok()?.trim_end().parse().ok()
}

/// Whether an id written at `modified` is to be replaced. Of a time ahead nobody knows how long it is
/// ago: such an id might never be replaced.
fn is_due(modified: SystemTime, now: SteadyNow<'_>) -> bool {
    now.age(modified).is_none_or(|age| age > MAX_AGE)
}

fn renew(state_dir: &Path, path: &Path, now: SteadyNow<'_>, keep: Duration) -> io::Result<String> {
    let preimage = Preimage::random()?;
    // On disk before the id is used: without it nobody could have the records of that id deleted.
    preimages::add(state_dir, preimage, now.secs(), keep)?;
    let id = preimage.id().to_string();
    let attributes = Attributes::of_directory(0o644).with_modified(now.stamp());
    replace_path(path, id.as_bytes(), attributes, Durability::Synced)?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    #[test]
    fn an_id_is_kept_for_three_days() {
        let dir = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        let current = |dir: &Path, now: SystemTime| current(dir, now.into(), DAY);
        let first = current(dir.path(), now).unwrap();
        assert_eq!(fs::read_to_string(dir.path().join("machine_id")).unwrap(), first);
        assert!(first.parse::<HexId>().is_ok());
        assert_eq!(current(dir.path(), now + DAY).unwrap(), first);
        let second = current(dir.path(), now + 4 * DAY).unwrap();
        assert_ne!(second, first);
        let ids: Vec<_> =
            preimages::read(dir.path()).unwrap().iter().map(|kept| kept.id.to_string()).collect();
        assert_eq!(ids, [first, second], "each can be proven");
    }

    #[test]
    fn an_id_from_the_future_or_a_broken_one_is_replaced() {
        let now = SystemTime::now();
        let is_due = |modified: SystemTime, now: SystemTime| is_due(modified, now.into());
        assert!(is_due(now + DAY, now));
        assert!(!is_due(now - 3 * DAY, now));
        assert!(is_due(now - 3 * DAY - Duration::from_secs(1), now));
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("machine_id"), "short").unwrap();
        assert!(current(dir.path(), now.into(), DAY).unwrap().parse::<HexId>().is_ok());
    }
}
