//! What may hang is asked in a child: `statvfs` of a file system whose server is gone never returns, and nothing but the end
//! of the file system ends the process that called it.
//!
//! ```text
//!  ask ──▶ helper: forked, one socket, nothing else open; asks one thing after the other
//!            │ takes the lock of the thing, a byte of RUN_DIR/sensors.lock; taken: somebody waits for it already
//!            ├──▶ an answer for each
//!            │ none for 100 ms: another helper goes on behind the one that hangs
//!            └ none after 900 ms in all: killed. If it does not die, it keeps its lock, so that there is one and no more
//! ```

mod child;
mod packet;
mod question;
#[cfg(test)]
mod tests;

use crate::error::SensorError;
use crate::limits::{ANSWER_TIME, PATIENCE};
use crate::source::Source;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{MsgFlags, recv};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use packet::{PACKET_BYTES, Packet};
pub(crate) use question::{Answer, Question, highest, usage};
use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use telemetry_runtime::fork;

/// What processes of this kind are called, as `ps` shows them.
const NAME: &CStr = c"telemetry-ask";

/// The file whose bytes are locked, below `run_dir`.
const LOCK_FILE: &str = "sensors.lock";

/// The key of no question.
const NOTHING: u64 = u64::MAX;

/// The helpers of a process.
#[derive(Debug, Default)]
pub struct Helpers {
    lock: Option<PathBuf>,
    /// Killed, and not gone yet: each with what it hangs at.
    ending: Vec<(Pid, u64)>,
}

/// One that works.
struct Running {
    pid: Pid,
    socket: OwnedFd,
    /// What it asks now.
    at: usize,
}

/// One round of questions.
struct Round<'a> {
    source: &'a Source,
    questions: &'a [Question],
    answers: Vec<Option<Result<Answer, SensorError>>>,
    /// The last one goes on with what was not asked yet; the others hang.
    running: Vec<Running>,
    /// What is asked next.
    next: usize,
    ending: Vec<(Pid, u64)>,
}

impl Helpers {
    /// For a process that may write there; without, one that hangs is known to this process alone.
    pub fn new(run_dir: Option<&Path>) -> Self {
        Self { lock: run_dir.map(|run_dir| run_dir.join(LOCK_FILE)), ending: Vec::new() }
    }

    /// Asks all of these, and waits for up to [`ANSWER_TIME`]. The process has one thread.
    pub(crate) fn ask(
        &mut self,
        source: &Source,
        questions: &[Question],
    ) -> Vec<Result<Answer, SensorError>> {
        self.reap();
        let hangs = |question: &Question| self.ending.iter().any(|(_, key)| *key == question.key());
        let answers =
            questions.iter().map(|question| hangs(question).then_some(Err(SensorError::StillHangs)));
        let mut round = Round {
            source,
            questions,
            answers: answers.collect(),
            running: Vec::new(),
            next: 0,
            ending: Vec::new(),
        };
        round.run(self.lock.as_deref());
        let Round { running, answers, ending, .. } = round;
        self.ending.extend(ending);
        for helper in running {
            // It fails only if the process has ended and was reaped.
            let _ = kill(helper.pid, Signal::SIGKILL);
            let key = questions.get(helper.at).map_or(NOTHING, Question::key);
            self.ending.push((helper.pid, key));
        }
        self.reap();
        answers.into_iter().map(|answer| answer.unwrap_or(Err(SensorError::Hangs))).collect()
    }

    /// Takes note of helpers that have ended.
    fn reap(&mut self) {
        self.ending.retain(|(pid, _)| {
            matches!(waitpid(*pid, Some(WaitPidFlag::WNOHANG)), Ok(WaitStatus::StillAlive))
        });
    }
}

