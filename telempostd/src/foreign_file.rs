//! Files that any user of this machine may have put there: the configuration of a record (`CFG:`) and the certificates that
//! it names.
//!
//! One counts only if it is a regular file that belongs to root or to the sender of the record, and that nobody else can
//! write (CONTRACT 3). telemprobd has checked the first, but it may have been replaced since. So each use opens it anew,
//! without waiting for anybody, and judges what was opened.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use telemetry_files::bounded_file;

const ROOT: u32 = 0;

/// Write permission of group and others.
const OTHERS_MAY_WRITE: u32 = 0o022;

/// Opens such a file of a record that this user sent; where nobody knows who did, as with the C daemons' records, only a
/// file of root counts.
///
/// # Errors
/// As `open`; `InvalidInput` for what is no regular file, `PermissionDenied` for one of a wrong owner or that others can
/// write.
pub(crate) fn open(path: &Path, sender: Option<u32>) -> io::Result<(File, Metadata)> {
    let file = bounded_file::open_regular(path)?;
    let metadata = file.metadata()?;
    let owner = metadata.uid();
    if owner != ROOT && Some(owner) != sender {
        let text = match sender {
            Some(sender) => {
                format!("it belongs to user {owner}, neither to root nor to the sender, user {sender}")
            }
            None => format!("it belongs to user {owner}, and without a known sender only root's counts"),
        };
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
    }
    if metadata.mode() & OTHERS_MAY_WRITE != 0 {
        let text = "others than its owner can write it";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
    }
    Ok((file, metadata))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    #[test]
    fn only_regular_files_of_root_or_the_sender_that_nobody_else_writes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.conf");
        fs::write(&path, "x").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let owner = fs::metadata(&path).unwrap().uid();
        let error = |path: &Path, sender| open(path, sender).unwrap_err().to_string();
        assert!(open(&path, Some(owner)).is_ok());
        assert_eq!(open(&path, None).is_ok(), owner == ROOT);
        if owner == ROOT {
            assert!(open(&path, Some(1000)).is_ok());
            chown(&path, Some(1000), None).unwrap();
            assert!(open(&path, Some(1000)).is_ok());
            assert!(error(&path, Some(1001)).contains("belongs to user 1000"));
            assert!(error(&path, None).contains("only root's counts"));
            // A link is not what is judged.
            let link = dir.path().join("link");
            symlink(&path, &link).unwrap();
            assert!(error(&link, Some(0)).contains("belongs to user 1000"));
            chown(&path, Some(owner), None).unwrap();
        }
        for mode in [0o664, 0o646] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert!(error(&path, Some(owner)).contains("others than its owner can write it"));
        }
        let fifo = dir.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        for no_file in [fifo.as_path(), dir.path()] {
            assert!(error(no_file, Some(owner)).contains("not a regular file"));
        }
    }
}
