//! A private copy of a tree, which goes when it is dropped.
//!
//! ```text
//! machine/tree-PID-N/lock   held as long as the tree is used
//!                   /root   the tree
//!                   /*.log  what its console and systemd-nspawn say
//! ```

use super::control_group::ControlGroup;
use super::mirror::Mirror;
use crate::package::said;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Trees that this process has made.
static MADE: AtomicUsize = AtomicUsize::new(0);

/// A directory that can be booted.
#[derive(Debug)]
pub struct Tree {
    folder: PathBuf,
    _lock: File,
}

impl Tree {
    /// Copies a tree.
    ///
    /// # Panics
    /// There is no room for it.
    pub fn copy_of(original: &Path) -> Self {
        let all = super::folder();
        let guard = File::create(all.join("trees.lock")).unwrap();
        guard.lock().unwrap();
        remove_left_behind(&all);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let folder = all.join(format!("tree-{}-{number}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let lock = File::create(folder.join("lock")).unwrap();
        lock.lock().unwrap();
        drop(guard);
        let tree = Self { folder, _lock: lock };
        said(Command::new("cp").args(["-a", "--reflink=auto"]).arg(original).arg(tree.root()));
        tree
    }

    /// The directory to boot.
    pub fn root(&self) -> PathBuf {
        self.folder.join("root")
    }

    /// Where its logs lie.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A name that no other machine has.
    ///
    /// # Panics
    /// Never.
    pub fn name(&self) -> String {
        self.folder.file_name().unwrap().to_str().unwrap().to_owned()
    }

    /// Downloads packages of Debian's with all that they need, so that apt installs them on a machine without a network.
    ///
    /// # Panics
    /// The mirror does not have them.
    pub fn download(&self, packages: &[&str]) {
        let mirror = Mirror::of_this_system();
        let apt_get = |args: &[&str]| {
            let mut command = Command::new("chroot");
            command.arg(self.root()).args(["apt-get", "-q", "--yes"]).args(args);
            if let Some(proxy) = &mirror.proxy {
                command.env("http_proxy", proxy).env("https_proxy", proxy);
            }
            said(command.env("DEBIAN_FRONTEND", "noninteractive"));
        };
        apt_get(&["update"]);
        apt_get(&[&["--no-install-recommends", "--download-only", "install"], packages].concat());
    }

    /// Writes a file of it, with the directories on the way to it.
    ///
    /// # Panics
    /// It cannot be written.
    pub fn write(&self, path: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let file = self.root().join(path.trim_start_matches('/'));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, contents).unwrap();
        file
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The trees of processes that died before they could clean up.
fn remove_left_behind(all: &Path) {
    for entry in fs::read_dir(all).unwrap().map(|entry| entry.unwrap()) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let lock = File::open(entry.path().join("lock"));
        if name.starts_with("tree-") && lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
            ControlGroup::named(&name).remove();
            fs::remove_dir_all(entry.path()).unwrap();
        }
    }
}