impl Round<'_> {
    fn run(&mut self, lock: Option<&Path>) {
        let deadline = Instant::now() + ANSWER_TIME;
        let mut asked = Instant::now();
        let mut is_asking = false;
        loop {
            self.skip_answered();
            if !is_asking && self.next < self.questions.len() {
                match self.start(lock) {
                    Ok(()) => (is_asking, asked) = (true, Instant::now()),
                    Err(error) => {
                        self.give_up(&error);
                        continue;
                    }
                }
            }
            let now = Instant::now();
            if self.answers.iter().all(Option::is_some) || now >= deadline {
                return;
            }
            let until = if is_asking { deadline.min(asked + PATIENCE) } else { deadline };
            self.wait(until.saturating_duration_since(now));
            match self.take() {
                Progress::Answer => asked = Instant::now(),
                Progress::Ended => is_asking = false,
                Progress::None if is_asking && asked.elapsed() >= PATIENCE => {
                    is_asking = false;
                    self.next += 1;
                }
                Progress::None => {}
            }
        }
    }

    fn skip_answered(&mut self) {
        while self.answers.get(self.next).is_some_and(Option::is_some) {
            self.next += 1;
        }
    }

    fn start(&mut self, lock: Option<&Path>) -> std::io::Result<()> {
        let (first, source, questions) = (self.next, self.source, self.questions);
        let is_known: Vec<bool> = self.answers.iter().map(Option::is_some).collect();
        let (pid, socket) = fork::start(NAME, |socket| {
            let asked = questions.iter().zip(&is_known).enumerate().skip(first);
            let unknown = asked.filter(|(_, (_, is_known))| !**is_known);
            child::serve(socket, source, unknown.map(|(place, (question, _))| (place, question)), lock);
        })?;
        self.running.push(Running { pid, socket, at: first });
        Ok(())
    }

    /// No helper can be started: nothing more is asked.
    fn give_up(&mut self, error: &std::io::Error) {
        let error = SensorError::Other(format!("no process can be started: {error}"));
        let unasked = self.answers.iter_mut().skip(self.next).filter(|answer| answer.is_none());
        unasked.for_each(|answer| *answer = Some(Err(error.clone())));
    }

    fn wait(&self, time: Duration) {
        // Rounded up, so that it does not wake before its time.
        let time = time + Duration::from_millis(1);
        let mut sockets: Vec<_> =
            self.running.iter().map(|helper| PollFd::new(helper.socket.as_fd(), PollFlags::POLLIN)).collect();
        let _ = poll(&mut sockets, PollTimeout::try_from(time).unwrap_or(PollTimeout::ZERO));
    }

    /// Takes what has come. What the newest helper did is the progress.
    fn take(&mut self) -> Progress {
        let mut progress = Progress::None;
        let mut index = 0;
        while let Some(helper) = self.running.get(index) {
            let is_newest = index + 1 == self.running.len();
            let mut bytes = [0; PACKET_BYTES];
            match recv(helper.socket.as_raw_fd(), &mut bytes, MsgFlags::MSG_DONTWAIT) {
                Err(Errno::EAGAIN | Errno::EINTR) => index += 1,
                Ok(PACKET_BYTES) => {
                    self.note(index, Packet::parse(&bytes));
                    if is_newest {
                        progress = Progress::Answer;
                    }
                }
                Ok(_) | Err(_) => {
                    let helper = self.running.remove(index);
                    // Done, or it was killed at what it asked.
                    if let Some(answer) = self.answers.get_mut(helper.at) {
                        answer.get_or_insert(Err(SensorError::Hangs));
                    }
                    self.ending.push((helper.pid, NOTHING));
                    if is_newest {
                        progress = Progress::Ended;
                    }
                }
            }
        }
        progress
    }

    /// One behind which another goes on has come back: it is not needed any more.
    fn note(&mut self, index: usize, Packet { place, answer }: Packet) {
        if let Some(known) = self.answers.get_mut(place) {
            *known = Some(answer);
        }
        if index + 1 == self.running.len() {
            self.next = self.next.max(place + 1);
            self.running.iter_mut().skip(index).for_each(|helper| helper.at = place + 1);
        } else {
            let helper = self.running.remove(index);
            let _ = kill(helper.pid, Signal::SIGKILL);
            self.ending.push((helper.pid, NOTHING));
        }
    }
}

/// What came of the newest helper.
enum Progress {
    Answer,
    Ended,
    None,
}

impl Drop for Helpers {
    /// Those that can end have; one that hangs ends with its file system.
    fn drop(&mut self) {
        self.reap();
    }
}
