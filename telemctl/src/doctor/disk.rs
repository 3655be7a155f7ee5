//! The file systems that the daemons write to: for writing, with room and with inodes.

use super::finding::Finding;
use nix::sys::statvfs::{FsFlags, statvfs};
use std::path::Path;

/// A file system.
#[derive(Clone, Copy, Debug)]
pub(super) struct Disk {
    pub(super) is_read_only: bool,
    pub(super) free_bytes: u64,
    pub(super) all_bytes: u64,
    /// How many more files it takes; none where it has no such limit.
    pub(super) free_files: Option<u64>,
}

impl Disk {
    /// That of a path; none where it cannot be asked.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let stat = statvfs(path).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(stat.fragment_size());
        Some(Self {
            is_read_only: stat.flags().contains(FsFlags::ST_RDONLY),
            free_bytes: bytes(stat.blocks_available()),
            all_bytes: bytes(stat.blocks()),
            free_files: (stat.files() > 0).then(|| stat.files_available()),
        })
    }

    pub(super) fn free_percent(self) -> u64 {
        (u128::from(self.free_bytes) * 100 / u128::from(self.all_bytes.max(1))) as u64
    }

    /// What keeps the daemons from writing at `path`, which is `shown`.
    pub(super) fn judge(self, about: &'static str, shown: &str, path: &Path) -> Option<Finding> {
        let (path, text) = (path.display(), |text: &str| format!("{shown}{text}"));
        if self.is_read_only {
            let remedy = "`dmesg` may say why; mount it for writing";
            return Some(Finding::error(
                about,
                text("its file system is read-only: nothing can be stored"),
                remedy,
            ));
        }
        if self.free_files == Some(0) {
            let remedy = format!(
                "remove files from that file system (`df -i {path}` shows it), or give it more inodes"
            );
            return Some(Finding::error(
                about,
                text("its file system has no inode left: nothing can be stored"),
                remedy,
            ));
        }
        if self.free_bytes == 0 {
            let remedy = format!("make room on that file system (`df {path}` shows it)");
            return Some(Finding::error(
                about,
                text("its file system is full: nothing can be stored"),
                remedy,
            ));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::{Level, assert_finding};
    use super::*;

    #[test]
    fn what_keeps_from_writing() {
        let disk = Disk { is_read_only: false, free_bytes: 1, all_bytes: 2, free_files: None };
        let judged = |disk: Disk| disk.judge("spool", "x: ", Path::new("/s"));
        assert!(judged(disk).is_none() && judged(Disk { free_files: Some(1), ..disk }).is_none());
        for (disk, part) in [
            (Disk { is_read_only: true, ..disk }, "x: its file system is read-only"),
            (Disk { free_files: Some(0), ..disk }, "no inode left: nothing can be stored; remove files"),
            (Disk { free_bytes: 0, ..disk }, "is full: nothing can be stored; make room"),
        ] {
            assert_finding(&judged(disk).unwrap(), Level::Error, part);
        }
    }
}
