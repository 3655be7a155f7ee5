//! A machine without packages: a small tree with this system's `/usr` and this build's programs, for scenarios that
//! need a few units and nothing installed.

use super::container::{Container, Setup};
use crate::programs;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where this build's programs are in there.
const PROGRAMS: &str = "/programs";

/// The tree of a machine, and the machine once it is booted.
#[derive(Debug)]
pub struct BareMachine {
    root: PathBuf,
    booted: Option<Container>,
}

impl BareMachine {
    /// User and group id of the daemons in there.
    pub const TELEMETRY_ID: u32 = 991;

    /// A tree in this directory, which has consent, the daemons' user, their directories and these units.
    ///
    /// # Panics
    /// It cannot be made.
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
        let machine = Self { root, booted: None };
        // nspawn needs it before it mounts /usr.
        fs::copy("/etc/os-release", machine.path("/etc/os-release")).unwrap();
        let id = Self::TELEMETRY_ID;
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
    /// It cannot be written.
    pub fn write(&self, path: &str, text: &str) {
        fs::write(self.path(path), text).unwrap();
    }

    /// Writes a unit that runs this shell command once, after those that are named.
    ///
    /// # Panics
    /// It cannot be written.
    pub fn write_command(&self, unit: &str, after: &str, command: &str) {
        let text = format!(
            "[Unit]\nAfter={after}\nWants={after}\n[Service]\nType=oneshot\nExecStart=/bin/sh -c '{command}'\n"
        );
        self.write(&format!("/etc/systemd/system/{unit}"), &text);
    }

    /// Boots to this unit. What is shown on the console goes to a log in the folder.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn boot(&mut self, log_folder: &Path, unit: &str) {
        let programs = format!("--bind-ro={}:{PROGRAMS}", programs::folder().display());
        self.booted = Some(Container::start(Setup {
            name: format!("bare-{}", std::process::id()),
            root: self.root.clone(),
            logs: log_folder.to_owned(),
            options: vec!["--bind-ro=/usr".to_owned(), programs, format!("systemd.unit={unit}")],
        }));
    }

    /// The machine's journal, as text.
    ///
    /// # Panics
    /// journalctl cannot be started.
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
        self.booted.as_mut().unwrap().power_off();
    }
}

impl Drop for BareMachine {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("the machine's journal:\n{}", self.journal());
        }
    }
}

/// A text of the source tree, with its paths filled in as they are in there.
fn filled(source: &str) -> String {
    let output = Command::new("make")
        .args(["-s", "-C", programs::source_root().to_str().unwrap(), "fill-file"])
        .args([&format!("source={source}"), &format!("bindir={PROGRAMS}")])
        // Variables of a `make test` around this one are not meant for it.
        .env_remove("MAKEFLAGS")
        .env_remove("MAKELEVEL")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
