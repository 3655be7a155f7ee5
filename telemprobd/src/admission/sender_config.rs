//! The configuration file that a sender names (`CFG:`). Any local user may name one, so that it counts
//! only if it belongs to root or the sender and nobody else could have written it.

use crate::limits::TRUSTED_CONFIGS;
use nix::errno::Errno;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use telemetry_config::ConfigError;
use telemetry_files::{bounded_file, errno_of};

/// The files that were found good, so that a program that sends often costs one `stat` a record.
#[derive(Debug, Default)]
pub(crate) struct SenderConfigs {
    /// Oldest first.
    trusted: Vec<(PathBuf, Stamp)>,
}

/// What identifies a file as the one that was read: its owner cannot set its change time back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    changed: (i64, i64),
    owner: u32,
    mode: u32,
}

impl SenderConfigs {
    /// Checks the file for a sender of this user id. It is opened once and judged by what was opened.
    ///
    /// # Errors
    /// The error number of the answer: `EPERM` for a file that does not belong to the right user or that
    /// others may write, `EINVAL` for one that is wrong, else what the system said.
    pub(crate) fn check(&mut self, path: &Path, sender_uid: u32) -> Result<(), Errno> {
        let errno = |error| errno_of(&error);
        let metadata = std::fs::metadata(path).map_err(errno)?;
        if is_trusted(&metadata, sender_uid) && self.knows(path, Stamp::from_metadata(&metadata)) {
            return Ok(());
        }
        let file = bounded_file::open_regular(path).map_err(errno)?;
        let metadata = file.metadata().map_err(errno)?;
        if !is_trusted(&metadata, sender_uid) {
            return Err(Errno::EPERM);
        }
        let server = telemetry_config::server_of(path, &file).map_err(|error| match error {
            ConfigError::Read { source, .. } => errno_of(&source),
            _ => Errno::EINVAL,
        })?;
        // telempostd would have nobody to deliver the record to: the sender learns that now.
        if server.url.is_empty() {
            return Err(Errno::EINVAL);
        }
        self.remember(path, Stamp::from_metadata(&metadata));
        Ok(())
    }

    fn knows(&self, path: &Path, stamp: Stamp) -> bool {
        self.trusted.iter().any(|(known, known_stamp)| known == path && *known_stamp == stamp)
    }

    fn remember(&mut self, path: &Path, stamp: Stamp) {
        self.trusted.retain(|(known, _)| known != path);
        if self.trusted.len() >= TRUSTED_CONFIGS {
            self.trusted.remove(0);
        }
        self.trusted.push((path.to_owned(), stamp));
    }
}

impl Stamp {
    fn from_metadata(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            owner: metadata.uid(),
            mode: metadata.mode(),
        }
    }
}

fn is_trusted(metadata: &Metadata, sender_uid: u32) -> bool {
    let owner_is_right = metadata.uid() == 0 || metadata.uid() == sender_uid;
    let others_may_write = metadata.mode() & 0o022 != 0;
    metadata.is_file() && owner_is_right && !others_may_write
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
        let mut configs = SenderConfigs::default();
        let mut check = |path: &Path, uid| {
            let first = configs.check(path, uid);
            assert_eq!(configs.check(path, uid), first, "the second time as the first");
            first
        };
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
        for useless in [
            "server=gopher://h/",
            "server=",
            "server=http://h/\ntidheader=Content-Length: 0",
            "server=http://h/\ntidheader=Telemetry-Set: 1",
        ] {
            fs::write(&path, format!("[settings]\n{useless}\n")).unwrap();
            assert_eq!(check(&path, owner), Err(Errno::EINVAL), "{useless}");
        }
        assert_eq!(check(&dir.path().join("none"), owner), Err(Errno::ENOENT));
        assert!(check(dir.path(), owner).is_err());
    }

    #[test]
    fn the_number_of_remembered_files_is_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let owner = fs::metadata(dir.path()).unwrap().uid();
        let mut configs = SenderConfigs::default();
        for n in 0..2 * TRUSTED_CONFIGS {
            let path = dir.path().join(n.to_string());
            fs::write(&path, "[settings]\nserver=http://h/\n").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            assert_eq!(configs.check(&path, owner), Ok(()));
        }
        assert_eq!(configs.trusted.len(), TRUSTED_CONFIGS);
    }
}
