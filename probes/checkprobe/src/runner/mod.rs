//! A run of a check, in a process of its own that ends: the **runner**. It measures, or starts a plugin and waits for it; then
//! it ends whatever descends from it, and only then says what came of it.
//!
//! ```text
//!  checkprobe ──fork──▶ runner (subreaper) ──fork, exec──▶ plugin ──▶ its children, also those that left its group
//!      ▲                   │ output: 8 KiB are kept, the rest is read and dropped
//!      │                   │ over 64 processes: ended
//!      │                   │ timeout: TERM, a second later KILL
//!      │                   │ everything that is left below it: STOP, then KILL, until nothing is
//!      ├── what came ──────┤ silent for some seconds beyond all that: killed itself
//!      └── its end ────────┘ only then the check is run again: what nobody can end, as on a dead NFS, is there once
//! ```

mod answer;
mod child;
mod descendants;
mod ending;
mod landlock;
mod plugin;

use answer::Answer;

use crate::definition::{Definition, Kind};
use crate::result::Measured;
use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{MsgFlags, recv};
use nix::unistd::Pid;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;
use telemetry_runtime::fork;
use telemetry_store::check_states::State;

/// What a runner may take beyond the timeout of its check: to end a plugin, and what it left; or to say what it measured.
const GRACE: Duration = Duration::from_secs(5);
const SHORT_GRACE: Duration = Duration::from_secs(1);

/// How long ending what is left may keep the caller.
const ENDING: Duration = Duration::from_millis(200);

/// Longest answer, in bytes.
const ANSWER_BYTES: usize = 64 * 1024;

/// A run that goes on.
#[derive(Debug)]
pub(crate) struct Run {
    /// The check's name.
    pub(crate) name: String,
    /// The runner.
    pub(crate) pid: Pid,
    /// The runner has ended and its number may be another's, though its answer was not taken yet.
    pub(crate) has_ended: bool,
    socket: OwnedFd,
    bytes: Vec<u8>,
    /// When it is killed, by the clock of the caller.
    pub(crate) deadline: Duration,
    /// What is said of it then.
    silence: Measured,
}

impl Run {
    /// Starts one.
    pub(crate) fn start(definition: &Definition, state_dir: &Path, now: Duration) -> io::Result<Self> {
        let (pid, socket) =
            fork::start_with_stream(c"checkprobe-run", |socket| child::serve(definition, state_dir, socket))?;
        let grace = if matches!(definition.kind, Kind::Plugin(_)) { GRACE } else { SHORT_GRACE };
        let deadline = now + definition.timeout + grace;
        // Who has to answer does not.
        let state = match definition.kind {
            Kind::Tcp(_) | Kind::Http { .. } => State::Critical,
            _ => State::Unknown,
        };
        let text = format!("no result after {} s, ended", definition.timeout.as_secs());
        let silence = Measured::verdict(state, text);
        Ok(Self {
            name: definition.name.clone(),
            pid,
            has_ended: false,
            socket,
            bytes: Vec::new(),
            deadline,
            silence,
        })
    }

    /// Takes what has come; the answer once it is whole.
    pub(crate) fn take(&mut self) -> Option<Measured> {
        let mut piece = [0; 4096];
        loop {
            match recv(self.socket.as_raw_fd(), &mut piece, MsgFlags::MSG_DONTWAIT) {
                Err(Errno::EAGAIN) => return None,
                Err(Errno::EINTR) => {}
                Ok(0) | Err(_) => return Some(Answer::parse(&self.bytes).into_measured()),
                Ok(length) => {
                    let room = ANSWER_BYTES.saturating_sub(self.bytes.len());
                    self.bytes.extend(piece.iter().take(length.min(room)));
                }
            }
        }
    }

    /// Ends it: it has not answered for too long. What it left behind becomes the caller's, who ends that, too.
    pub(crate) fn kill(&self) -> Measured {
        if !self.has_ended {
            // It fails only if the process has ended.
            let _ = kill(self.pid, Signal::SIGKILL);
        }
        self.silence.clone()
    }
}

impl AsFd for Run {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Makes this process the parent of what a runner that was killed leaves behind.
///
/// # Errors
/// As prctl(2).
pub(crate) fn adopt_strays() -> io::Result<()> {
    Ok(prctl::set_child_subreaper(true)?)
}

/// Ends everything below this process but these; false if something is left.
pub(crate) fn end_strays(runners: &[Pid]) -> bool {
    ending::end_all_but(runners, ENDING)
}
