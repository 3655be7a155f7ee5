//! A private instance in a temporary directory, and the programs run on it.
// Each test file is a program of its own and uses some of this; what fails here fails the test.
#![allow(dead_code, clippy::unwrap_used)]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// `nobody`.
pub(crate) const NOBODY: u32 = 65_534;

pub(crate) struct Instance {
    root: TempDir,
}

/// What a program said and how it ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn of(command: &mut Command) -> Self {
        Self::from(command.output().unwrap())
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Instance {
    /// All directories below a temporary one, with these lines in the configuration besides.
    pub(crate) fn with(lines: &str) -> Self {
        let instance = Self { root: TempDir::new().unwrap() };
        let mut text = String::from("[settings]\n");
        for (key, name) in [
            ("etc_dir", "etc"),
            ("spool_dir", "spool"),
            ("state_dir", "state"),
            ("log_dir", "log"),
            ("cache_dir", "cache"),
            ("run_dir", "run"),
            ("socket_path", "socket"),
        ] {
            text.push_str(&format!("{key}={}\n", instance.path(name).display()));
        }
        fs::write(instance.config(), text + lines).unwrap();
        instance
    }

    pub(crate) fn new() -> Self {
        Self::with("")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path("telemetrics.conf")
    }

    /// `telemctl --config FILE ARGUMENTS`.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = telemctl(&["--config", self.config().to_str().unwrap()]);
        command.args(arguments);
        command
    }

    pub(crate) fn say(&self, arguments: &[&str]) -> Said {
        Said::of(&mut self.command(arguments))
    }

    pub(crate) fn opt_in(&self) {
        assert_eq!(self.say(&["opt-in"]).code, Some(0));
    }

    /// A file below the instance, with the directories above it.
    pub(crate) fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Lets another user read what is here, and the directories above it.
    pub(crate) fn open_to_all(&self, name: &str) {
        fs::set_permissions(self.root.path(), Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(self.path(name), Permissions::from_mode(0o755)).unwrap();
    }
}

/// `telemctl ARGUMENTS`, in a plain environment.
pub(crate) fn telemctl(arguments: &[&str]) -> Command {
    program(env!("CARGO_BIN_EXE_telemctl"), arguments)
}

/// `telem_journal ARGUMENTS`, likewise.
pub(crate) fn telem_journal(arguments: &[&str]) -> Command {
    program(env!("CARGO_BIN_EXE_telem_journal"), arguments)
}

fn program(path: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(path);
    command.args(arguments).env("TZ", "UTC").current_dir("/");
    for proxy in
        ["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"]
    {
        command.env_remove(proxy);
    }
    command
}

/// A copy of a program that every user may run, wherever the build directory is.
pub(crate) fn for_every_user(path: &str) -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    let copy = dir.path().join(Path::new(path).file_name().unwrap());
    copy_program(Path::new(path), &copy);
    fs::set_permissions(&copy, Permissions::from_mode(0o755)).unwrap();
    (dir, copy)
}

/// Copies a program, in a child: were the copy open for writing here, a fork of another test would keep it
/// so, and it could not be run.
pub(crate) fn copy_program(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg(from).arg(to).status().unwrap().success());
}
