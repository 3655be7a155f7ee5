//! systemd-nspawn, which runs a tree as a container and ends when the container does.

use super::control_group::ControlGroup;
use crate::{DEADLINE, Process, until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Joins the control groups that are named, up to `--`, and becomes the rest of its arguments.
const JOIN: &str = r#"while [ "$1" != -- ]; do echo $$ >"$1"; shift; done; shift; exec "$@""#;

/// What is to be run.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    /// A name that no other container has.
    pub(super) name: String,
    /// The tree.
    pub(super) root: PathBuf,
    /// Where the logs of its console and of systemd-nspawn lie.
    pub(super) logs: PathBuf,
    /// Further options of systemd-nspawn, and credentials for its systemd.
    pub(super) options: Vec<String>,
}

/// A running container.
#[derive(Debug)]
pub(super) struct Container {
    setup: Setup,
    group: ControlGroup,
    nspawn: Process,
    /// Its first process.
    init: u32,
}

impl Container {
    /// Starts it; its systemd may not answer yet.
    pub(super) fn start(setup: Setup) -> Self {
        let group = ControlGroup::named(&setup.name);
        let mut nspawn = spawn(&setup, &group);
        let init = wait_for_init(&mut nspawn);
        Self { setup, group, nspawn, init }
    }

    /// Starts it again after its end.
    pub(super) fn start_again(&mut self) {
        self.nspawn = spawn(&self.setup, &self.group);
        self.init = wait_for_init(&mut self.nspawn);
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

    /// Has it switch itself off, in order, and waits until it has.
    pub(super) fn power_off(&mut self) {
        // systemd-nspawn, which passes it on. The process namespace around it is not listening.
        let status = fs::read_to_string(format!("/proc/{}/status", self.init)).unwrap();
        let nspawn = field(&status, "PPid:").unwrap().trim().parse().unwrap();
        kill(Pid::from_raw(nspawn), Signal::SIGTERM).unwrap();
        let status = self.wait_for_end();
        assert!(status.success(), "{status}: {}", self.nspawn.log());
    }

    /// Waits until it has switched itself off.
    pub(super) fn wait_for_end(&mut self) -> std::process::ExitStatus {
        self.nspawn.wait()
    }

    /// Ends it without a word to it.
    pub(super) fn kill(&mut self) {
        self.nspawn.kill();
        let start = Instant::now();
        while !self.group.remove() && start.elapsed() < DEADLINE {
            std::thread::sleep(Duration::from_millis(5));
        }
        // What systemd-nspawn leaves where /run is no tmpfs.
        let _ = fs::remove_dir_all(Path::new("/run/systemd/nspawn/propagate").join(&self.setup.name));
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(setup: &Setup, group: &ControlGroup) -> Process {
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
    command.arg(format!("--machine={}", setup.name)).arg("--directory").arg(&setup.root).args(&setup.options);
    let console = File::options().create(true).append(true).open(setup.logs.join("console.log")).unwrap();
    command.stdout(console);
    Process::spawn(&setup.logs, "systemd-nspawn", &mut command)
}

fn wait_for_init(nspawn: &mut Process) -> u32 {
    until("the container's first process", || {
        if let Ok(Some(status)) = nspawn.try_status() {
            panic!("systemd-nspawn ended: {status}: {}", nspawn.log());
        }
        find_init_below(nspawn.pid())
    })
}

/// Among this process's children, and theirs, the first of the container's process namespace, if it is systemd by now.
fn find_init_below(pid: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    let children: Vec<_> = children.split_whitespace().filter_map(|pid| pid.parse().ok()).collect();
    children.into_iter().find_map(|pid| if is_init(pid) { Some(pid) } else { find_init_below(pid) })
}

fn is_init(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    // systemd-nspawn is the first of the namespace around.
    let is_first =
        field(&status, "NSpid:").is_some_and(|numbers| numbers.split_whitespace().last() == Some("1"));
    is_first && field(&status, "Name:").is_some_and(|name| name.trim() == "systemd")
}

fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(name))
}
