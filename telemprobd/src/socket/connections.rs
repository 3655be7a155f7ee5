//! The clients that are connected, each with what it sent and the time that it has left.

use super::session::{Progress, Session};
use crate::admission::fair_share::Permit;
use crate::limits::CLIENT_TIME;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, getsockopt, recv, send, sockopt};
use std::collections::{HashMap, VecDeque};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Instant;
use telemetry_record::message::Message;
use telemetry_record::wire::{self, WireError};

/// A connected client.
#[derive(Debug)]
pub(crate) struct Client {
    stream: UnixStream,
    uid: u32,
    session: Session,
    _permit: Permit,
}

/// What reading from a client came to.
#[derive(Debug)]
pub(crate) enum Received {
    /// Nothing more for now.
    Waiting,
    /// Its whole message.
    Message(Message),
    /// Bytes that are no message, or the connection's end in the middle of one.
    Refused(WireError),
    /// It left without having sent anything.
    Gone,
}

impl Client {
    /// A client that has just connected, as this user.
    pub(crate) fn new(stream: UnixStream, uid: u32, permit: Permit) -> Self {
        Self { stream, uid, session: Session::default(), _permit: permit }
    }

    /// Reads once what is there. `scratch` is one buffer for all clients.
    pub(crate) fn receive(&mut self, scratch: &mut [u8]) -> Received {
        match recv(self.stream.as_raw_fd(), scratch, MsgFlags::MSG_DONTWAIT) {
            Ok(0) if self.session.has_begun() => Received::Refused(WireError::Sizes),
            Ok(0) => Received::Gone,
            Ok(length) => match self.session.take(scratch.get(..length).unwrap_or_default()) {
                Progress::Incomplete => Received::Waiting,
                Progress::Complete(message) => Received::Message(message),
                Progress::Refused(error) => Received::Refused(error),
            },
            Err(Errno::EAGAIN | Errno::EINTR) => Received::Waiting,
            Err(_) => Received::Gone,
        }
    }

    /// The user that the client was when it connected.
    pub(crate) fn uid(&self) -> u32 {
        self.uid
    }

    /// Answers and closes.
    pub(crate) fn answer(self, answer: Result<(), Errno>) {
        answer_stream(&self.stream, answer);
    }
}

/// The user that the other end was when it connected.
pub(crate) fn uid_of(stream: &UnixStream) -> Result<u32, Errno> {
    getsockopt(stream, sockopt::PeerCredentials).map(|peer| peer.uid())
}

/// Sends an answer. A sender of the C library has closed without reading, which is no matter.
pub(crate) fn answer_stream(stream: &UnixStream, answer: Result<(), Errno>) {
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    let _ = send(stream.as_raw_fd(), &wire::encode_answer(answer.map_err(|errno| errno as i32)), flags);
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// The clients that have not sent their whole message yet.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    clients: HashMap<u64, Client>,
    /// Oldest first, since all have the same time. Those that are gone stay in it until their time.
    deadlines: VecDeque<(Instant, u64)>,
}

impl Connections {
    /// Keeps a client under this number.
    pub(crate) fn add(&mut self, number: u64, client: Client, now: Instant) {
        self.clients.insert(number, client);
        self.deadlines.push_back((now + CLIENT_TIME, number));
    }

    /// The client of this number.
    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut Client> {
        self.clients.get_mut(&number)
    }

    /// Takes a client out.
    pub(crate) fn remove(&mut self, number: u64) -> Option<Client> {
        let client = self.clients.remove(&number);
        while self.deadlines.front().is_some_and(|(_, number)| !self.clients.contains_key(number)) {
            self.deadlines.pop_front();
        }
        client
    }

    /// Takes a client out whose time is over; none if there is none.
    pub(crate) fn take_overdue(&mut self, now: Instant) -> Option<Client> {
        match self.next_deadline() {
            Some((deadline, number)) if deadline <= now => self.remove(number),
            _ => None,
        }
    }

    /// When the next client's time is over.
    pub(crate) fn next_deadline(&self) -> Option<(Instant, u64)> {
        self.deadlines.front().copied()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.clients.len()
    }

    /// All of them, to be read a last time.
    pub(crate) fn drain(&mut self) -> Vec<Client> {
        self.deadlines.clear();
        self.clients.drain().map(|(_, client)| client).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::fair_share::FairShares;
    use crate::settings::UserLimits;
    use std::time::Duration;

    fn client() -> Client {
        let limits = UserLimits { max_connections: None, records_per_minute: None, spool_bytes: None };
        let permit = FairShares::new(limits, 0).permit(0, 0).unwrap();
        Client::new(UnixStream::pair().unwrap().0, 0, permit)
    }

    #[test]
    fn deadlines_pass_in_order_and_the_gone_have_none() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let mut connections = Connections::default();
        for number in 0..4 {
            connections.add(number, client(), start + second * number as u32);
        }
        connections.remove(0);
        connections.remove(2);
        assert_eq!(connections.next_deadline(), Some((start + second + CLIENT_TIME, 1)));
        assert!(connections.take_overdue(start + CLIENT_TIME).is_none());
        assert!(connections.take_overdue(start + second + CLIENT_TIME).is_some());
        assert_eq!(connections.next_deadline(), Some((start + 3 * second + CLIENT_TIME, 3)));
        assert!(connections.take_overdue(start + 9 * CLIENT_TIME).is_some());
        assert_eq!((connections.len(), connections.next_deadline()), (0, None));
    }
}
