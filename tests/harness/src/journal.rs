//! Journal files made of text, as systemd-journal-remote takes it ("Journal Export Format").

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

/// A directory with journal files.
#[derive(Debug)]
pub struct Journal {
    dir: PathBuf,
}

/// An entry to be written.
#[derive(Clone, Debug)]
pub struct Entry {
    age_secs: u64,
    boot: String,
    fields: Vec<(String, Vec<u8>)>,
}

impl Entry {
    /// An entry of the running boot that was written this many seconds ago.
    ///
    /// # Panics
    /// The kernel gives no boot id.
    pub fn new(age_secs: u64) -> Self {
        Self { age_secs, boot: running_boot(), fields: Vec::new() }
    }

    /// What systemd says when a service's process has exited with 1.
    pub fn exit(unit: &str, age_secs: u64) -> Self {
        Self::new(age_secs)
            .with("MESSAGE", format!("{unit}: Main process exited, code=exited, status=1/FAILURE"))
            .with("UNIT", unit)
            .with("PRIORITY", "5")
            .with("EXIT_CODE", "exited")
            .with("EXIT_STATUS", "1")
            .with("_COMM", "systemd")
    }

    /// A field of any bytes.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self.fields.push((name.to_owned(), value.into()));
        self
    }

    /// Without this field.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self
    }

    /// Of another boot.
    #[must_use]
    pub fn of_boot(mut self, boot: &str) -> Self {
        boot.clone_into(&mut self.boot);
        self
    }

    fn export(&self, now_us: u64) -> Vec<u8> {
        let realtime_us = now_us - self.age_secs * 1_000_000;
        // Of a machine that was started ten days ago.
        let monotonic_us = 864_000_000_000 - self.age_secs * 1_000_000;
        let mut text = format!(
            "__REALTIME_TIMESTAMP={realtime_us}\n__MONOTONIC_TIMESTAMP={monotonic_us}\n_BOOT_ID={}\n",
            self.boot
        )
        .into_bytes();
        for (name, value) in &self.fields {
            text.extend(name.as_bytes());
            text.push(b'\n');
            text.extend((value.len() as u64).to_le_bytes());
            text.extend(value);
            text.push(b'\n');
        }
        text.push(b'\n');
        text
    }
}

impl Journal {
    /// A directory of this name, without files.
    ///
    /// # Panics
    /// It cannot be made.
    pub fn new(dir: PathBuf) -> Self {
        fs::create_dir(&dir).unwrap();
        Self { dir }
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The directory as an argument.
    ///
    /// # Panics
    /// Its name is not UTF-8.
    pub fn dir_arg(&self) -> &str {
        self.dir.to_str().unwrap()
    }

    /// A path in the directory.
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Appends entries to a file, which is made if it is not there.
    ///
    /// # Panics
    /// systemd-journal-remote is not there, or does not take them.
    pub fn append(&self, name: &str, entries: &[Entry]) {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now_us = u64::try_from(since_1970.as_micros()).unwrap();
        let text: Vec<u8> = entries.iter().flat_map(|entry| entry.export(now_us)).collect();
        self.append_export(name, &text);
    }

    /// Appends entries in the Journal Export Format to a file.
    ///
    /// # Panics
    /// As [`Journal::append`].
    pub fn append_export(&self, name: &str, text: &[u8]) {
        let mut remote = Command::new(program())
            .args(["--output", self.file(name).to_str().unwrap(), "-"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        remote.stdin.take().unwrap().write_all(text).unwrap();
        let output = remote.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && self.file(name).exists(), "systemd-journal-remote: {said}");
    }
}

/// The running boot, as the journal writes it.
///
/// # Panics
/// The kernel does not give it.
pub fn running_boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap().trim().replace('-', "")
}

fn program() -> &'static str {
    let paths = ["/usr/lib/systemd/systemd-journal-remote", "/lib/systemd/systemd-journal-remote"];
    let found = paths.into_iter().find(|path| Path::new(path).exists());
    found.expect("systemd-journal-remote is not there; `make deps` installs it")
}
