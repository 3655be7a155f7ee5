//! A plugin: started without a shell, in a clean environment and within bounds, and waited for.

use super::answer::Answer;
use crate::measure::PATH;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::socket::{MsgFlags, recv};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, setsid};
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use telemetry_runtime::fork;

/// What is kept of the output, in bytes.
const OUTPUT_BYTES: usize = 8 * 1024;

/// Bounds of a plugin: memory in bytes, processes of its user.
const MEMORY_BYTES: u64 = 512 * 1024 * 1024;
const PROCESSES: u64 = 64;

/// From TERM to KILL.
const MERCY: Duration = Duration::from_secs(1);

/// Between two questions whether it has ended.
const PAUSE: Duration = Duration::from_millis(20);

/// Runs a plugin and waits until it has ended, or its time is up.
pub(super) fn run(command: &[String], timeout: Duration) -> Answer {
    let started = fork::start_with_stream(c"checkprobe-plug", |socket| become_plugin(command, socket));
    let (pid, output) = match started {
        Ok(started) => started,
        Err(error) => return Answer::Error(format!("no process can be started: {error}")),
    };
    let mut waiting = Waiting { pid, output, kept: Vec::new() };
    let deadline = Instant::now() + timeout;
    if let Some(status) = waiting.until(deadline) {
        return waiting.answer(status);
    }
    // Its group first, so that a shell's children hear it as well.
    let _ = killpg(pid, Signal::SIGTERM);
    if waiting.until(deadline + MERCY).is_none() {
        let _ = killpg(pid, Signal::SIGKILL);
        let _ = kill(pid, Signal::SIGKILL);
    }
    Answer::Timeout(waiting.kept)
}

/// Returns only if it cannot be started. Its parent reads why.
fn become_plugin(command: &[String], socket: &OwnedFd) {
    // In the places of the three that were closed, so that nothing else is opened there before the plugin has its own.
    let _places: Vec<_> = (0..3).map(|_| File::open("/dev/null")).collect();
    let limits = [
        (Resource::RLIMIT_AS, MEMORY_BYTES),
        (Resource::RLIMIT_NPROC, PROCESSES),
        (Resource::RLIMIT_CORE, 0),
    ];
    let is_bounded = limits.into_iter().all(|(resource, limit)| setrlimit(resource, limit, limit).is_ok());
    let error = match (command.split_first(), socket.try_clone()) {
        (Some((program, arguments)), Ok(output)) if is_bounded && setsid().is_ok() => Command::new(program)
            .args(arguments)
            .env_clear()
            .env("PATH", PATH)
            .env("LC_ALL", "C")
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::from(output))
            .stderr(Stdio::null())
            .exec()
            .to_string(),
        _ => "it cannot be bounded".to_owned(),
    };
    let _ = nix::unistd::write(socket, format!("cannot be started: {error}").as_bytes());
    // An end that no plugin has by itself.
    let _ = kill(nix::unistd::getpid(), Signal::SIGKILL);
}

/// A plugin at work.
struct Waiting {
    pid: Pid,
    output: OwnedFd,
    kept: Vec<u8>,
}

impl Waiting {
    /// Reads until it has ended, or that time has come: what it has started may hold its output open.
    fn until(&mut self, deadline: Instant) -> Option<WaitStatus> {
        let mut is_open = true;
        loop {
            is_open = is_open && self.read();
            match waitpid(self.pid, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => {}
                Ok(status) => {
                    self.read();
                    return Some(status);
                }
                Err(_) => return Some(WaitStatus::Exited(self.pid, i32::MAX)),
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            let pause = PollTimeout::try_from(left.min(PAUSE)).unwrap_or(PollTimeout::ZERO);
            if is_open {
                let _ = poll(&mut [PollFd::new(self.output.as_fd(), PollFlags::POLLIN)], pause);
            } else {
                std::thread::sleep(left.min(PAUSE));
            }
        }
    }

    /// Reads what is there, and keeps its head; false once nothing can come any more. A flood is given up after some, so
    /// that the time is checked.
    fn read(&mut self) -> bool {
        let mut piece = [0; 16 * 1024];
        for _ in 0..64 {
            match recv(self.output.as_raw_fd(), &mut piece, MsgFlags::MSG_DONTWAIT) {
                Err(Errno::EAGAIN) => return true,
                Err(Errno::EINTR) => {}
                Ok(0) | Err(_) => return false,
                Ok(length) => {
                    let room = OUTPUT_BYTES.saturating_sub(self.kept.len());
                    self.kept.extend(piece.iter().take(length.min(room)));
                }
            }
        }
        true
    }

    fn answer(self, status: WaitStatus) -> Answer {
        match status {
            WaitStatus::Exited(_, code) => Answer::Exit(code, self.kept),
            WaitStatus::Signaled(_, signal, _) => Answer::Signal(signal as i32, self.kept),
            _ => Answer::Error("ended in a way that is not known".to_owned()),
        }
    }
}
