//! An event whose lines are still coming: which of them belong to it, and what they say.
//!
//! ```text
//! event := prelude? header (context | dump)* section* end?
//! ```

mod absorb;
mod context;
mod facts;
mod finish;
mod others;
mod registers;
mod sections;

use super::hardware_error;
use super::headers::{Header, Trace};
use super::limits::{BACK_US, BEFORE_CONTEXT_US, EVENT_LINES, PAUSE_US};
use super::line::{Caller, Line};
use super::oops::Oops;
use super::styles::{self, Title};
pub(super) use context::Owner;
pub(super) use registers::each_once as registers;
use sections::Sections;

/// The line that frames a warning or a bug; arm has a shorter one.
pub(super) fn is_cut_here(text: &str) -> bool {
    matches!(text.as_bytes().first(), Some(b'-' | b'8')) && has_cut_here(text)
}

fn has_cut_here(text: &str) -> bool {
    text.starts_with("------------[ cut here ]") || text.starts_with("8<--- cut here ---")
}

#[derive(Debug)]
pub(super) struct Event {
    pub(super) oops: Oops,
    /// Position of the first line that is needed to find it again.
    pub(super) first_sequence: u64,
    header: &'static Header,
    /// Whom the first line names.
    named: Owner,
    /// Whom the last line with processor and process named.
    owner: Option<Owner>,
    sections: Sections,
    lines: usize,
    last_stamp_us: Option<u64>,
    /// To know a line that the log has twice.
    last_text: String,
    doubling: Doubling,
    gap: Gap,
    /// Other processors that write their traces for it.
    answering: Vec<Caller>,
    /// Who wrote the last line.
    speaker: Option<Caller>,
    in_modules: bool,
    /// Registers that come now are those of the program that called the kernel.
    in_program: bool,
    /// Processors that stall, by the lines of the stall.
    stalled: Vec<u32>,
    /// The first lock of a report of lockdep's, which names a function where there is no trace.
    held_lock: Option<String>,
    /// Whether another event was open when this one began, and whose it was.
    suspect: Option<Option<Owner>>,
    /// Whether the first line may be a program's: it has not the form that the log has.
    pub(super) is_doubtful: bool,
}

/// Lines of others within a trace.
#[derive(Clone, Copy, Debug, Default)]
struct Gap {
    lines: usize,
    since_us: Option<u64>,
}

/// Whether the log has each line twice, as where two loggers write one file.
#[derive(Clone, Copy, Debug, Default)]
struct Doubling {
    is_second: bool,
    pairs: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Belongs {
    Yes,
    /// It is the last line of it.
    AndEnds,
    No,
}

/// What came before an event.
#[derive(Debug, Default)]
pub(super) struct Before {
    pub(super) first_sequence: u64,
    pub(super) message: Option<String>,
    /// Whose the event was that was still open, where its lines may be mixed with these.
    pub(super) suspect: Option<Option<Owner>>,
}

impl Event {
    /// Begins with this line.
    pub(super) fn new(line: &Line<'_>, header: &'static Header, before: Before) -> Self {
        let reason = line.text.trim_ascii();
        let mut oops = Oops::new(header.class, reason, line);
        oops.message = before.message;
        oops.is_mixed = before.suspect.is_some();
        let mut event = Self {
            oops,
            first_sequence: before.first_sequence,
            header,
            named: Owner::named_in(reason),
            owner: None,
            sections: Sections::default(),
            lines: 1,
            last_stamp_us: line.stamp_us,
            last_text: line.text.to_owned(),
            doubling: Doubling::default(),
            gap: Gap::default(),
            answering: Vec::new(),
            speaker: line.caller,
            in_modules: false,
            in_program: false,
            stalled: Vec::new(),
            held_lock: None,
            suspect: before.suspect,
            is_doubtful: line.is_doubtful,
        };
        if header.trace == Trace::Stall {
            event.stall(reason);
        }
        event
    }

    /// Whether it has no line after the first.
    pub(super) fn is_alone(&self) -> bool {
        self.header.trace == Trace::None
    }

    /// Whether another line may come.
    pub(super) fn has_room(&self) -> bool {
        self.lines < EVENT_LINES
    }

    /// Whether a line of this time is of something else. Stamps of several processors may step back a little; a step of a
    /// second is another boot.
    pub(super) fn has_paused(&self, now_us: u64) -> bool {
        let Some(last_us) = self.last_stamp_us else { return false };
        let pause_us = now_us.saturating_sub(last_us);
        if pause_us <= BEFORE_CONTEXT_US {
            return last_us.saturating_sub(now_us) > BACK_US;
        }
        let has_context = self.oops.caller.is_some()
            || self.owner.is_some()
            || self.oops.version.is_some()
            || matches!(self.header.trace, Trace::Errors | Trace::Stall | Trace::Lockdep)
            || self.has_frames();
        !has_context || pause_us > PAUSE_US
    }

    pub(super) fn note(&mut self, line: &Line<'_>) {
        let is_twice = self.is_twice(line);
        self.doubling = match (is_twice, self.doubling.is_second) {
            (true, false) => Doubling { is_second: true, pairs: self.doubling.pairs + 1 },
            (false, true) => Doubling { is_second: false, pairs: self.doubling.pairs },
            _ => Doubling::default(),
        };
        self.oops.is_doubled |= self.doubling.pairs >= DOUBLED_LINES;
        self.lines += 1;
        self.last_stamp_us = line.stamp_us.or(self.last_stamp_us);
        self.last_text.clear();
        self.last_text.push_str(line.text);
    }

