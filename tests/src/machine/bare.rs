//! A machine: systemd, booted by systemd-nspawn in a small tree with this system's `/usr` and this build's programs.
//! Needs root.

use crate::{DEADLINE, Process, programs};
use nix::sys::signal::Signal;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// User and group id of the daemons in there.
const TELEMETRY_ID: u32 = 991;
/// Where this build's programs are in there.
const PROGRAMS: &str = "/programs";

/// Whether a machine can be booted here. Says so if not, and fails if nothing may be skipped.
///
/// # Panics
/// Not root, though `CI=true` says that nothing may be skipped.
pub fn can_boot(test: &str) -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        println!("{test}: skipped, since booting a container needs root");
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "nothing may be skipped where CI=true");
    }
    is_root
}

/// The tree of a machine, and the machine once it is booted.
#[derive(Debug)]
pub struct Machine {
    name: String,
    root: PathBuf,
    /// Control groups of its own, one a hierarchy: systemd in there takes its group for the root of all, and another
    /// machine that is booted in the same one would be ended by it.
    groups: Vec<PathBuf>,
    booted: Option<Process>,
}

impl Machine {
    /// A tree in this directory, which has consent, the daemons' user, their directories and these units.
    ///
    /// # Panics
    /// It can not be made.
    pub fn new(root: PathBuf, units: &[&str]) -> Self {
        for directory in
            ["usr", "etc/systemd/system", "etc/tmpfiles.d", "etc/telemetrics", "var/log/journal", "root"]
        {
            fs::create_dir_all(root.join(directory)).unwrap();
        }
        for directory in ["dev", "proc", "run", "sys", "tmp", &PROGRAMS[1..]] {
            fs::create_dir_all(root.join(directory)).unwrap();
        }
        for link in ["bin", "lib", "lib64", "sbin"] {
            symlink(Path::new("usr").join(link), root.join(link)).unwrap();
        }
        let name = format!("telemetry-test-{}", std::process::id());
        let machine = Self { name, root, groups: Vec::new(), booted: None };
        // nspawn looks for it before it mounts /usr.
        fs::copy("/etc/os-release", machine.path("/etc/os-release")).unwrap();
        let id = TELEMETRY_ID;
        machine.write(
            "/etc/passwd",
            &format!("root:x:0:0::/root:/bin/sh\ntelemetry:x:{id}:{id}::/:/bin/false\n"),
        );
        machine.write("/etc/group", &format!("root:x:0:\nsystemd-journal:x:990:\ntelemetry:x:{id}:\n"));
        machine.write("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
        machine.write("/etc/telemetrics/opt-in", "");
        machine.write("/etc/tmpfiles.d/telemetrics-dirs.conf", &filled("etc/telemetrics-dirs.conf"));
        for unit in units {
            machine.write(&format!("/etc/systemd/system/{unit}"), &filled(&format!("units/{unit}")));
        }
        machine
    }

    /// A path of the machine, as it is seen from outside.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// Writes a file.
    ///
    /// # Panics
    /// It can not be written.
    pub fn write(&self, path: &str, text: &str) {
        fs::write(self.path(path), text).unwrap();
    }

    /// Writes a unit that runs this shell command once, after those that are named.
    ///
    /// # Panics
    /// It can not be written.
    pub fn write_command(&self, unit: &str, after: &str, command: &str) {
        let text = format!(
            "[Unit]\nAfter={after}\nWants={after}\n[Service]\nType=oneshot\nExecStart=/bin/sh -c '{command}'\n"
        );
        self.write(&format!("/etc/systemd/system/{unit}"), &text);
    }

    /// Boots to this unit. What is shown on the console goes to a log in the folder.
    ///
    /// # Panics
    /// It can not be started.
    pub fn boot(&mut self, log_folder: &Path, unit: &str) {
        self.groups = own_groups().into_iter().map(|group| group.join(&self.name)).collect();
        for group in &self.groups {
            fs::create_dir(group).unwrap();
        }
        // The shell puts itself into the groups, and then becomes nspawn.
        let script =
            r#"while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs" || exit; shift; done; shift; exec "$@""#;
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh"]).args(&self.groups).args([
            "--",
            "systemd-nspawn",
            "--quiet",
            "--boot",
        ]);
        command.args([
            "--register=no",
            "--keep-unit",
            "--private-network",
            "--console=read-only",
            "--link-journal=no",
        ]);
        command
            .arg(format!("--machine={}", self.name))
            .arg("--directory")
            .arg(&self.root)
            .arg("--bind-ro=/usr");
        command.arg(format!("--bind-ro={}:{PROGRAMS}", programs::folder().display()));
        command.arg(format!("systemd.unit={unit}"));
        command.stdout(File::create(log_folder.join("console.log")).unwrap());
        self.booted = Some(Process::spawn(log_folder, "nspawn", &mut command));
    }

    /// The machine's journal, as text.
    ///
    /// # Panics
    /// journalctl can not be started.
    pub fn journal(&self) -> String {
        let mut command = Command::new("journalctl");
        let output =
            command.arg("--no-pager").arg("--directory").arg(self.path("/var/log/journal")).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Switches it off and waits until it is.
    ///
    /// # Panics
    /// It was not booted, or ends with an error.
    pub fn power_off(&mut self) {
        let booted = self.booted.as_mut().unwrap();
        // To nspawn this means an orderly shutdown.
        booted.signal(Signal::SIGTERM);
        let status = booted.wait();
        assert!(status.success(), "{status}: {}", booted.log());
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("the machine's journal:\n{}", self.journal());
        }
        // nspawn that is killed leaves behind what runs in there.
        for group in &self.groups {
            let _ = fs::write(group.join("cgroup.kill"), "1");
        }
        drop(self.booted.take());
        let start = Instant::now();
        while !self.groups.iter().all(|group| remove_group(group)) && start.elapsed() < DEADLINE {
            std::thread::sleep(Duration::from_millis(5));
        }
        // What nspawn leaves where /run is no tmpfs.
        let _ = fs::remove_dir_all(Path::new("/run/systemd/nspawn/propagate").join(&self.name));
    }
}

