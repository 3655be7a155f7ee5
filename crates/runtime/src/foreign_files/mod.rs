//! Files that any user of this machine may have put there, such as the configuration that a record names (`CFG:`): read by
//! **file helpers**, so that a file system that does not answer (`open`, `fstat` and `read` of one that is gone never
//! return) stops nothing but the records of its owner.
//!
//! ```text
//!  ask(user, path) ──▶ helper of that user: forked, one socket, nothing else open
//!                          │ open, fstat, read up to the bound
//!  take() ◀────────────────┤ the file, or why not
//!                          │ no answer for a second: SIGKILL; nothing of that user is tried for a minute
//!                          └ it does not die either: it keeps its place, and its user waits for as long
//! ```
//!
//! A helper passes no descriptor, since the daemon's own `fstat` could hang. It is a process and no thread, since a process of
//! which one thread hangs cannot end. There are `PLACES` of them, and one that has had nothing to do for
//! `IDLE_TIME` ends. They inherit no work: the daemon must have one thread.

mod child;
mod file;
mod helper;
mod packet;

pub use file::{ForeignFile, Untrusted};

use crate::poller::{Events, Interest, Poller};
use helper::{Helper, Next};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use packet::PIECE_BYTES;
use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::{Duration, Instant};

/// Helpers at one time: few users name files at all, and each that hangs may hold memory for as long as its file system does
/// not answer.
const PLACES: usize = 8;

/// Files that wait for one helper. A user has 64 connections to telemprobd.
const PATHS_WAITING: usize = 64;

/// How long a helper has for an answer: no sender has to wait longer.
const ANSWER_TIME: Duration = Duration::from_secs(1);

/// How long nothing of a user is tried whose helper gave no answer: each try costs a process.
const BLOCKED_TIME: Duration = Duration::from_secs(60);

/// When it is worth to ask again where there was no place.
const RETRY_TIME: Duration = Duration::from_secs(1);

/// How long a helper is kept for the next record.
const IDLE_TIME: Duration = Duration::from_secs(10);

/// There is no answer: the file system gives none, or nobody is free to wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the file system that it is on does not answer, or those of too many users do not")]
pub struct NoAnswer {
    /// When it is worth to ask again.
    pub retry: Instant,
}

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// As the system says; `InvalidInput` for what is no regular file, `FileTooLarge` for one beyond the bound.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Nothing is known of it.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
}

/// An answer, and for whom.
#[derive(Debug)]
pub struct Answer<T> {
    /// What was passed to [`ForeignFiles::ask`].
    pub tokens: Vec<T>,
    /// The file.
    pub file: Result<ForeignFile, FileError>,
}

/// A helper that was ended and is still there.
#[derive(Debug)]
struct Ending {
    pid: Pid,
    /// Whose files it hangs on; none where it hangs on nothing.
    holds_place_of: Option<u32>,
}

/// The file helpers of a daemon. `T` is what the daemon knows an answer by. As a descriptor, it can be read when an answer
/// is there.
#[derive(Debug)]
pub struct ForeignFiles<T> {
    poller: Poller,
    helpers: Vec<Helper<T>>,
    ending: Vec<Ending>,
    blocked: HashMap<u32, Instant>,
}

impl<T> ForeignFiles<T> {
    /// No helper runs yet.
    ///
    /// # Errors
    /// As `epoll_create1`.
    pub fn new() -> io::Result<Self> {
        let (helpers, ending) = (Vec::new(), Vec::new());
        Ok(Self { poller: Poller::new()?, helpers, ending, blocked: HashMap::new() })
    }

    /// Has a file of up to `limit` bytes read for a record of this user. The answer comes from [`ForeignFiles::take`], with
    /// the token.
    ///
    /// # Errors
    /// There is no place, or this user's files gave no answer lately.
    pub fn ask(
        &mut self,
        user: u32,
        path: &Path,
        limit: u32,
        token: T,
        now: Instant,
    ) -> Result<(), NoAnswer> {
        self.reap();
        self.blocked.retain(|_, until| *until > now);
        if let Some(until) = self.blocked.get(&user) {
            return Err(NoAnswer { retry: *until });
        }
        if self.ending.iter().any(|ending| ending.holds_place_of == Some(user)) {
            return Err(NoAnswer { retry: now + BLOCKED_TIME });
        }
        let retry = now + RETRY_TIME;
        if !self.helpers.iter().any(|helper| helper.user == user) {
            self.start(user, now).map_err(|_| NoAnswer { retry })?;
        }
        let helper = self.helpers.iter_mut().find(|helper| helper.user == user);
        match helper.is_some_and(|helper| helper.ask(path, limit, token, now)) {
            true => Ok(()),
            false => Err(NoAnswer { retry }),
        }
    }

