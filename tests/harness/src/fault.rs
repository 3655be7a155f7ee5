//! Calls of the system that fail in a running program, by strace.

use crate::Process;
use nix::sys::signal::Signal;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A fault of the system, as long as it is not lifted. Only root, or who started the program's tracer, can make one.
#[derive(Debug)]
pub struct Fault {
    strace: Process,
    calls: PathBuf,
}

impl Fault {
    /// Has calls of this name fail with an error, as `ENOSPC`: the third from now on if `when` is `3`, all from the third
    /// on if it is `3+`. The folder takes what strace writes.
    ///
    /// # Panics
    /// strace cannot be started.
    pub fn inject(process: &Process, folder: &Path, call: &str, error: &str, when: &str) -> Self {
        let calls = folder.join("calls");
        let mut command = Command::new("strace");
        command.arg("-o").arg(&calls).arg("-e").arg(format!("trace={call}"));
        command.arg("-e").arg(format!("inject={call}:error={error}:when={when}"));
        command.arg("-p").arg(process.pid().to_string());
        let strace = Process::spawn(folder, "strace", &mut command);
        strace.wait_for_log("attached");
        Self { strace, calls }
    }

    /// Lets all calls be as they are again. Returns whether one failed.
    ///
    /// # Panics
    /// strace wrote nothing.
    pub fn lift(mut self) -> bool {
        self.strace.signal(Signal::SIGINT);
        self.strace.wait();
        fs::read_to_string(&self.calls).unwrap().contains("(INJECTED)")
    }
}
