//! The small JSON files of `state_dir`: read with a bound, written whole and by rename, so that a reader
//! sees the old one or the new one. They are not synced, but for those that hold what a probe has found.

use serde::{Serialize, de::DeserializeOwned};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::Path;
use telemetry_files::bounded_file;

/// Longest file that is read: every counter with as many reasons as there may be is the longest.
pub(crate) const FILE_BYTES: u64 = 256 * 1024;

/// Reads a file; none if it is not there.
///
/// # Errors
/// As the system says; `InvalidData` if it holds something else.
pub fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    read_bounded(path, FILE_BYTES)
}

/// Reads a file of at most so many bytes; none if it is not there.
///
/// # Errors
/// As [`read`].
pub fn read_bounded<T: DeserializeOwned>(path: &Path, limit_bytes: u64) -> io::Result<Option<T>> {
    let file = match bounded_file::open_regular(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let text = bounded_file::read_all(&file, limit_bytes)?;
    // Half a file is noise too, which serde_json calls an end of file.
    let value = serde_json::from_slice(&text);
    value.map(Some).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Writes a file that everybody may read.
///
/// # Errors
/// As the system says; the old one stays.
pub fn write<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    write_text(path, &text_of(value)?, 0o644)
}

/// Writes a file that the daemons' user and root alone may read, and that is on disk when this returns.
///
/// # Errors
/// As [`write()`].
pub fn write_private<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    write_text(path, &text_of(value)?, 0o600)?;
    File::open(path)?.sync_all()?;
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

/// The text that stands for a value.
pub(crate) fn text_of<T: Serialize>(value: &T) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    Ok(text)
}

/// Writes a file of these permissions, whatever the umask, which is strict for the daemons' other files.
pub(crate) fn write_text(path: &Path, text: &[u8], mode: u32) -> io::Result<()> {
    let new = path.with_extension("new");
    // What a process left that was killed. A link that somebody put there is not followed.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(&new)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    give_to_owner_of_directory(&file, path)?;
    file.write_all(text)?;
    fs::rename(new, path)
}

/// What root makes in the daemons' directory is the daemons', as what they make themselves.
pub(crate) fn give_to_owner_of_directory(file: &File, path: &Path) -> io::Result<()> {
    let (Some(directory), made) = (path.parent(), file.metadata()?) else { return Ok(()) };
    let directory = fs::metadata(directory)?;
    if made.uid() == 0 && directory.uid() != 0 {
        fchown(file, Some(directory.uid()), Some(directory.gid()))?;
    }
    Ok(())
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
        for noise in ["noise", "[1,", "", "{}"] {
            fs::write(&path, noise).unwrap();
            assert_eq!(read::<Vec<u32>>(&path).unwrap_err().kind(), io::ErrorKind::InvalidData, "{noise}");
        }
        fs::write(&path, vec![b' '; FILE_BYTES as usize + 1]).unwrap();
        assert_eq!(read::<Vec<u32>>(&path).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn a_link_in_the_way_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (path, target) = (dir.path().join("state.json"), dir.path().join("target"));
        fs::write(&target, "somebody's").unwrap();
        std::os::unix::fs::symlink(&target, path.with_extension("new")).unwrap();
        write(&path, &[1]).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "somebody's");
        assert_eq!(read::<Vec<u32>>(&path).unwrap(), Some(vec![1]));
    }

    #[test]
    fn the_file_belongs_to_whom_the_directory_belongs() {
        let dir = tempfile::tempdir().unwrap();
        let owner = if nix::unistd::geteuid().is_root() { 4321 } else { nix::unistd::geteuid().as_raw() };
        std::os::unix::fs::chown(dir.path(), Some(owner), None).unwrap();
        let path = dir.path().join("state.json");
        write_text(&path, b"{}", 0o600).unwrap();
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!((metadata.uid(), metadata.mode() & 0o777), (owner, 0o600));
    }
}
