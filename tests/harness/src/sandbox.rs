//! A private directory with a configuration in which every path lies inside it.

use crate::{Process, programs, until};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use telemetry_store::spool::{SpoolDir, StoredRecord, file};

/// The private directory of one scenario.
#[derive(Debug)]
pub struct Sandbox {
    dir: tempfile::TempDir,
    settings: BTreeMap<String, String>,
}

impl Default for Sandbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Sandbox {
    /// A directory with consent given, and a server that is not there.
    ///
    /// # Panics
    /// It can not be made.
    pub fn new() -> Self {
        Self::new_in(&std::env::temp_dir())
    }

    /// As [`Sandbox::new`], below this folder.
    ///
    /// # Panics
    /// It can not be made.
    pub fn new_in(folder: &Path) -> Self {
        let dir = tempfile::Builder::new().prefix("telemetry-test-").tempdir_in(folder).unwrap();
        // Other users of the machine send from scenarios too.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let mut settings = BTreeMap::new();
        for (key, name) in [
            ("socket_path", "telem-0"),
            ("spool_dir", "spool"),
            ("etc_dir", "etc"),
            ("state_dir", "state"),
            ("log_dir", "log"),
            ("cache_dir", "cache"),
            ("run_dir", "run"),
        ] {
            settings.insert(key.to_owned(), dir.path().join(name).display().to_string());
        }
        settings.insert("server".to_owned(), "http://127.0.0.1:1/v2/collector".to_owned());
        // However full the machine's disk is.
        settings.insert("spool_keep_free".to_owned(), "0".to_owned());
        let sandbox = Self { dir, settings };
        fs::create_dir(sandbox.path("etc")).unwrap();
        sandbox.opt_in();
        sandbox.write_config();
        sandbox
    }

    /// Sets a key and writes the configuration anew.
    pub fn set(&mut self, key: &str, value: impl std::fmt::Display) -> &mut Self {
        self.settings.insert(key.to_owned(), value.to_string());
        self.write_config();
        self
    }

    fn write_config(&self) {
        let lines: String = self.settings.iter().map(|(key, value)| format!("{key}={value}\n")).collect();
        self.write("telemetrics.conf", &format!("[settings]\n{lines}"));
    }

    /// Writes a file of the directory, readable for everybody and writable for its owner.
    ///
    /// # Panics
    /// It can not be written.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        path
    }

    /// A path inside the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.path("telemetrics.conf")
    }

    /// The configuration file as an argument.
    ///
    /// # Panics
    /// The temporary folder's name is not UTF-8.
    pub fn config_arg(&self) -> String {
        self.config().to_str().unwrap().to_owned()
    }

    /// Gives consent.
    ///
    /// # Panics
    /// The file can not be written.
    pub fn opt_in(&self) {
        fs::write(self.path("etc/opt-in"), "").unwrap();
    }

    /// Withdraws consent.
    ///
    /// # Panics
    /// It was not given.
    pub fn opt_out(&self) {
        fs::remove_file(self.path("etc/opt-in")).unwrap();
    }

    /// Starts a daemon with this configuration.
    pub fn start(&self, name: &str) -> Process {
        Process::start(self.dir.path(), name, &["-f", &self.config_arg()])
    }

    /// Starts telemprobd and waits until it listens.
    pub fn start_telemprobd(&self) -> Process {
        let mut process = self.start("telemprobd");
        let socket = self.socket_path();
        until("telemprobd listens", || {
            if let Ok(Some(status)) = process.try_status() {
                panic!("telemprobd ended: {status}: {}", process.log());
            }
            UnixStream::connect(&socket).ok()
        });
        process
    }

    /// The socket's path.
    pub fn socket_path(&self) -> PathBuf {
        PathBuf::from(&self.settings["socket_path"])
    }

    /// The spool's path.
    pub fn spool_dir(&self) -> PathBuf {
        PathBuf::from(&self.settings["spool_dir"])
    }

    /// A command of this build.
    pub fn command<S: AsRef<OsStr>>(&self, name: &str, args: &[S]) -> Command {
        let mut command = Command::new(programs::path(name));
        command.args(args);
        command
    }

    /// Runs a program of this build with `-f CONFIG` and these arguments.
    ///
    /// # Panics
    /// It can not be started.
    pub fn run(&self, name: &str, args: &[&str]) -> Output {
        let config = self.config_arg();
        let args = [&["-f", config.as_str()], args].concat();
        self.command(name, &args).stdin(Stdio::null()).output().unwrap()
    }

    /// The records in the spool, in no order.
    ///
    /// # Panics
    /// A file of the spool is damaged.
    pub fn spooled(&self) -> Vec<StoredRecord> {
        let Ok(spool) = SpoolDir::open(&self.spool_dir()) else {
            return Vec::new();
        };
        let mut records = Vec::new();
        for entry in spool.entries().unwrap() {
            // Delivered since the directory was read.
            let Ok(bytes) = spool.read(&entry.name) else { continue };
            let decoded = file::decode(&entry.name, &bytes);
            assert_eq!(decoded.damage, None, "{}", entry.name.display());
            records.extend(decoded.records);
        }
        records
    }
}
