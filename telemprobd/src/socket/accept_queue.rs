//! Clients that have connected and wait in the kernel until they are accepted.

use super::listener::{ListenError, Listener};
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use telemetry_runtime::poller::{Interest, Poller};

/// Time to wait when the system gives no descriptor for a new client.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// The queue of a listener that a poller watches.
#[derive(Debug)]
pub(crate) struct AcceptQueue {
    listener: Listener,
    token: u64,
    /// Set while nobody is accepted: there are as many clients as there may be, or the system gave no
    /// descriptor. Nobody is accepted again before this time.
    paused_until: Option<Instant>,
}

impl AcceptQueue {
    /// Has the poller watch the listener by this token.
    ///
    /// # Errors
    /// As [`Poller::watch`].
    pub(crate) fn watch(listener: Listener, poller: &Poller, token: u64) -> io::Result<Self> {
        poller.watch(&listener, token, Interest::Readable)?;
        Ok(Self { listener, token, paused_until: None })
    }

    /// As [`Listener::listen`].
    pub(crate) fn listen(&self) -> Result<(), ListenError> {
        self.listener.listen()
    }

    /// The next client that waits, if there is one.
    ///
    /// # Errors
    /// The system gives no descriptor for it.
    pub(crate) fn accept(&self) -> io::Result<Option<UnixStream>> {
        self.listener.accept()
    }

    /// The next client that waits, if there is one and somebody may be accepted.
    pub(crate) fn accept_unless_paused(&self) -> Option<UnixStream> {
        if self.paused_until.is_some() {
            return None;
        }
        // What the system has against it, it says to the next one who asks.
        self.accept().ok().flatten()
    }

    /// Accepts nobody until there is room for another client.
    pub(crate) fn pause_until_room(&mut self, poller: &Poller, now: Instant) {
        self.pause(poller, now);
    }

    /// Accepts nobody for a while, in which the system may have descriptors again.
    pub(crate) fn pause_and_retry(&mut self, poller: &Poller, now: Instant) {
        self.pause(poller, now + ACCEPT_RETRY);
    }

    fn pause(&mut self, poller: &Poller, until: Instant) {
        if poller.forget(&self.listener) {
            self.paused_until = Some(until);
        }
    }

    /// Accepts again if the pause is over and there is room.
    ///
    /// # Errors
    /// As [`Poller::watch`].
    pub(crate) fn resume_if_due(&mut self, poller: &Poller, has_room: bool, now: Instant) -> io::Result<()> {
        if has_room && self.paused_until.is_some_and(|until| until <= now) {
            poller.watch(&self.listener, self.token, Interest::Readable)?;
            self.paused_until = None;
        }
        Ok(())
    }

    /// Time until [`AcceptQueue::resume_if_due`] is due. None while no pause ends by time: there is none, or it lasts
    /// until a client leaves.
    pub(crate) fn time_left(&self, now: Instant) -> Option<Duration> {
        let left = self.paused_until?.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// The path that clients connect to, if it is one.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        self.listener.path()
    }

    /// The path of a socket of our own; none for systemd's.
    pub(crate) fn own_path(&self) -> Option<&Path> {
        self.listener.own_path()
    }

    /// Removes a path of our own, so that nobody else connects. Those who wait can still be accepted.
    pub(crate) fn close_to_new(&mut self) {
        self.listener.remove_path();
    }
}
