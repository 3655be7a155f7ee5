//! Another user of the machine: the program `stranger` (see [`super::rude`]) under his id.

use nix::unistd::Uid;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use test_harness::{Sandbox, programs};

/// `nobody`, on every Linux.
pub const STRANGER_UID: u32 = 65534;

/// The running program.
#[derive(Debug)]
pub struct Stranger {
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Stranger {
    /// Starts one, as [`STRANGER_UID`] if this is root, else as this user.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn start(sandbox: &Sandbox) -> Self {
        Self::start_as(STRANGER_UID, sandbox)
    }

    /// Starts one with this user id if this is root, else as who runs this.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn start_as(uid: u32, sandbox: &Sandbox) -> Self {
        // Where the build lies another user may not be allowed to read.
        let program = sandbox.path("stranger");
        if !program.exists() {
            // By another process: were it open for writing here while another thread forks, that child
            // would have it too for a moment, and it could not be started (ETXTBSY).
            let copied = Command::new("cp").arg(programs::path("stranger")).arg(&program).status().unwrap();
            assert!(copied.success(), "{}", program.display());
        }
        let mut command = Command::new(program);
        command.arg(sandbox.socket_path()).current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped());
        if Uid::effective().is_root() {
            command.uid(uid).gid(uid);
        }
        let mut child = command.spawn().unwrap();
        let (commands, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, commands, answers: BufReader::new(answers) }
    }

    /// Has it do something; returns its answer.
    ///
    /// # Panics
    /// It ended.
    pub fn order(&mut self, command: &str) -> String {
        writeln!(self.commands, "{command}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        assert!(answer.ends_with('\n'), "{command}: the stranger ended");
        answer.trim().to_owned()
    }

    /// Has it send a record with a configuration of its own; returns 0 or the errno value.
    ///
    /// # Panics
    /// There was no answer.
    pub fn send_with(&mut self, config: &Path) -> i32 {
        let answer = self.order(&format!("config {}", config.display()));
        answer.parse().unwrap_or_else(|_| panic!("{}: {answer}", config.display()))
    }

    /// Has it send a record; returns 0 or the errno value.
    ///
    /// # Panics
    /// There was no answer.
    pub fn send(&mut self, payload: &str) -> i32 {
        let answer = self.order(&format!("send {payload}"));
        answer.parse().unwrap_or_else(|_| panic!("{payload}: {answer}"))
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
