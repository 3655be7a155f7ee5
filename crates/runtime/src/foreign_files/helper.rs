//! One file helper, seen from the daemon: what it was asked for, and what came of that so far.

use super::packet::{self, HEAD_BYTES, PIECE_BYTES};
use super::{ANSWER_TIME, ForeignFile, IDLE_TIME, PATHS_WAITING, child};
use crate::fork;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, send};
use nix::unistd::Pid;
use std::collections::VecDeque;
use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What processes of this kind are called, as `ps` shows them.
const NAME: &CStr = c"telemetry-files";

/// A file that somebody waits for.
#[derive(Debug)]
struct Request<T> {
    path: PathBuf,
    limit: u32,
    tokens: Vec<T>,
    asked: Instant,
}

/// A file of which a part has come.
#[derive(Debug)]
struct Partial {
    file: ForeignFile,
    length: usize,
}

/// A process that reads the files of one user.
#[derive(Debug)]
pub(super) struct Helper<T> {
    pub(super) user: u32,
    pub(super) pid: Pid,
    socket: OwnedFd,
    /// The first is being read.
    queue: VecDeque<Request<T>>,
    partial: Option<Partial>,
    idle_since: Instant,
}

/// What comes next from a helper.
pub(super) enum Next<T> {
    /// What was read for whom.
    Answer(Vec<T>, io::Result<ForeignFile>),
    /// Nothing for now.
    Nothing,
    /// It is gone.
    Ended,
}

impl<T> Helper<T> {
    /// Starts one for this user's files.
    pub(super) fn start(user: u32, now: Instant) -> io::Result<Self> {
        let (pid, socket) = fork::start(NAME, child::serve)?;
        Ok(Self { user, pid, socket, queue: VecDeque::new(), partial: None, idle_since: now })
    }

    /// Has a file read; who asks for one that is not begun shares it. Returns whether there was room for that.
    pub(super) fn ask(&mut self, path: &Path, limit: u32, token: T, now: Instant) -> bool {
        let mut not_begun = self.queue.iter_mut().skip(1);
        if let Some(same) = not_begun.find(|request| request.path == path && request.limit == limit) {
            same.tokens.push(token);
            return true;
        }
        if self.queue.len() >= PATHS_WAITING {
            return false;
        }
        self.queue.push_back(Request { path: path.to_owned(), limit, tokens: vec![token], asked: now });
        if self.queue.len() == 1 {
            self.send_first();
        }
        true
    }

    /// Sends the first request. One that cannot be sent stays unanswered, as the helper is gone.
    fn send_first(&self) {
        if let Some(request) = self.queue.front() {
            let packet = packet::request(&request.path, request.limit);
            let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
            let _ = send(self.socket.as_raw_fd(), &packet, flags);
        }
    }

    /// Takes what has come.
    pub(super) fn next(&mut self, scratch: &mut [u8; PIECE_BYTES], now: Instant) -> Next<T> {
        loop {
            let length = match recv(self.socket.as_raw_fd(), scratch, MsgFlags::MSG_DONTWAIT) {
                Err(Errno::EAGAIN) => return Next::Nothing,
                Err(Errno::EINTR) => continue,
                Ok(0) | Err(_) => return Next::Ended,
                Ok(length) => length,
            };
            let packet = scratch.get(..length).unwrap_or_default();
            match self.add(packet) {
                Ok(None) => {}
                Ok(Some(result)) => {
                    let tokens = self.queue.pop_front().map(|request| request.tokens);
                    self.idle_since = now;
                    self.send_first();
                    return Next::Answer(tokens.unwrap_or_default(), result);
                }
                Err(NoAnswer) => return Next::Ended,
            }
        }
    }

    /// Adds a packet to the answer that is coming; returns it once it is whole.
    fn add(&mut self, packet: &[u8]) -> Result<Option<io::Result<ForeignFile>>, NoAnswer> {
        let limit = self.queue.front().ok_or(NoAnswer)?.limit;
        let mut partial = match self.partial.take() {
            Some(mut partial) => {
                partial.file.bytes.extend_from_slice(packet);
                partial
            }
            None => match packet::parse_head(packet, limit).ok_or(NoAnswer)? {
                (Err(error), _) => return Ok(Some(Err(error))),
                (Ok(file), length) => Partial { file, length },
            },
        };
        if partial.file.bytes.len() < partial.length {
            // In one piece: the length is below the limit.
            partial.file.bytes.reserve_exact(partial.length - partial.file.bytes.len());
            self.partial = Some(partial);
            return Ok(None);
        }
        Ok(Some(Ok(partial.file)))
    }

    /// Everybody who waits, since nothing comes any more.
    pub(super) fn into_tokens(self) -> Vec<T> {
        self.queue.into_iter().flat_map(|request| request.tokens).collect()
    }

    /// Whether it has nothing to do.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    /// When it is to end: the first in the queue has waited for long enough, or nobody has.
    pub(super) fn due(&self) -> Instant {
        self.queue.front().map_or(self.idle_since + IDLE_TIME, |request| request.asked + ANSWER_TIME)
    }
}

impl<T> AsFd for Helper<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// A packet is no answer to what was asked.
struct NoAnswer;

const _: () = assert!(HEAD_BYTES < PIECE_BYTES);
