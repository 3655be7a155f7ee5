//! A private directory with a configuration in which every path lies inside it.
//!
//! ```text
//! telemetrics.conf   the configuration
//! telem-0            socket_path
//! etc                etc_dir, where consent is
//! spool, state, log, cache, run
//! PROGRAM-N.log      what the N-th process of PROGRAM wrote on stderr
//! ```

mod programs;
mod spool;
mod state;

pub use spool::sender;

use crate::directory;
use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Keys of the configuration that name a path, and its name in the directory.
const PATHS: [(&str, &str); 7] = [
    ("socket_path", "telem-0"),
    ("spool_dir", "spool"),
    ("etc_dir", "etc"),
    ("state_dir", "state"),
    ("log_dir", "log"),
    ("cache_dir", "cache"),
    ("run_dir", "run"),
];

/// The private directory of one test.
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
    /// It cannot be made.
    pub fn new() -> Self {
        Self::new_in(&std::env::temp_dir())
    }

    /// As [`Sandbox::new`], below this folder.
    ///
    /// # Panics
    /// It cannot be made.
    pub fn new_in(folder: &Path) -> Self {
        let mut sandbox = Self::empty_in(folder);
        sandbox.settings.insert("server".to_owned(), "http://127.0.0.1:1/v2/collector".to_owned());
        // However full the machine's disk is.
        sandbox.settings.insert("spool_keep_free".to_owned(), "0".to_owned());
        sandbox.opt_in();
        sandbox.write_config("", "");
        sandbox
    }

    /// As [`Sandbox::new`], with an empty spool, and the status of a telempostd that has run until now: only what waited
    /// through a start of the machine is delayed.
    ///
    /// # Panics
    /// It cannot be made.
    pub fn with_spool() -> Self {
        let sandbox = Self::new();
        drop(sandbox.spool());
        sandbox.write_state(std::time::SystemTime::now());
        sandbox
    }

    /// A directory without consent and without any of the directories in it; of the configuration only the paths, and
    /// after them these lines, which may say anything.
    ///
    /// # Panics
    /// It cannot be made.
    pub fn bare(lines: &str) -> Self {
        let sandbox = Self::empty_in(&std::env::temp_dir());
        sandbox.write_config("", lines);
        sandbox
    }

    fn empty_in(folder: &Path) -> Self {
        let dir = tempfile::Builder::new().prefix("telemetry-test-").tempdir_in(folder).unwrap();
        // Other users of the machine send from scenarios too.
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        let path = |(key, name): (&str, &str)| (key.to_owned(), dir.path().join(name).display().to_string());
        let settings = PATHS.into_iter().map(path).collect();
        Self { dir, settings }
    }

    /// Sets a key and writes the configuration anew.
    pub fn set(&mut self, key: &str, value: impl std::fmt::Display) -> &mut Self {
        self.settings.insert(key.to_owned(), value.to_string());
        self.write_config("", "");
        self
    }

    /// Writes the configuration anew: this server, these lines, and what [`Sandbox::set`] has set. The next one has
    /// neither this server nor these lines.
    pub fn configure(&self, server: &str, lines: &str) -> PathBuf {
        self.write_config(&format!("server={server}\n{lines}\n"), "")
    }

    /// Writes a configuration for single records.
    ///
    /// # Panics
    /// It cannot be written.
    pub fn configure_record(&self, name: &str, server: &str, lines: &str) -> PathBuf {
        self.write(name, &format!("[settings]\nserver={server}\n{lines}\n"))
    }

    /// Between these lines the settings whose keys the first ones do not have.
    fn write_config(&self, first: &str, last: &str) -> PathBuf {
        let is_first = |key: &str| first.lines().any(|line| line.split('=').next() == Some(key));
        let others = self.settings.iter().filter(|(key, _)| !is_first(key));
        let others: String = others.map(|(key, value)| format!("{key}={value}\n")).collect();
        // Aside, since a daemon may read it just now.
        let new = self.write("telemetrics.conf.new", &format!("[settings]\n{first}{others}{last}"));
        fs::rename(new, self.config()).unwrap();
        self.config()
    }

    /// Writes a file of the directory, readable for everybody and writable for its owner, with the directories that it
    /// lies in.
    ///
    /// # Panics
    /// It cannot be written.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        path
    }

    /// Lets every user read the names in a directory of it.
    ///
    /// # Panics
    /// It is not there.
    pub fn open_to_all(&self, name: &str) {
        fs::set_permissions(self.path(name), Permissions::from_mode(0o755)).unwrap();
    }

    /// A path inside the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Names in one of its directories, in order; none if it is not there.
    pub fn names(&self, directory: &str) -> Vec<String> {
        directory::names(&self.path(directory))
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
    /// The file cannot be written.
    pub fn opt_in(&self) {
        self.write("etc/opt-in", "");
    }

    /// Withdraws consent.
    ///
    /// # Panics
    /// It was not given.
    pub fn opt_out(&self) {
        fs::remove_file(self.path("etc/opt-in")).unwrap();
    }

    /// The socket's path.
    pub fn socket_path(&self) -> PathBuf {
        PathBuf::from(&self.settings["socket_path"])
    }

    /// The spool's path.
    pub fn spool_dir(&self) -> PathBuf {
        PathBuf::from(&self.settings["spool_dir"])
    }
}