/// A text of the source tree, with its paths filled in as they are in there.
fn filled(source: &str) -> String {
    let output = Command::new("make")
        .args(["-s", "-C", programs::source_root().to_str().unwrap(), "fill-file"])
        .args([&format!("source={source}"), &format!("bindir={PROGRAMS}")])
        // What a `make test` around this one was told is not meant for it.
        .env_remove("MAKEFLAGS")
        .env_remove("MAKELEVEL")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The control groups of this process that systemd in a container makes groups of its own in: that of the unified
/// hierarchy, and systemd's own where there is one.
fn own_groups() -> Vec<PathBuf> {
    let text = fs::read_to_string("/proc/self/cgroup").unwrap();
    let of = |prefix: &str| text.lines().find_map(|line| line.split_once(':')?.1.strip_prefix(prefix));
    let mounts = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].map(Path::new);
    let unified = mounts.into_iter().find(|mount| mount.join("cgroup.controllers").exists());
    let below = |mount: &Path, path: &str| mount.join(path.trim_start_matches('/'));
    let unified = unified.zip(of(":")).map(|(mount, path)| below(mount, path));
    let named = of("name=systemd:").map(|path| below(Path::new("/sys/fs/cgroup/systemd"), path));
    unified.into_iter().chain(named).collect()
}

/// Removes a group and those in it; not while a process is in one of them.
fn remove_group(group: &Path) -> bool {
    let Ok(entries) = fs::read_dir(group) else { return true };
    let folders = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir());
    for folder in folders {
        remove_group(&folder);
    }
    fs::remove_dir(group).is_ok()
}
