//! A connected client: who it is, what it sends, and the answer.

use super::session::Session;
use crate::admission::{Admission, Admitted, Moment, Permit, Refusal};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, send};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use telemetry_record::limits::MESSAGE_BYTES;
use telemetry_record::wire::{self, WireError};

/// Bytes that are taken out at a time: more than most messages have.
const DISCARD_BYTES: usize = 2048;

/// A connected client.
#[derive(Debug)]
pub(crate) struct Client {
    stream: UnixStream,
    permit: Permit,
    session: Session,
}

/// What has been received from a client.
#[derive(Debug)]
pub(crate) enum Received {
    /// Not all of its message yet.
    Part,
    /// All that will come, and whether it is admitted.
    Judged(Result<Admitted, Refusal>),
    /// Nothing, and the client is gone.
    Nothing,
}

impl Client {
    /// A client that has just connected.
    pub(crate) fn new(stream: UnixStream, permit: Permit) -> Self {
        Self { stream, permit, session: Session::default() }
    }

    /// Reads once what has come, and has a message judged once it is whole. `scratch` is one buffer for all clients.
    ///
    /// What completes a message stays in the socket until it is answered: taking it out would wake the client, who sleeps
    /// until the answer comes, only to have it sleep again.
    pub(crate) fn receive(
        &mut self,
        admission: &mut Admission,
        scratch: &mut [u8],
        moment: &Moment,
    ) -> Received {
        let peek = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_PEEK;
        let bytes = match recv(self.stream.as_raw_fd(), scratch, peek) {
            // It ended in the middle of a message.
            Ok(0) if self.session.has_begun() => Err(WireError::Sizes),
            Ok(0) => return Received::Nothing,
            Ok(length) => match self.session.add(scratch.get(..length).unwrap_or_default()) {
                Ok(None) => {
                    let part = scratch.get_mut(..length).unwrap_or_default();
                    let _ = recv(self.stream.as_raw_fd(), part, MsgFlags::MSG_DONTWAIT);
                    return Received::Part;
                }
                Ok(Some(message)) => Ok(message),
                Err(error) => Err(error),
            },
            Err(Errno::EAGAIN | Errno::EINTR) => return Received::Part,
            Err(_) => return Received::Nothing,
        };
        Received::Judged(admission.message(self.permit.uid(), bytes, moment))
    }

    /// The user that the client was when it connected.
    pub(crate) fn uid(&self) -> u32 {
        self.permit.uid()
    }

    /// Answers that the record is stored, and closes.
    pub(crate) fn confirm(self) {
        answer(&self.stream, Ok(()));
    }

    /// Answers why not, and closes.
    pub(crate) fn refuse(self, errno: Errno) {
        refuse(&self.stream, errno);
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// Answers somebody who has no permit.
pub(crate) fn refuse(stream: &UnixStream, errno: Errno) {
    answer(stream, Err(errno as i32));
}

/// Sends an answer. A sender of the C library has closed without reading it, which does no harm.
fn answer(stream: &UnixStream, answer: Result<(), i32>) {
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    let _ = send(stream.as_raw_fd(), &wire::encode_answer(answer), flags);
    discard(stream);
}

/// Takes out what came from a client who is answered: with it in the socket, closing would be a reset for him.
fn discard(stream: &UnixStream) {
    let mut buffer = [0; DISCARD_BYTES];
    for _ in 0..=MESSAGE_BYTES / DISCARD_BYTES {
        match recv(stream.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT) {
            Ok(DISCARD_BYTES) => {}
            _ => return,
        }
    }
}
