//! Where the programs under test are: beside this one, as cargo put them.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// `nobody`.
pub const NOBODY: u32 = 65_534;

/// Variables of whoever runs the tests that would change what a program does.
const FOREIGN_VARIABLES: [&str; 8] = [
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
    "JOURNAL_STREAM",
];

/// The folder of this build's programs, `target/debug` or `target/release`.
///
/// # Panics
/// This program does not lie where cargo puts tests.
pub fn folder() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let folder = this.parent().unwrap();
    if folder.ends_with("deps") { folder.parent().unwrap().to_owned() } else { folder.to_owned() }
}

/// The path of a program.
///
/// # Panics
/// It was not built.
pub fn path(name: &str) -> PathBuf {
    let path = folder().join(name);
    assert!(path.exists(), "{} is not there; run `make build-debug` first", path.display());
    path
}

/// A program of this build with these arguments, in a plain environment.
///
/// # Panics
/// It was not built.
pub fn command<S: AsRef<OsStr>>(name: &str, args: &[S]) -> Command {
    let mut command = Command::new(path(name));
    command.args(args).env("TZ", "UTC").current_dir("/");
    for variable in FOREIGN_VARIABLES {
        command.env_remove(variable);
    }
    command
}

/// A copy of a program that every user may run, wherever the build directory is.
///
/// # Panics
/// It was not built, or cannot be copied.
pub fn for_every_user(name: &str) -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    let copied = dir.path().join(name);
    copy(&path(name), &copied);
    fs::set_permissions(&copied, Permissions::from_mode(0o755)).unwrap();
    (dir, copied)
}

/// Copies a program, in a child: were the copy open for writing here, a fork of another test would keep it
/// so, and it could not be run.
///
/// # Panics
/// It cannot be copied.
pub fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg(from).arg(to).status().unwrap().success());
}

/// The root of the source tree.
///
/// # Panics
/// Never: this crate lies two folders below it.
pub fn source_root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}
