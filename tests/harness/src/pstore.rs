//! A machine that kept dumps of its kernel's failures, for the scenarios of pstoreclean and pstoreprobe.

use crate::directory::{copy, names};
use crate::{Sandbox, programs};
use std::collections::BTreeMap;
use std::fs::{self, File, FileTimes};
use std::path::PathBuf;
use std::process::Output;
use std::time::{Duration, UNIX_EPOCH};

/// A machine as the probes see it.
#[derive(Debug)]
pub struct Machine {
    /// Where the daemons and probes run.
    pub sandbox: Sandbox,
    /// What stands for /sys/fs/pstore.
    pub store: PathBuf,
    /// What stands for /var/lib/systemd/pstore.
    pub archive: PathBuf,
}

impl Default for Machine {
    fn default() -> Self {
        Self::new()
    }
}

impl Machine {
    /// A machine on which nothing has failed yet.
    ///
    /// # Panics
    /// Its directories cannot be made.
    pub fn new() -> Self {
        let sandbox = Sandbox::new();
        let (store, archive) = (sandbox.path("store"), sandbox.path("archive"));
        for path in [&store, &archive, &sandbox.path("cache"), &sandbox.path("state")] {
            fs::create_dir(path).unwrap();
        }
        let machine = Self { sandbox, store, archive };
        // Before the dumps of the parser's tests.
        machine.opt_in_at(1_000_000_000);
        machine
    }

    /// Gives consent at this time.
    ///
    /// # Panics
    /// The file cannot be written.
    pub fn opt_in_at(&self, unix_secs: u64) {
        self.sandbox.opt_in();
        let file = File::options().write(true).open(self.sandbox.path("etc/opt-in")).unwrap();
        let given = UNIX_EPOCH + Duration::from_secs(unix_secs);
        file.set_times(FileTimes::new().set_modified(given)).unwrap();
    }

    /// Puts dumps of the parser's tests into the store.
    ///
    /// # Panics
    /// They cannot be copied.
    pub fn fail(&self, golden: &str) {
        copy(&programs::source_root().join("probes/kernel/tests/pstore").join(golden), &self.store);
    }

    /// Runs pstoreclean.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn clean(&self) -> Output {
        let from = ["--from", self.store.to_str().unwrap(), "--archive", self.archive.to_str().unwrap()];
        self.sandbox.run("pstoreclean", &from)
    }

    /// Runs pstoreprobe.
    pub fn probe(&self) -> Output {
        self.sandbox.run("pstoreprobe", &[])
    }

    /// Names of the files in the store.
    pub fn stored(&self) -> Vec<String> {
        names(&self.store)
    }

    /// Names of the copies.
    pub fn cached(&self) -> Vec<String> {
        names(&self.sandbox.path("cache/pstore"))
    }

    /// How often each reason was reported.
    ///
    /// # Panics
    /// A record has none.
    pub fn reported(&self) -> BTreeMap<String, usize> {
        let mut reported = BTreeMap::new();
        for record in self.sandbox.spooled() {
            let payload = record.message.payload;
            let reason = payload.lines().find_map(|line| line.strip_prefix("Reason: ")).unwrap();
            *reported.entry(reason.to_owned()).or_default() += 1;
        }
        reported
    }
}

/// A reason in those dumps.
pub const BUG: &str = "BUG: kernel NULL pointer dereference, address: 0000000000000010";
/// A reason in those dumps.
pub const OLD_BUG: &str = "BUG: unable to handle kernel paging request at (address)";
/// A reason in those dumps.
pub const PANIC: &str = "Kernel panic - not syncing: sysrq triggered crash";

/// What [`Machine::reported`] is expected to be.
pub fn reported<const N: usize>(expected: [(&str, usize); N]) -> BTreeMap<String, usize> {
    expected.into_iter().map(|(reason, count)| (reason.to_owned(), count)).collect()
}
