//! Waiting for descriptors: epoll, by tokens. One poller serves a loop over thousands of clients at the cost of those that
//! are ready, and one over four descriptors whose interest changes from turn to turn.
//!
//! ```
//! use std::time::Duration;
//! use telemetry_runtime::poller::{Events, Interest, Poller};
//!
//! let (a, b) = std::os::unix::net::UnixStream::pair()?;
//! let poller = Poller::new()?;
//! poller.watch(&a, 7, Interest::Readable)?;
//! let mut events = Events::default();
//! poller.wait(&mut events, Some(Duration::ZERO))?;
//! assert!(events.is_empty());
//! std::io::Write::write_all(&mut &b, b"x")?;
//! poller.wait(&mut events, None)?;
//! assert_eq!(events.tokens().collect::<Vec<_>>(), [7]);
//! # Ok::<(), std::io::Error>(())
//! ```

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

/// Events taken by one call; the others wait for the next.
const EVENTS_PER_WAIT: usize = 64;

/// What a descriptor is watched for. An error or the other end's closing wakes in either case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Something can be read.
    Readable,
    /// Something can be read, or there is room to write.
    ReadableOrWritable,
}

/// A set of watched descriptors, each with a token by which its events are known.
#[derive(Debug)]
pub struct Poller(Epoll);

impl Poller {
    /// A poller that watches nothing yet.
    ///
    /// # Errors
    /// As `epoll_create1`.
    pub fn new() -> io::Result<Self> {
        Ok(Self(Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?))
    }

    /// Watches a descriptor, or changes the token and interest of one that is watched already. A descriptor that is closed
    /// is no longer watched.
    ///
    /// # Errors
    /// As `epoll_ctl`; then the set is as it was.
    pub fn watch(&self, source: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        let flags = match interest {
            Interest::Readable => EpollFlags::EPOLLIN,
            Interest::ReadableOrWritable => EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT,
        };
        let mut event = EpollEvent::new(flags, token);
        match self.0.add(&source, event) {
            Err(Errno::EEXIST) => Ok(self.0.modify(&source, &mut event)?),
            added => Ok(added?),
        }
    }

    /// Watches a descriptor no longer. Returns whether it was watched.
    pub fn forget(&self, source: impl AsFd) -> bool {
        self.0.delete(source).is_ok()
    }

    /// Waits until a watched descriptor has an event, or for `timeout`, rounded up to milliseconds; without one for as long
    /// as it takes. A signal ends the wait early, without events.
    ///
    /// # Errors
    /// As `epoll_wait`.
    pub fn wait(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        events.length = match self.0.wait(&mut events.buffer, rounded_up(timeout)) {
            Err(Errno::EINTR) => 0,
            length => length?,
        };
        Ok(())
    }
}

/// A poller can be watched by another one.
impl AsFd for Poller {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.0.as_fd()
    }
}

/// The events of one wait.
#[derive(Debug)]
pub struct Events {
    buffer: [EpollEvent; EVENTS_PER_WAIT],
    length: usize,
}

impl Default for Events {
    fn default() -> Self {
        Self { buffer: [EpollEvent::empty(); EVENTS_PER_WAIT], length: 0 }
    }
}

impl Events {
    /// The tokens of the descriptors that have an event.
    pub fn tokens(&self) -> impl Iterator<Item = u64> {
        self.buffer.iter().take(self.length).map(EpollEvent::data)
    }

    /// Whether there are none: the time was up, or a signal came.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }
}

/// A wait that ended a moment too early would be a turn for nothing.
fn rounded_up(timeout: Option<Duration>) -> EpollTimeout {
    let Some(timeout) = timeout else { return EpollTimeout::NONE };
    EpollTimeout::try_from(timeout.as_nanos().div_ceil(1_000_000)).unwrap_or(EpollTimeout::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    fn ready(poller: &Poller) -> Vec<u64> {
        let mut events = Events::default();
        poller.wait(&mut events, Some(Duration::ZERO)).unwrap();
        events.tokens().collect()
    }

    #[test]
    fn a_descriptor_is_watched_until_it_is_forgotten_or_closed() {
        let poller = Poller::new().unwrap();
        let pairs: Vec<_> = (0..3).map(|_| UnixStream::pair().unwrap()).collect();
        for (token, (source, other)) in (0..).zip(&pairs) {
            poller.watch(source, token, Interest::Readable).unwrap();
            (&*other).write_all(b"x").unwrap();
        }
        assert_eq!(ready(&poller), [0, 1, 2]);
        assert!(poller.forget(&pairs[1].0));
        assert!(!poller.forget(&pairs[1].0));
        assert_eq!(ready(&poller), [0, 2]);
        drop(pairs);
        assert_eq!(ready(&poller), [0; 0]);
    }

    #[test]
    fn watching_again_changes_token_and_interest() {
        let poller = Poller::new().unwrap();
        let (source, _other) = UnixStream::pair().unwrap();
        poller.watch(&source, 1, Interest::Readable).unwrap();
        assert_eq!(ready(&poller), [0; 0]);
        poller.watch(&source, 2, Interest::ReadableOrWritable).unwrap();
        assert_eq!(ready(&poller), [2]);
        poller.watch(&source, 3, Interest::Readable).unwrap();
        assert_eq!(ready(&poller), [0; 0]);
    }

    #[test]
    fn more_events_than_fit_come_with_the_next_wait() {
        let poller = Poller::new().unwrap();
        let pairs: Vec<_> = (0..=EVENTS_PER_WAIT).map(|_| UnixStream::pair().unwrap()).collect();
        for (token, (source, other)) in (0..).zip(&pairs) {
            poller.watch(source, token, Interest::Readable).unwrap();
            (&*other).write_all(b"x").unwrap();
        }
        let mut seen = ready(&poller);
        assert_eq!(seen.len(), EVENTS_PER_WAIT);
        seen.extend(ready(&poller));
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), pairs.len());
    }

    #[test]
    fn a_wait_is_rounded_up_to_milliseconds() {
        for (nanos, millis) in [(0, 0), (1, 1), (1_000_000, 1), (1_000_001, 2)] {
            let timeout = rounded_up(Some(Duration::from_nanos(nanos)));
            assert_eq!(timeout, EpollTimeout::try_from(millis).unwrap(), "{nanos}");
        }
        assert_eq!(rounded_up(Some(Duration::MAX)), EpollTimeout::MAX);
        assert_eq!(rounded_up(None), EpollTimeout::NONE);
    }
}
