//! A program that runs beside the test and ends with it.

use crate::{programs, until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

/// A running program whose stderr goes to a file.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program of this build; its stderr goes to `LOG_FOLDER/NAME-N.log`.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn start(log_folder: &Path, name: &str, args: &[&str]) -> Self {
        Self::spawn(log_folder, name, &mut programs::command(name, args))
    }

    /// Starts this command.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn spawn(log_folder: &Path, name: &str, command: &mut Command) -> Self {
        let log =
            (0..).map(|n| log_folder.join(format!("{name}-{n}.log"))).find(|log| !log.exists()).unwrap();
        let stderr = File::create(&log).unwrap();
        let child = command.stdin(Stdio::null()).stderr(stderr).spawn().unwrap();
        Self { child, log }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has said on stderr so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until it has said this.
    pub fn wait_for_log(&self, text: &str) {
        until(&format!("`{text}` in {}: {}", self.log.display(), self.log()), || {
            self.log().contains(text).then_some(())
        });
    }

    /// Its end, if it has ended.
    ///
    /// # Errors
    /// As `wait`.
    pub fn try_status(&mut self) -> std::io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// It is gone.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    /// Waits until it ends by itself.
    pub fn wait(&mut self) -> ExitStatus {
        until(&format!("the end of the process of {}", self.log.display()), || self.child.try_wait().unwrap())
    }

    /// Waits until it ends by itself; returns how it ended and all that it has said on stderr.
    pub fn wait_with_log(mut self) -> (ExitStatus, String) {
        let status = self.wait();
        (status, self.log())
    }

    /// Stops it as systemd would; returns all that it has said on stderr.
    ///
    /// # Panics
    /// It does not end with success.
    pub fn stop(&mut self) -> String {
        self.signal(Signal::SIGTERM);
        let status = self.wait();
        assert!(status.success(), "{status}: {}", self.log());
        self.log()
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The child's stdout, if it was piped.
    pub fn take_stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.child.stdout.take()
    }

    /// The process ids of its children, but for its file helpers.
    pub fn children(&self) -> Vec<i32> {
        self.all_children().into_iter().filter(|pid| !is_file_helper(*pid)).collect()
    }

    /// The process ids of the children that read files which records name.
    pub fn file_helpers(&self) -> Vec<i32> {
        self.all_children().into_iter().filter(|pid| is_file_helper(*pid)).collect()
    }

    fn all_children(&self) -> Vec<i32> {
        let id = self.pid();
        let text = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
    }

    /// Largest resident set so far, or now: a field of `/proc/PID/status`, in KiB.
    ///
    /// # Panics
    /// The process is gone.
    pub fn status_kib(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// How many descriptors it has open.
    ///
    /// # Panics
    /// The process is gone.
    pub fn open_descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.pid())).unwrap().count()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        // The directory may be gone before.
        if std::thread::panicking()
            && let Ok(text) = fs::read_to_string(&self.log)
        {
            eprintln!("--- {}:\n{text}", self.log.display());
        }
    }
}

fn is_file_helper(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "telemetry-files\n")
}