    fn is_twice(&self, line: &Line<'_>) -> bool {
        line.stamp_us == self.last_stamp_us && line.text == self.last_text
    }

    fn has_frames(&self) -> bool {
        self.sections.has_frames(self.header.trace, &self.named, &self.stalled)
    }

    fn is_done(&self) -> bool {
        // KFENCE and its like name processor and process last.
        let has_all = self.header.trace != Trace::AccessFirst || self.oops.version.is_some();
        has_all && self.sections.are_done(self.header.trace, &self.named, &self.stalled)
    }

    pub(super) fn belongs(&mut self, line: &Line<'_>) -> Belongs {
        let text = line.text;
        if styles::is_end(text) {
            return Belongs::AndEnds;
        }
        if is_cut_here(text) {
            // lib/list_debug.c explains itself before the line, other code after it.
            return if self.lines == 1 && absorb::explains(&self.oops.reason) {
                Belongs::Yes
            } else {
                Belongs::No
            };
        }
        if self.header.trace == Trace::Errors {
            return self.hardware_error(text);
        }
        if self.is_known(line) {
            self.gap = Gap::default();
            return Belongs::Yes;
        }
        self.foreign(line)
    }

    fn hardware_error(&mut self, text: &str) -> Belongs {
        let Some(error) = hardware_error::text(text) else { return Belongs::No };
        self.oops.add_hardware_error(error.trim_ascii_end());
        Belongs::Yes
    }

    /// Takes a line of the grammar.
    fn is_known(&mut self, line: &Line<'_>) -> bool {
        let text = line.text;
        let is_repeated = self.is_twice(line);
        self.note_speaker(line.caller);
        if self.frame(text) || self.mark(text) || self.modules(text) {
            return true;
        }
        if !is_repeated && let Some((title, rest)) = styles::title(text) {
            self.title(title);
            self.frame(rest);
            return true;
        }
        if !is_repeated && let Some(context) = context::context(text) {
            self.context(&context);
            return true;
        }
        self.pointer(text)
            || self.fact(text)
            || registers::has_registers(text) && self.registers(text)
            || styles::is_filler(text) && self.filler(text)
    }

    fn frame(&mut self, text: &str) -> bool {
        let mut outermost = None;
        styles::each_frame(text, false, |frame| outermost = Some(others::is_outermost(&frame)));
        let Some(is_outermost) = outermost else { return false };
        if self.gap.lines > 0 && self.sections.is_open() {
            self.oops.foreign_lines += self.gap.lines;
        }
        let section = self.sections.current();
        if section.is_over {
            // Of somebody else, without a title.
            self.sections.title(Title::Other);
        }
        self.sections.current().push(text);
        self.sections.current().is_complete |= is_outermost;
        true
    }

    fn mark(&mut self, text: &str) -> bool {
        let mark = text.trim_ascii();
        if !styles::is_mark(mark) {
            return false;
        }
        // </TASK> is the last of a trace; </IRQ> is not.
        self.sections.current().is_over |= mark == "</TASK>" && self.sections.current().count > 0;
        true
    }

    fn title(&mut self, title: Title) {
        let current = self.sections.current();
        let is_second =
            title == Title::Trace && current.title == Title::Trace && current.is_titled && !current.is_over;
        // A second trace is of somebody else.
        let is_plain = matches!(self.header.trace, Trace::Own | Trace::Access | Trace::Processor);
        self.oops.is_mixed |=
            is_second && is_plain && self.oops.caller.is_none() && styles::title(&self.last_text).is_none();
        self.sections.title(title);
    }

    fn context(&mut self, context: &context::Context<'_>) {
        let owner = context.owner;
        if owner != Owner::default() {
            let current = self.sections.current();
            let is_waiting = current.count == 0 && current.title == Title::Trace;
            // One failure is of one processor; a second one in the same lines is of somebody else.
            let is_second = is_waiting && self.owner.is_some_and(|known| known != owner);
            self.oops.is_mixed |= self.oops.caller.is_none() && is_second;
            if let Some(Some(before)) = self.suspect {
                // The same processor goes on with its next failure.
                if before.cpu.is_some() && before.cpu == owner.cpu && !is_second {
                    self.oops.is_mixed = false;
                }
                self.suspect = None;
            }
            self.owner = Some(owner);
            self.sections.context(owner);
        }
        if self.oops.tainted.is_none() {
            self.oops.tainted = Some(context.tainted.clone());
        }
        if self.oops.version.is_none() {
            self.oops.version = context.version.map(str::to_owned);
        }
    }

    fn pointer(&mut self, text: &str) -> bool {
        if styles::instruction(text).is_none() {
            return false;
        }
        let section = self.sections.current();
        if section.count > 0 && !section.is_over {
            section.push(text);
            return true;
        }
        if section.count == 0 && section.pointer.is_empty() {
            section.pointer.push_str(text);
        } else if section.count == 0 && self.last_text.trim_ascii_end().ends_with("[inline]") {
            // The function that it is inlined into.
            section.push(text);
        }
        self.registers(text);
        true
    }

    fn filler(&mut self, text: &str) -> bool {
        self.in_program |= styles::is_registers_of_program(text);
        // A blank line, or the end of a box, ends a trace of a sanitizer.
        let is_separator = text.trim_ascii().is_empty() || text.starts_with("====");
        let is_access = matches!(self.header.trace, Trace::Access | Trace::AccessFirst | Trace::Lockdep);
        if is_separator && is_access && self.sections.current().count > 0 {
            self.sections.current().is_over = true;
        }
        true
    }
}

/// Lines in a row that stand twice, from which on all of them do.
const DOUBLED_LINES: usize = 3;
