//! Serves a worker until it is done, breaks off, or its time is over.
//!
//! ```text
//! at work ──Done────────────▶ whole
//!    ├──── socket closed ───▶ ended early (SIGBUS, ...)
//!    ├──── broken protocol ─▶ ended early
//!    └──── deadline ────────▶ time limit reached
//! ```
//! However it ends, the newest report is there, and the worker is not: with it goes its hold on the core.

use super::deadline::Deadline;
use super::opener::Opener;
use super::protocol::{self, DATAGRAM_BYTES, Message, Report};
use super::worker::Worker;
use crate::limits::MESSAGES;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{ControlMessage, MsgFlags, recv, sendmsg};
use std::io::IoSlice;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

/// What came of a worker.
#[derive(Debug, PartialEq, Eq)]
pub struct WorkerResult {
    /// The newest report.
    pub report: Option<Report>,
    /// Why it is not whole: a sentence.
    pub cut_short: Option<String>,
    /// Whether `/proc/PID` was another process than the core's.
    pub other_process: bool,
}

/// How serving goes on.
enum Next {
    Serve,
    Whole,
    Broken,
    Closed,
}

/// Serves the worker to its end.
pub fn serve(worker: Worker, opener: &mut Opener, deadline: Deadline) -> WorkerResult {
    let mut result = WorkerResult { report: None, cut_short: None, other_process: false };
    let mut messages = 0;
    loop {
        if !wait(worker.socket.as_fd(), deadline) {
            result.cut_short = Some(time_limit_reached(deadline));
            drop(worker);
            return result;
        }
        messages += 1;
        let next = if messages > MESSAGES { Next::Broken } else { turn(&worker, opener, &mut result) };
        match next {
            Next::Serve => {}
            Next::Whole => {
                drop(worker);
                return result;
            }
            Next::Broken => {
                result.cut_short = Some("The analysis ended early (it broke its protocol).".to_owned());
                return result;
            }
            Next::Closed => {
                result.cut_short = Some(format!("The analysis ended early ({}).", worker.end()));
                return result;
            }
        }
    }
}

fn time_limit_reached(deadline: Deadline) -> String {
    format!("Time limit of {} s reached.", deadline.length().as_secs())
}

/// Waits for a message; false at the deadline, which a worker that never pauses reaches too.
fn wait(socket: BorrowedFd<'_>, deadline: Deadline) -> bool {
    while let Some(left) = deadline.left() {
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let mut polled = [PollFd::new(socket, PollFlags::POLLIN)];
        match poll(&mut polled, timeout) {
            Ok(0) | Err(Errno::EINTR) => {}
            _ => return true,
        }
    }
    false
}

fn turn(worker: &Worker, opener: &mut Opener, result: &mut WorkerResult) -> Next {
    let mut datagram = [0; DATAGRAM_BYTES];
    // With MSG_TRUNC the length is the datagram's own, so that one that is too long is seen.
    let received =
        recv(worker.socket.as_raw_fd(), &mut datagram, MsgFlags::MSG_TRUNC | MsgFlags::MSG_DONTWAIT);
    let length = match received {
        Ok(0) => return Next::Closed,
        Ok(length) => length,
        Err(Errno::EINTR | Errno::EAGAIN) => return Next::Serve,
        Err(_) => return Next::Closed,
    };
    let Some(Ok(message)) = datagram.get(..length).map(protocol::decode) else { return Next::Broken };
    match message {
        Message::Report(report) => result.report = Some(report),
        Message::OtherProcess => {
            result.other_process = true;
            opener.distrust_process();
        }
        Message::Done => return Next::Whole,
        Message::ThreadNames(tids) => {
            let bytes = protocol::encode_names(&opener.thread_names(&tids));
            if reply(worker, &bytes, &[]).is_err() {
                return Next::Broken;
            }
        }
        request => {
            if answer(worker, opener, &request).is_err() {
                return Next::Broken;
            }
        }
    }
    Next::Serve
}

/// Never waits: a worker of ours asks for one thing at a time, and takes the answer.
fn answer(worker: &Worker, opener: &mut Opener, request: &Message) -> Result<(), Errno> {
    let found = opener.open(request);
    let bytes = protocol::encode_answer(found.as_ref().map(|found| (found.file.bytes, found.found)));
    let descriptors: Vec<RawFd> = found.iter().map(|found| found.file.file.as_raw_fd()).collect();
    reply(worker, &bytes, &descriptors)
}

fn reply(worker: &Worker, bytes: &[u8], descriptors: &[RawFd]) -> Result<(), Errno> {
    let rights = [ControlMessage::ScmRights(descriptors)];
    let control = if descriptors.is_empty() { &[][..] } else { &rights[..] };
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    sendmsg::<()>(worker.socket.as_raw_fd(), &[IoSlice::new(bytes)], control, flags, None)?;
    Ok(())
}

#[cfg(test)]
mod tests;
