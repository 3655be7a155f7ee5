//! The process that reads foreign bytes.

use super::fork;
use super::link::{BrokerClient, Core, WorkerIo};
use super::process::ProcessMemory;
use super::sandbox::{self, Kept};
use super::users::User;
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Pid, getpid};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use telemetry_crash::privacy::Privacy;
use telemetry_crash::report::CrashReport;

/// Exit code of a worker that could not give up what it had; nothing foreign was read.
const NOT_CONFINED: i32 = 100;

/// What a worker is started with.
#[derive(Debug)]
pub struct Task {
    /// What is known without reading anything.
    pub report: CrashReport,
    /// The executable, where it is known.
    pub executable: Option<String>,
    /// Whether the rules for paths hold.
    pub privacy: Privacy,
    /// The core.
    pub core: Core,
    /// The process.
    pub process: Option<ProcessMemory>,
}

/// A worker; dropping it ends it.
#[derive(Debug)]
pub struct Worker {
    pid: Pid,
    /// Its socket.
    pub(super) socket: OwnedFd,
    is_reaped: bool,
}

impl Worker {
    /// Starts a worker that does this work, as `user` where that can be chosen. The core is the worker's alone from
    /// then on, and is closed with it at the latest.
    ///
    /// # Errors
    /// As socketpair(2) and fork(2).
    pub fn start(task: Task, user: Option<User>, work: impl FnOnce(WorkerIo)) -> io::Result<Self> {
        let kind = SockType::SeqPacket;
        let (socket, its_socket) = socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC)?;
        let broker = getpid();
        let pid = fork::run_in_child(move || {
            let Task { report, executable, privacy, core, process } = task;
            let link = BrokerClient::new(its_socket);
            // Held to the very end, panics included: the socket must not be closed before the status is there.
            std::mem::forget(link.clone());
            let process_files =
                process.iter().flat_map(|process| [process.memory.as_raw_fd(), process.auxv.as_raw_fd()]);
            let files: Vec<_> = process_files.chain([core.file().as_raw_fd()]).collect();
            let kept = Kept { user, broker, socket: link.descriptor(), files: &files };
            if sandbox::enter(&kept).is_err() {
                return NOT_CONFINED;
            }
            work(WorkerIo { report, executable, privacy, core, process, broker: link.clone() });
            link.done();
            0
        })?;
        Ok(Self { pid, socket, is_reaped: false })
    }

    /// Its process id.
    #[cfg(test)]
    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    /// Ends the worker, and says how it had ended by itself. One whose socket is closed has its status already,
    /// which a signal does not change any more.
    pub(super) fn end(mut self) -> String {
        match self.reap() {
            Ok(WaitStatus::Signaled(_, signal, _)) => signal.as_str().to_owned(),
            Ok(WaitStatus::Exited(_, fork::PANICKED)) => "a fault of crashprobe".to_owned(),
            Ok(WaitStatus::Exited(_, NOT_CONFINED)) => "its rights could not be dropped".to_owned(),
            Ok(WaitStatus::Exited(_, code)) => format!("exit code {code}"),
            other => format!("{other:?}"),
        }
    }

    fn reap(&mut self) -> nix::Result<WaitStatus> {
        self.is_reaped = true;
        let _ = kill(self.pid, Signal::SIGKILL);
        loop {
            match waitpid(self.pid, None) {
                Err(nix::errno::Errno::EINTR) => {}
                status => return status,
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if !self.is_reaped {
            let _ = self.reap();
        }
    }
}
