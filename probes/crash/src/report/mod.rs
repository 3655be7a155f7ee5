//! The payload of a crash record, in at most [`limits::PAYLOAD_BYTES`].
//!
//! ```text
//! Process: /usr/bin/editor                        head: Process, PID, Signal first, then what else is known
//! PID: 1234
//! Signal: 11
//! Cause: SIGSEGV: address not mapped (null page)
//! Error: REASON                                   unwinding failed as a whole
//! Note: SENTENCE                                  a remark
//! Package: NAME VERSION                           of the program; `Library:` of the module of frame 0 (added by crashprobe)
//! Too many frames. Backtrace truncated.           a thread has more than 64
//!
//! Thread: renderer                                what the program calls the thread
//! Backtrace (TID 1234):                           the crashing thread first
//! #0 draw(Window*) - [editor] - window.cpp:77 (inlined)
//! #1 paint() - [editor] - window.cpp:12
//! #2 ??? - [libplug.so.1] +0x1234 (by frame pointer)
//! #3 ??? - [third party]                          a module outside of /usr, with the privacy filters on
//! The backtrace ends here: REASON                 unless the outermost frame was reached
//! Also in this place: TIDs 1240, 1241, and 7 more.
//!
//! Left out: 120 threads.                          there was no room for them, or they were not unwound
//!
//! Modules:                                        NAME BUILD-ID and linker's addresses of frames without a name
//! libplug.so.1 5f3c6a7d445d75ba01cc3322 +0x1234
//! Left out: 3 modules.
//! ```
//!
//! A frame line, and no other, matches `^(#\d+ )(.+)( - \[(.*)\](.*))$`. Names and paths are foreign: they are
//! cleaned, so that none makes a line of its own or looks like a part that it is not (`foreign`). Lines are
//! whole or not there; `layout` decides which are.
//!
//! [`limits::PAYLOAD_BYTES`]: super::limits::PAYLOAD_BYTES

mod alike;
pub mod class;
mod foreign;
mod function_name;
mod layout;
mod lines;
#[cfg(test)]
mod tests;
mod used_modules;

pub(crate) use function_name::shorten;

use super::package::Package;
use super::trace::{BacktraceEnd, How};

/// All that a report may say. No memory, no arguments, no environment.
#[derive(Clone, Debug, Default)]
pub struct CrashReport {
    /// Path of the executable, or its name.
    pub process: String,
    /// Its process id.
    pub pid: Option<i32>,
    /// Number of the signal.
    pub signal: Option<i32>,
    /// Name and cause of the signal: `SIGSEGV: address not mapped (null page)`.
    pub cause: Option<String>,
    /// Why unwinding failed as a whole; makes the record a `crash/error`.
    pub error: Option<String>,
    /// Sentences for the head: time limit reached, reports left out before this one.
    pub remarks: Vec<String>,
    /// The backtraces, the crashing thread first.
    pub threads: Vec<ThreadReport>,
    /// Threads that were not unwound.
    pub threads_left_out: usize,
    /// The modules of frames.
    pub modules: Vec<UsedModule>,
    /// Whether the code that crashed is no part of the distribution, though the program may be.
    pub is_third_party: bool,
    /// The program, if its file is the one that crashed.
    pub program: Option<Subject>,
    /// The module of the first frame, if that is another one.
    pub library: Option<Subject>,
}

/// A file whose package is worth knowing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Its path.
    pub path: String,
    /// The package that it says it is of.
    pub package: Option<Package>,
}

/// A thread's backtrace, named.
#[derive(Clone, Debug)]
pub struct ThreadReport {
    /// Its id.
    pub tid: i32,
    /// What the program calls it.
    pub name: Option<String>,
    /// Its frames, inlined calls included.
    pub frames: Vec<FrameReport>,
    /// Why there are no more; none while unwinding goes on.
    pub end: Option<BacktraceEnd>,
}

/// A line of a backtrace.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FrameReport {
    /// The function, with `()` where the name has no parameter list.
    pub function: Option<String>,
    /// Base name of the module.
    pub module: Option<String>,
    /// The linker's address in the module; shown where neither function nor location is known.
    pub svma: Option<u64>,
    /// Source file and line.
    pub location: Option<(String, u32)>,
    /// Whether it was inlined into the next one.
    pub inlined: bool,
    /// How it was found.
    pub how: How,
}

/// A line of the `Modules:` section.
#[derive(Clone, Debug)]
pub struct UsedModule {
    /// Base name.
    pub name: String,
    /// Build-id in hex.
    pub build_id: Option<String>,
    /// Linker's addresses of the frames that have no name.
    pub unnamed: Vec<u64>,
}

/// Stands for a module that is no part of the distribution.
const THIRD_PARTY: &str = "third party";

impl FrameReport {
    /// A frame in a module that is no part of the distribution: nothing is said of it.
    pub(crate) fn of_third_party() -> Self {
        let module = Some(THIRD_PARTY.to_owned());
        Self { function: None, module, svma: None, location: None, inlined: false, how: How::Context }
    }
}

impl CrashReport {
    /// How many bytes are left for threads that are not in the report yet.
    pub(crate) fn room_for_threads(&self) -> usize {
        layout::room(self)
    }

    /// The text of the report: at most [`PAYLOAD_BYTES`](super::limits::PAYLOAD_BYTES), whole lines, no control
    /// character but newlines.
    pub fn payload(&self) -> String {
        layout::payload(self)
    }
}