    fn start(&mut self, user: u32, now: Instant) -> io::Result<()> {
        let hanging = self.ending.iter().filter(|ending| ending.holds_place_of.is_some()).count();
        if self.helpers.len() + hanging >= PLACES {
            let idle = self.helpers.iter().position(Helper::is_idle);
            let idle = idle.ok_or_else(|| io::Error::from(io::ErrorKind::ResourceBusy))?;
            self.end_idle(idle);
        }
        let helper = Helper::start(user, now)?;
        self.poller.watch(&helper, u64::from(user), Interest::Readable)?;
        self.helpers.push(helper);
        Ok(())
    }

    /// What was read since the last call, and what will not be read any more.
    pub fn take(&mut self, now: Instant) -> Vec<Answer<T>> {
        let mut answers = Vec::new();
        let mut scratch = [0; PIECE_BYTES];
        let mut index = 0;
        while let Some(helper) = self.helpers.get_mut(index) {
            match helper.next(&mut scratch, now) {
                Next::Answer(tokens, file) => {
                    answers.push(Answer { tokens, file: file.map_err(FileError::Io) });
                }
                Next::Ended => answers.push(self.give_up(index, now)),
                Next::Nothing if helper.due() > now => index += 1,
                Next::Nothing if helper.is_idle() => self.end_idle(index),
                Next::Nothing => answers.push(self.give_up(index, now)),
            }
        }
        answers
    }

    /// Lets a helper end that has nothing to do.
    fn end_idle(&mut self, index: usize) {
        // Its socket closes.
        let helper = self.helpers.swap_remove(index);
        self.ending.push(Ending { pid: helper.pid, holds_place_of: None });
    }

    /// Ends a helper that gives no answer.
    fn give_up(&mut self, index: usize, now: Instant) -> Answer<T> {
        let helper = self.helpers.swap_remove(index);
        // It fails only if the process has ended and was reaped.
        let _ = kill(helper.pid, Signal::SIGKILL);
        let retry = now + BLOCKED_TIME;
        self.blocked.insert(helper.user, retry);
        self.ending.push(Ending { pid: helper.pid, holds_place_of: Some(helper.user) });
        self.reap();
        Answer { tokens: helper.into_tokens(), file: Err(NoAnswer { retry }.into()) }
    }

    /// Nobody waits for anything that was asked for: no answer comes, and what hangs goes on holding its place.
    pub fn cancel(&mut self) {
        for helper in self.helpers.drain(..) {
            let holds_place_of = (!helper.is_idle()).then_some(helper.user);
            let _ = kill(helper.pid, Signal::SIGKILL);
            self.ending.push(Ending { pid: helper.pid, holds_place_of });
        }
        self.reap();
    }

    /// Waits until an answer may be there, for as long as that can take.
    pub fn wait(&self, now: Instant) {
        let left = self.next_due().map_or(Duration::ZERO, |due| due.saturating_duration_since(now));
        let _ = self.poller.wait(&mut Events::default(), Some(left));
    }

    /// When [`ForeignFiles::take`] has something to do though nothing came.
    pub fn next_due(&self) -> Option<Instant> {
        self.helpers.iter().map(Helper::due).min()
    }

    /// Takes note of helpers that have ended.
    pub fn reap(&mut self) {
        self.ending.retain(|ending| {
            matches!(waitpid(ending.pid, Some(WaitPidFlag::WNOHANG)), Ok(WaitStatus::StillAlive))
        });
    }
}

impl<T> AsFd for ForeignFiles<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.poller.as_fd()
    }
}

impl<T> Drop for ForeignFiles<T> {
    /// None goes on once the daemon is gone.
    fn drop(&mut self) {
        self.cancel();
    }
}

#[cfg(test)]
mod tests;
