//! A plugin: started without a shell, in a clean environment and within bounds, and waited for.

use super::answer::Answer;
use super::{descendants, landlock};
use crate::measure::PATH;
use crate::program;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::socket::{MsgFlags, recv};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, chdir, dup2_stderr, dup2_stdin, dup2_stdout, getpid, setsid};
use std::convert::Infallible;
use std::ffi::CString;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};
use telemetry_runtime::fork;

/// What is kept of the output, in bytes.
const OUTPUT_BYTES: usize = 8 * 1024;

/// Memory of each of its processes, in bytes.
const MEMORY_BYTES: u64 = 512 * 1024 * 1024;

/// Processes of a plugin. The system can only count those of its user, which all plugins share: a limit of that number would
/// let one of them keep the others from starting any. So the runner counts, and ends a plugin that has more; until it does,
/// the system's limit is that of several, and below `TasksMax=` of the unit.
const PROCESSES: usize = 64;
const PROCESSES_OF_USER: u64 = 256;

/// What stands before the reason if a plugin could not be started. One that prints this itself, and is killed, says no more by
/// it than it could by its exit code.
const NOT_STARTED: &[u8] = b"\0not started\0";

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
    let mut waiting = Waiting { pid, output, kept: Vec::new(), is_counted: descendants::are_known() };
    let deadline = Instant::now() + timeout;
    match waiting.until(deadline) {
        Stage::Ended(status) => return waiting.answer(status),
        Stage::Crowd => return too_many(),
        Stage::TimeUp => {}
    }
    // Its group first, so that a shell's children hear it as well.
    let _ = killpg(pid, Signal::SIGTERM);
    if !matches!(waiting.until(deadline + MERCY), Stage::Ended(_)) {
        let _ = killpg(pid, Signal::SIGKILL);
        let _ = kill(pid, Signal::SIGKILL);
    }
    Answer::Timeout(waiting.kept)
}

fn too_many() -> Answer {
    Answer::Error(format!("has more than {PROCESSES} processes and was ended"))
}

/// Returns only if it cannot be started. Its parent reads why.
fn become_plugin(command: &[String], socket: &OwnedFd) {
    // In the places of the three that were closed, so that nothing else is opened there before the plugin has its own.
    let _places: Vec<_> = (0..3).map(|_| File::open("/dev/null")).collect();
    let of_user = if descendants::are_known() { PROCESSES_OF_USER } else { PROCESSES as u64 };
    let limits =
        [(Resource::RLIMIT_AS, MEMORY_BYTES), (Resource::RLIMIT_NPROC, of_user), (Resource::RLIMIT_CORE, 0)];
    let is_bounded = limits.into_iter().all(|(resource, limit)| limit_to(resource, limit).is_ok())
        && landlock::keep_signals_inside().is_ok();
    let reason = if is_bounded && setsid().is_ok() {
        replace_process(command, socket)
    } else {
        "it cannot be bounded".to_owned()
    };
    let _ = nix::unistd::write(socket, &[NOT_STARTED, reason.as_bytes()].concat());
    // An end that no plugin has by itself.
    let _ = kill(nix::unistd::getpid(), Signal::SIGKILL);
}

/// Becomes the plugin; returns why it did not.
fn replace_process(command: &[String], socket: &OwnedFd) -> String {
    let Some(program) = command.first() else { return "it has no command".to_owned() };
    let path = Path::new(program);
    if let Some(obstacle) = program::obstacle(path) {
        return format!("{program} {obstacle}");
    }
    let word = |word: &str| CString::new(word).map_err(|_| Errno::EINVAL);
    let become_it = || -> Result<Infallible, Errno> {
        let words = command.iter().map(|each| word(each)).collect::<Result<Vec<_>, _>>()?;
        let environment = [word(&format!("PATH={PATH}"))?, word("LC_ALL=C")?];
        // Another descriptor than that of the output, which it may have already, as one that ends with exec.
        let output = socket.try_clone().map_err(|_| Errno::EMFILE)?;
        let nothing = File::options().read(true).write(true).open("/dev/null").map_err(|_| Errno::EIO)?;
        dup2_stdin(&nothing)?;
        dup2_stdout(&output)?;
        dup2_stderr(&nothing)?;
        chdir("/")?;
        Err(fork::become_program(&word(program)?, &words, &environment))
    };
    let Err(errno) = become_it();
    format!("{program} {}", program::refused(path, &errno.into()))
}

/// Sets a limit that nothing raises again; one that is lower stays.
fn limit_to(resource: Resource, limit: u64) -> nix::Result<()> {
    let (_, hard) = getrlimit(resource)?;
    setrlimit(resource, limit.min(hard), limit.min(hard))
}

/// A plugin at work.
struct Waiting {
    pid: Pid,
    output: OwnedFd,
    kept: Vec<u8>,
    is_counted: bool,
}

/// Why it is waited for no longer.
enum Stage {
    /// It ended so.
    Ended(WaitStatus),
    /// It has too many processes.
    Crowd,
    /// That time has come.
    TimeUp,
}

impl Waiting {
    /// Reads until it has ended, or that time has come: what it has started may hold its output open.
    fn until(&mut self, deadline: Instant) -> Stage {
        let mut is_open = true;
        loop {
            is_open = is_open && self.read();
            match waitpid(self.pid, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => {}
                Ok(status) => {
                    self.read();
                    return Stage::Ended(status);
                }
                Err(_) => return Stage::Ended(WaitStatus::Exited(self.pid, i32::MAX)),
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Stage::TimeUp;
            }
            if self.is_counted && descendants::below(getpid(), &[], PROCESSES + 1, drop).len() > PROCESSES {
                return Stage::Crowd;
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
            WaitStatus::Signaled(_, signal, _) => match self.kept.strip_prefix(NOT_STARTED) {
                Some(reason) if signal == Signal::SIGKILL => {
                    Answer::Error(format!("cannot be run: {}", String::from_utf8_lossy(reason)))
                }
                _ => Answer::Signal(signal as i32, self.kept),
            },
            _ => Answer::Error("ended in a way that is not known".to_owned()),
        }
    }
}
