//! Payloads: from text that anybody may have made up to facts and the frames of the thread that failed.
//!
//! ```text
//! Process: /usr/bin/editor       head: lines `Name: value` or `Name : value` before the first frame
//! Signal: 11
//!
//! Backtrace (TID 1234):          the first thread; it ends at a blank line, at the next `Backtrace (TID`, at
//! #0 f() - [m]                   `The backtrace ends here`, `Also in this place`, `Modules:`, or where the number of
//! #1 g() - [m]                   a frame does not grow; other lines between frames are passed over
//!
//! Modules:                       names and build-ids
//! ```
//!
//! Kernel reports have facts behind the frames, hardware errors lines with `[Hardware Error]:`, and the journal's
//! lines `MESSAGE=`, `UNIT=`. A fact that is there twice counts once: the first one does.

mod frame;
mod modules;
mod threads;

pub use frame::{Frame, UNNAMED};
pub use modules::{Module, build_id_of};
pub use threads::{ThreadFrame, frames_of_threads};

use super::limits::{FACTS, FRAMES, PAYLOAD_BYTES, PAYLOAD_LINES};
use super::text::cut;

/// What a payload says, in its own words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payload<'a> {
    /// `Process:`, a path or a name.
    pub process: Option<&'a str>,
    /// `Signal:`
    pub signal: Option<u32>,
    /// `Cause:`
    pub cause: Option<&'a str>,
    /// `Error:`, why there is no backtrace.
    pub error: Option<&'a str>,
    /// `Package:`, name and version of the program's package.
    pub package: Option<(&'a str, &'a str)>,
    /// `Library:`, name and version of the package of the first frame's module.
    pub library: Option<(&'a str, &'a str)>,
    /// `Reason:`, the first line of a kernel report.
    pub reason: Option<&'a str>,
    /// `Kernel Version :`
    pub kernel_version: Option<&'a str>,
    /// `Message:` of a kernel report, or `MESSAGE=` of the journal.
    pub message: Option<&'a str>,
    /// `Panic:`, which ended the event.
    pub panic: Option<&'a str>,
    /// `UNIT=`
    pub unit: Option<&'a str>,
    /// The lines with `Hardware Error:`, without what is before it.
    pub hardware_errors: Vec<&'a str>,
    /// `Note:`, each.
    pub notes: Vec<&'a str>,
    /// The first thread.
    pub frames: Vec<Frame<'a>>,
    /// The section `Modules:`.
    pub modules: Vec<Module<'a>>,
    /// The first line that is not blank.
    pub first_line: &'a str,
}

/// Where a reader of lines is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Before the first thread.
    Head,
    /// In the first thread.
    Thread,
    /// Behind the first thread.
    Tail,
    /// In the section of the modules.
    Modules,
}

impl<'a> Payload<'a> {
    /// Reads at most [`PAYLOAD_BYTES`] and [`PAYLOAD_LINES`], in linear time. Any text is a payload.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        let mut payload = Self::default();
        let mut part = Part::Head;
        for line in cut(text, PAYLOAD_BYTES).lines().take(PAYLOAD_LINES) {
            if payload.first_line.is_empty() {
                payload.first_line = line.trim();
            }
            part = payload.read(line, part);
        }
        payload
    }

    fn read(&mut self, line: &'a str, part: Part) -> Part {
        if line == "Modules:" {
            return Part::Modules;
        }
        if part == Part::Modules {
            if let Some(module) = Module::parse(line)
                && self.modules.len() < FACTS
            {
                self.modules.push(module);
            }
            return if line.is_empty() { Part::Tail } else { part };
        }
        if let Some(frame) = Frame::parse(line) {
            return self.read_frame(frame, part);
        }
        self.read_fact(line, part);
        match part {
            Part::Head if line.starts_with("Backtrace (TID ") => Part::Thread,
            Part::Thread if ends_thread(line) => Part::Tail,
            _ => part,
        }
    }

    fn read_frame(&mut self, frame: Frame<'a>, part: Part) -> Part {
        let grows = self.frames.last().is_none_or(|last| frame.number > last.number);
        if !matches!(part, Part::Head | Part::Thread) || !grows {
            return Part::Tail;
        }
        if self.frames.len() < FRAMES {
            self.frames.push(frame);
        }
        Part::Thread
    }

    fn read_fact(&mut self, line: &'a str, part: Part) {
        if let Some((_, error)) = line.split_once("[Hardware Error]:") {
            push(&mut self.hardware_errors, error.trim());
            return;
        }
        let (name, value) = match line.split_once(['=', ':']) {
            Some((name, value)) => (name.trim_end(), value.trim()),
            None => return,
        };
        let is_head = part == Part::Head;
        match name {
            "Process" if is_head => set(&mut self.process, Some(value)),
            "Signal" if is_head => set(&mut self.signal, value.parse().ok()),
            "Cause" if is_head => set(&mut self.cause, Some(value)),
            "Error" if is_head => set(&mut self.error, Some(value)),
            "Package" if is_head => set(&mut self.package, value.split_once(' ')),
            "Library" if is_head => set(&mut self.library, value.split_once(' ')),
            "Reason" if is_head => set(&mut self.reason, Some(value)),
            "Kernel Version" if is_head => set(&mut self.kernel_version, Some(value)),
            "MESSAGE" | "Message" => set(&mut self.message, Some(value)),
            "Panic" => set(&mut self.panic, Some(value)),
            "UNIT" if is_head => set(&mut self.unit, Some(value)),
            "Hardware Error" => push(&mut self.hardware_errors, value),
            "Note" => push(&mut self.notes, value),
            _ => {}
        }
    }

    /// The text that leads the report: the kernel's reason, or the first line where there is none.
    #[must_use]
    pub fn leading(&self) -> &'a str {
        self.reason.unwrap_or(self.first_line)
    }
}

fn ends_thread(line: &str) -> bool {
    line.trim().is_empty()
        || ["Backtrace (TID", "The backtrace ends here", "Also in this place"]
            .iter()
            .any(|end| line.starts_with(end))
}

/// The first value counts.
fn set<T>(slot: &mut Option<T>, value: Option<T>) {
    if slot.is_none() {
        *slot = value;
    }
}

fn push<'a>(list: &mut Vec<&'a str>, value: &'a str) {
    if list.len() < FACTS {
        list.push(value);
    }
}

#[cfg(test)]
mod tests;
