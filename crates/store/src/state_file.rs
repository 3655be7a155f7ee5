//! The small JSON files of `state_dir`: read with a bound, and replaced as a whole. They are not synced, but for those that
//! hold what a probe has found.

use serde::{Serialize, de::DeserializeOwned};
use std::io;
use std::path::Path;
use telemetry_files::{Attributes, Durability, bounded_file, replace_path};

/// Longest file that is read: every counter with as many reasons as there may be is the longest.
pub(crate) const FILE_BYTES: u64 = 256 * 1024;

/// Reads a file; none if it is not there.
///
/// # Errors
/// As the system says; `InvalidData` if it holds something else.
pub fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    read_bounded(path, FILE_BYTES)
}

/// Reads a file of up to `limit_bytes`; none if it is not there.
///
/// # Errors
/// As [`read`].
pub fn read_bounded<T: DeserializeOwned>(path: &Path, limit_bytes: u64) -> io::Result<Option<T>> {
    let file = match bounded_file::open_regular_nofollow(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let text = bounded_file::read_all(&file, limit_bytes)?;
    // Half a file is noise too, which serde_json calls an end of file.
    let value = serde_json::from_slice(&text);
    value.map(Some).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Writes a file that everybody may read, atomically: what is written anew each second, or can be made again.
///
/// # Errors
/// As [`replace_path`].
pub fn write<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    write_text(path, &text_of(value)?, 0o644, Durability::Atomic)
}

/// Writes a file that the daemons' user and root alone may read, and that is on disk when this returns.
///
/// # Errors
/// As [`replace_path`].
pub fn write_private<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    write_text(path, &text_of(value)?, 0o600, Durability::Synced)
}

/// The text that stands for a value.
pub(crate) fn text_of<T: Serialize>(value: &T) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    Ok(text)
}

/// Writes a state file of these permissions. It belongs to the daemons' user, also where root writes it.
pub(crate) fn write_text(path: &Path, text: &[u8], mode: u32, durability: Durability) -> io::Result<()> {
    replace_path(path, text, Attributes::of_directory(mode), durability).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn each_kind_has_its_permissions() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.json");
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        write(&path, &[1]).unwrap();
        assert_eq!(mode(), 0o644);
        write_private(&path, &[2]).unwrap();
        assert_eq!(mode(), 0o600);
        assert_eq!(read::<Vec<u32>>(&path).unwrap(), Some(vec![2]));
    }

    #[test]
    fn what_is_written_is_read_and_noise_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.json");
        assert_eq!(read::<Vec<u32>>(&path).unwrap(), None);
        write(&path, &[1, 2]).unwrap();
        assert_eq!(read::<Vec<u32>>(&path).unwrap(), Some(vec![1, 2]));
        for noise in ["noise", "[1,", "", "{}"] {
            fs::write(&path, noise).unwrap();
            assert_eq!(read::<Vec<u32>>(&path).unwrap_err().kind(), io::ErrorKind::InvalidData, "{noise}");
        }
        fs::write(&path, vec![b' '; FILE_BYTES as usize + 1]).unwrap();
        assert_eq!(read::<Vec<u32>>(&path).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}
