//! systemd-nspawn, which runs a tree as a container and ends when the container does.

use super::control_group::ControlGroup;
use super::tree::Tree;
use crate::{DEADLINE, Process, until};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Joins the control groups that it is told, up to `--`, and becomes the rest of its arguments.
const JOIN: &str = r#"while [ "$1" != -- ]; do echo $$ >"$1"; shift; done; shift; exec "$@""#;

/// A running container.
#[derive(Debug)]
pub(super) struct Container {
    nspawn: Process,
    /// Its first process.
    init: u32,
    group: ControlGroup,
}

impl Container {
    /// Starts it; its systemd may not answer yet.
    pub(super) fn start(tree: &Tree) -> Self {
        let group = ControlGroup::named(&tree.name());
        let nspawn = spawn(tree, &group);
        let mut container = Self { nspawn, init: 0, group };
        container.find_init();
        container
    }

    /// Starts it again after its end.
    pub(super) fn start_again(&mut self, tree: &Tree) {
        self.nspawn = spawn(tree, &self.group);
        self.find_init();
    }

    fn find_init(&mut self) {
        self.init = until("the container's first process", || {
            if let Ok(Some(status)) = self.nspawn.try_status() {
                panic!("systemd-nspawn ended: {status}: {}", self.nspawn.log());
            }
            find_init_below(self.nspawn.pid())
        });
    }

    /// Its first process, as this system counts.
    pub(super) fn init(&self) -> u32 {
        self.init
    }

    /// Its files, those on file systems of its own included.
    pub(super) fn root(&self) -> PathBuf {
        Path::new("/proc").join(self.init.to_string()).join("root")
    }

    /// nsenter, which takes a command into its namespaces.
    pub(super) fn enter(&self, namespaces: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C.UTF-8");
        command.args(["--target", &self.init.to_string()]).args(namespaces);
        command
    }

    /// Waits until it has switched itself off.
    pub(super) fn wait_for_end(&mut self) {
        self.nspawn.wait();
    }

    /// Ends it without a word to it.
    pub(super) fn kill(&mut self) {
        self.nspawn.kill();
        // They die with their init, which the kernel kills with systemd-nspawn.
        let start = Instant::now();
        while !self.group.remove() && start.elapsed() < DEADLINE {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(tree: &Tree, group: &ControlGroup) -> Process {
    let mut command = Command::new("sh");
    command.args(["-euc", JOIN, "sh"]).args(group.make()).arg("--");
    // The container would outlive a systemd-nspawn that is killed: therefore a process namespace around both, which
    // dies with the thread that starts it.
    command.args(["setpriv", "--pdeathsig", "KILL"]);
    command.args(["unshare", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"]);
    command.args(["systemd-nspawn", "--quiet", "--boot"]);
    // There may be no systemd here to register with.
    command.args([
        "--register=no",
        "--keep-unit",
        "--private-network",
        "--console=pipe",
        "--link-journal=no",
    ]);
    command.args(["--resolv-conf=off", "--timezone=off"]);
    command.arg(format!("--machine={}", tree.name())).arg("--directory").arg(tree.root());
    command.stdout(fs::File::create(tree.folder().join("console.log")).unwrap());
    Process::spawn(tree.folder(), "systemd-nspawn", &mut command)
}

/// Among this process's children, and theirs, the first of the container's process namespace, if it is systemd by now.
fn find_init_below(pid: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    let children = children.split_whitespace().filter_map(|pid| pid.parse().ok());
    children.into_iter().find_map(|pid| if is_init(pid) { Some(pid) } else { find_init_below(pid) })
}

fn is_init(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    // systemd-nspawn is the first of the namespace around.
    let is_first = numbers.is_some_and(|numbers| numbers.split_whitespace().last() == Some("1"));
    let is_systemd =
        fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "systemd");
    is_first && is_systemd
}
