//! By what a file is known to have changed, without reading it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Device, inode, length, and time of change in seconds and nanoseconds; none of a file that is not there.
pub(crate) type Stamp = Option<(u64, u64, u64, i64, i64)>;

/// As it is now.
pub(crate) fn stamp(path: &Path) -> Stamp {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino(), metadata.len(), metadata.ctime(), metadata.ctime_nsec()))
}
