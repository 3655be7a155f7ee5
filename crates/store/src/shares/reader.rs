//! Keeps the accounts as the system's files have them now.

use super::Accounts;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};
use telemetry_files::bounded_file;

/// How often the files are checked: users get ranges when they are made.
const CHECK_INTERVAL: Duration = Duration::from_secs(10);

/// Bound of each file. One with a line for each of 50,000 users is smaller.
const FILE_BYTES: u64 = 4 * 1024 * 1024;

/// Reads the accounts again when their files have changed.
#[derive(Debug)]
pub struct AccountsReader {
    own_uid: u32,
    /// subuid(5) and passwd(5).
    paths: [PathBuf; 2],
    stamps: [Option<Stamp>; 2],
    next_check: Instant,
    accounts: Rc<Accounts>,
}

/// Which state of a file was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

impl AccountsReader {
    /// Reads the system's files. `own_uid` is the daemons' user.
    pub fn open(own_uid: u32, now: Instant) -> Self {
        Self::of_files(["/etc/subuid".into(), "/etc/passwd".into()], own_uid, now)
    }

    fn of_files(paths: [PathBuf; 2], own_uid: u32, now: Instant) -> Self {
        let accounts = Rc::new(Accounts::new(own_uid));
        let mut reader = Self { own_uid, paths, stamps: [None; 2], next_check: now, accounts };
        reader.refresh_if_due(now);
        reader
    }

    /// The accounts as they were read last.
    pub fn accounts(&self) -> &Rc<Accounts> {
        &self.accounts
    }

    /// Reads the files again if that is due. Returns whether something changed.
    pub fn refresh_if_due(&mut self, now: Instant) -> bool {
        if now < self.next_check {
            return false;
        }
        self.next_check = now + CHECK_INTERVAL;
        let stamps = self.paths.each_ref().map(|path| stamp(path));
        if stamps == self.stamps {
            return false;
        }
        self.stamps = stamps;
        let [subuid, passwd] = self.paths.each_ref().map(|path| text(path));
        let accounts = Accounts::from_text(self.own_uid, &subuid, &passwd);
        let has_changed = *self.accounts != accounts;
        self.accounts = Rc::new(accounts);
        has_changed
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    let changed = (metadata.ctime(), metadata.ctime_nsec());
    Some(Stamp { inode: metadata.ino(), size: metadata.size(), changed })
}

/// What is in a file; nothing where it is not there or cannot be read.
fn text(path: &Path) -> String {
    let bytes = bounded_file::open_regular(path).and_then(|file| bounded_file::read_all(&file, FILE_BYTES));
    String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shares::Holder;

    #[test]
    fn a_range_that_is_given_out_counts_soon() {
        let dir = tempfile::tempdir().unwrap();
        let [subuid, passwd] = ["subuid", "passwd"].map(|name| dir.path().join(name));
        fs::write(&passwd, "alice:x:1000:1000::/:/bin/sh\n").unwrap();
        let start = Instant::now();
        let mut reader = AccountsReader::of_files([subuid.clone(), passwd], 990, start);
        let holder = |reader: &AccountsReader| reader.accounts().holder(Some(100_001));
        assert_eq!(holder(&reader), Holder::User(100_001));
        fs::write(&subuid, "alice:100000:65536\n").unwrap();
        assert!(!reader.refresh_if_due(start + CHECK_INTERVAL / 2));
        assert!(reader.refresh_if_due(start + CHECK_INTERVAL));
        assert!(!reader.refresh_if_due(start + 2 * CHECK_INTERVAL));
        assert_eq!(holder(&reader), Holder::User(1000));
        fs::remove_file(&subuid).unwrap();
        assert!(reader.refresh_if_due(start + 3 * CHECK_INTERVAL));
        assert_eq!(holder(&reader), Holder::User(100_001));
    }
}
