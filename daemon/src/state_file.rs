//! The small JSON files of `state_dir`: read with a bound, written whole and by rename, so that a reader
//! sees the old one or the new one. They are not synced: none of them holds a record.

use serde::{Serialize, de::DeserializeOwned};
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use telemetry::bounded_file;

/// Longest file that is read: every counter with as many reasons as there may be is the longest.
const FILE_BYTES: u64 = 256 * 1024;

/// Reads a file; none if it is not there.
///
/// # Errors
/// As the system says; `InvalidData` if it holds something else.
pub fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    let file = match bounded_file::open_regular(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    Ok(Some(serde_json::from_slice(&bounded_file::read_all(&file, FILE_BYTES)?)?))
}

/// Writes a file that everybody may read.
///
/// # Errors
/// As the system says; the old one stays.
pub fn write<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&new)?;
    // Whatever the umask, which is strict for the daemons' other files.
    file.set_permissions(Permissions::from_mode(0o644))?;
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    file.write_all(&text)?;
    fs::rename(new, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_noise_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.json");
        assert_eq!(read::<Vec<u32>>(&path).unwrap(), None);
        write(&path, &[1, 2]).unwrap();
        assert_eq!(read::<Vec<u32>>(&path).unwrap(), Some(vec![1, 2]));
        fs::write(&path, "noise").unwrap();
        assert_eq!(read::<Vec<u32>>(&path).unwrap_err().kind(), io::ErrorKind::InvalidData);
        fs::write(&path, vec![b' '; FILE_BYTES as usize + 1]).unwrap();
        assert_eq!(read::<Vec<u32>>(&path).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}
