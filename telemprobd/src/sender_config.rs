//! The configuration file that a sender names (`CFG:`). Any local user may name one, so that it counts
//! only if it is root's or the sender's own and nobody else could have written it.

use nix::errno::Errno;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use telemetry::{bounded_file, config, errno_of};

/// Checks the file for a sender of this user id. It is opened once and judged by what was opened.
///
/// # Errors
/// The error number of the answer: `EPERM` for a file that does not belong to the right user or that
/// others may write, `EINVAL` for one that is wrong, else what the system said.
pub(crate) fn check(path: &Path, sender_uid: u32) -> Result<(), Errno> {
    let file = bounded_file::open_regular(path).map_err(|error| errno_of(&error))?;
    let metadata = file.metadata().map_err(|error| errno_of(&error))?;
    if !is_trusted(&metadata, sender_uid) {
        return Err(Errno::EPERM);
    }
    config::server_of(path, &file).map(drop).map_err(|error| error.errno())
}

fn is_trusted(metadata: &Metadata, sender_uid: u32) -> bool {
    let owner_is_right = metadata.uid() == 0 || metadata.uid() == sender_uid;
    let others_may_write = metadata.mode() & 0o022 != 0;
    owner_is_right && !others_may_write
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn only_files_of_root_or_the_sender_that_nobody_else_writes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.conf");
        fs::write(&path, "[settings]\nserver=http://h/\n").unwrap();
        let owner = fs::metadata(&path).unwrap().uid();
        let mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        mode(0o644);
        assert_eq!(check(&path, owner), Ok(()));
        let stranger = if owner == 0 { Ok(()) } else { Err(Errno::EPERM) };
        assert_eq!(check(&path, owner + 1), stranger);
        for writable in [0o664, 0o646] {
            mode(writable);
            assert_eq!(check(&path, owner), Err(Errno::EPERM));
        }
        mode(0o644);
        fs::write(&path, "[settings]\nserver=gopher://h/\n").unwrap();
        assert_eq!(check(&path, owner), Err(Errno::EINVAL));
        assert_eq!(check(&dir.path().join("none"), owner), Err(Errno::ENOENT));
        assert_eq!(check(dir.path(), owner), Err(Errno::EINVAL));
    }
}
