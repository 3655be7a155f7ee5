//! A machine with systemd: a container that systemd-nspawn boots from a Debian tree, with a network of its own that
//! reaches nobody.
//!
//! ```text
//! base (debootstrap, kept) ──copy──▶ tree ──boot──▶ machine ──power off──▶ tree
//! ```
//! All of it lies in the folder `machine` of the build. Nothing outlives the process that boots a machine, however that
//! ends: the container dies with it, and its tree goes when the next one is made at the latest.

mod bare;
mod base;
mod container;
mod control_group;
pub mod installation;
mod mirror;
mod tree;

pub use bare::BareMachine;
pub use base::base;
pub use tree::Tree;

use crate::programs;
use crate::until;
use container::{Container, Setup};
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// Programs that a machine takes from this one, with the Debian package of each.
const PROGRAMS: [(&str, &str); 5] = [
    ("debootstrap", "debootstrap"),
    ("systemd-nspawn", "systemd-container"),
    ("nsenter", "util-linux"),
    ("setpriv", "util-linux"),
    ("unshare", "util-linux"),
];

/// Whether a machine can be booted here. Says why not, and fails where it must be possible.
///
/// # Panics
/// It cannot be, though `CI=true` says that nothing may be skipped.
pub fn can_boot(test: &str) -> bool {
    let missing = PROGRAMS.iter().find(|(program, _)| {
        let version =
            Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        version.is_err()
    });
    let obstacle = match missing {
        _ if !nix::unistd::geteuid().is_root() => Some("booting a container needs root".to_owned()),
        Some((_, package)) => Some(format!("it needs Debian's package {package}")),
        None => None,
    };
    if let Some(obstacle) = &obstacle {
        println!("{test}: skipped, since {obstacle}");
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "nothing may be skipped where CI=true");
    }
    obstacle.is_none()
}

/// Where trees lie.
fn folder() -> PathBuf {
    let folder = programs::folder().parent().unwrap().join("machine");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A running machine. Dropped, it dies as by a power cut, and its tree goes.
#[derive(Debug)]
pub struct Machine {
    container: Container,
    tree: Tree,
}

impl Machine {
    /// Boots this tree, and waits until all units that are to be started are.
    ///
    /// # Panics
    /// It does not boot.
    pub fn boot(tree: Tree) -> Self {
        let container = Container::start(Setup {
            name: tree.name(),
            root: tree.root(),
            logs: tree.folder().to_owned(),
            options: vec![
                "--resolv-conf=off".to_owned(),
                "--timezone=off".to_owned(),
                // As outside of a container.
                "--system-call-filter=landlock_create_ruleset landlock_restrict_self".to_owned(),
            ],
        });
        let machine = Self { container, tree };
        machine.wait_until_up();
        machine
    }

    fn wait_until_up(&self) {
        // Before that, systemctl has nobody to ask.
        until("the machine's systemd answers", || {
            let output = self.output(&["systemctl", "is-system-running", "--wait"]);
            let state = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            ["running", "degraded"].contains(&state.as_str()).then_some(())
        });
    }

    /// A command inside, with nothing of this process's environment.
    pub fn command<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        let mut command = self.container.enter(&["--all", "--root", "--wd"]);
        command.arg("--").args(args).stdin(Stdio::null());
        command
    }

    /// Runs a command inside.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn output<S: AsRef<OsStr>>(&self, args: &[S]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs a command inside that has to succeed; returns what it says, errors included.
    ///
    /// # Panics
    /// It fails.
    pub fn run<S: AsRef<OsStr>>(&self, args: &[S]) -> String {
        let output = self.output(args);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        let args: Vec<_> = args.iter().map(|arg| arg.as_ref().to_string_lossy()).collect();
        assert!(output.status.success(), "`{}`: {}: {said}", args.join(" "), output.status);
        said
    }

    /// What this command of the machine's shell, which has to succeed, says.
    pub fn shell(&self, script: &str) -> String {
        self.run(&["sh", "-euc", script])
    }

    /// A program of this system, with the network of the machine.
    pub fn in_its_network(&self, program: &str) -> Command {
        let mut command = self.container.enter(&["--net"]);
        command.arg("--").arg(program).stdin(Stdio::null());
        command
    }

    /// A file or directory of the machine as seen from outside.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.container.root().join(inside.trim_start_matches('/'))
    }

    /// Writes a file of it, with the directories on the way to it.
    ///
    /// # Panics
    /// It cannot be written.
    pub fn write(&self, inside: &str, contents: impl AsRef<[u8]>) {
        // By way of the tree, on which all but /run, /tmp and /dev lie.
        self.tree.write(inside, contents);
    }

    /// Its tree, which is the file system that its root is on.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Its first process, as this system counts.
    pub fn pid(&self) -> u32 {
        self.container.init()
    }

    /// Reboots it as its administrator would.
    pub fn reboot(&mut self) {
        // The connection may end before the answer does.
        let _ = self.output(&["systemctl", "reboot"]);
        self.container.wait_for_end();
        self.container.start_again();
        self.wait_until_up();
    }

    /// Cuts the power and gives it back.
    pub fn power_cut(&mut self) {
        self.container.kill();
        self.container.start_again();
        self.wait_until_up();
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.output(&[
                "journalctl",
                "--no-pager",
                "--boot",
                "--lines=80",
                "--output=short-monotonic",
            ]);
            println!("the machine's log ends:\n{}", String::from_utf8_lossy(&log.stdout));
        }
    }
}
