//! An oops whose lines are still coming: which of them belong to it, and what they say.

use super::limits::{BACK_US, MIXED_US, OOPS_LINES, PAUSE_US};
use super::line::Line;
use super::oops::{Kind, Oops};
use super::start::{self, Form, Start};
use super::{facts, frame, hardware_error};

#[derive(Debug)]
pub(super) struct Open {
    pub(super) oops: Oops,
    /// Position of the first line that is needed to find it again.
    pub(super) first_sequence: u64,
    form: Form,
    stage: Stage,
    lines: usize,
    last_stamp_us: Option<u64>,
    /// To know a line that the log has twice.
    last_text: String,
    in_modules: bool,
    /// Frames that come now are of another stack: where the memory was allocated, say.
    is_trace_over: bool,
    /// Registers that come now are those of the program that called the kernel.
    in_program: bool,
    /// The line that names processor and process.
    processor: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Head,
    Trace,
    Tail,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Belongs {
    Yes,
    /// It is the last line of it.
    AndEnds,
    No,
}

/// The line that frames a warning or a bug.
pub(super) const CUT_HERE: &str = "------------[ cut here ]------------";

impl Open {
    /// Begins with this line; `first_sequence` and `message` are of the lines that announced it.
    pub(super) fn new(
        line: &Line<'_>,
        start: Start,
        first_sequence: u64,
        message: Option<String>,
        is_mixed: bool,
    ) -> Self {
        let oops = Oops {
            kind: start.kind,
            reason: line.text.trim_end().to_owned(),
            sequence: line.sequence,
            stamp_us: line.stamp_us,
            caller: line.caller,
            message,
            die: None,
            version: None,
            tainted: None,
            modules: None,
            registers: String::new(),
            instruction: String::new(),
            trace: String::new(),
            hardware_errors: Vec::new(),
            is_mixed,
        };
        Self {
            oops,
            first_sequence,
            form: start.form,
            stage: Stage::Head,
            lines: 1,
            last_stamp_us: line.stamp_us,
            last_text: line.text.to_owned(),
            in_modules: false,
            is_trace_over: false,
            in_program: false,
            processor: None,
        }
    }

    /// Whether another line may come.
    pub(super) fn has_room(&self) -> bool {
        self.lines < OOPS_LINES
    }

    /// Whether a line of this time is of something else. Stamps of several processors may step back a little; a step of a
    /// second is another boot.
    pub(super) fn has_paused(&self, now_us: u64) -> bool {
        let is_other = |last_us: u64| {
            now_us.saturating_sub(last_us) > PAUSE_US || last_us.saturating_sub(now_us) > BACK_US
        };
        self.last_stamp_us.is_some_and(is_other)
    }

    pub(super) fn note(&mut self, line: &Line<'_>) {
        self.lines += 1;
        self.last_stamp_us = line.stamp_us.or(self.last_stamp_us);
        self.last_text.clear();
        self.last_text.push_str(line.text);
    }

    /// Whether the log has the same line twice, as where two loggers write one file.
    pub(super) fn is_doubled(&self, line: &Line<'_>) -> bool {
        let is_same_moment = line.stamp_us == self.last_stamp_us;
        // Without times, a function that calls itself looks the same.
        let is_sure = line.stamp_us.is_some() || frame::parse(line.text).is_none();
        is_same_moment && is_sure && !line.text.is_empty() && line.text == self.last_text
    }

    /// Whether a line that could begin an oops is a fact of this one: `Oops: 0002 [#1]` after its `BUG:`, and the
    /// `WARNING:` or `kernel BUG at` that comes after the sentence that explains it.
    pub(super) fn merges(&mut self, line: &Line<'_>, start: Option<Start>) -> bool {
        let Some(start) = start.filter(|_| self.stage == Stage::Head) else { return false };
        let text = line.text.trim_end().to_owned();
        if start::is_die_line(line.text) && self.oops.die.is_none() {
            self.oops.die = Some(text);
            return true;
        }
        // `mce: [Hardware Error]: Machine check events logged`, and then which.
        if self.form == Form::HardwareError {
            return self.lines == 1
                && self.oops.reason.contains("Machine check events")
                && self.merges_bank(line, start);
        }
        let is_pair = (explains(&self.oops.reason) && is_place(line.text))
            // Before 3.12 the sentence came after the source line.
            || (is_place(&self.oops.reason) && explains(line.text) && self.lines <= 3);
        if !is_pair || self.oops.message.is_some() || self.oops.version.is_some() {
            return false;
        }
        if start.kind == Kind::Bug {
            self.oops.kind = Kind::Bug;
        }
        self.oops.message = Some(text);
        true
    }

    fn merges_bank(&mut self, line: &Line<'_>, start: Start) -> bool {
        let Some(bank) = hardware_error::text(line.text).filter(|_| start.form == Form::HardwareError) else {
            return false;
        };
        self.oops.hardware_errors.push(bank.to_owned());
        true
    }

    /// Whether lines of this oops may still come, among those of the one that begins now.
    pub(super) fn may_be_mixed_with(&self, line: &Line<'_>, start: Option<Start>) -> bool {
        let has_more = match self.form {
            Form::Trace | Form::Chains | Form::Bare => {
                self.stage == Stage::Head || self.stage == Stage::Trace
            }
            Form::HardwareError | Form::Alone => false,
        };
        let is_close = match (line.stamp_us, self.last_stamp_us) {
            (Some(now_us), Some(last_us)) => now_us.saturating_sub(last_us) < MIXED_US,
            _ => true,
        };
        // When the kernel panics the other processors are stopped.
        let has_frames = |start: Start| !matches!(start.form, Form::HardwareError | Form::Alone);
        has_more && is_close && start.is_some_and(|start| has_frames(start) && start.kind != Kind::Panic)
    }

    pub(super) fn belongs(&mut self, line: &Line<'_>) -> Belongs {
        let text = line.text;
        if text.starts_with("---[ end ") || text.starts_with("[ end trace") {
            return Belongs::AndEnds;
        }
        if text.starts_with(CUT_HERE) {
            // lib/list_debug.c explains itself before the line, other code after it.
            return if self.lines == 1 && self.oops.reason.starts_with("list_") {
                Belongs::Yes
            } else {
                Belongs::No
            };
        }
        if self.form == Form::HardwareError {
            let Some(error) = hardware_error::text(text) else { return Belongs::No };
            self.oops.hardware_errors.push(error.trim_end().to_owned());
            return Belongs::Yes;
        }
        match self.stage {
            Stage::Head => self.head(text),
            Stage::Trace => self.trace(text),
            Stage::Tail => self.tail(text),
        }
    }

    fn head(&mut self, text: &str) -> Belongs {
        if is_trace_title(text) {
            self.stage = Stage::Trace;
            return Belongs::Yes;
        }
        if self.form == Form::Bare && self.push_frame(text) {
            self.stage = Stage::Trace;
            return Belongs::Yes;
        }
        if self.modules(text) {
            return Belongs::Yes;
        }
        if let Some(build) = facts::build(text) {
            self.build(text, &build);
        } else if start::is_die_line(text) && self.oops.die.is_none() {
            self.oops.die = Some(text.trim_end().to_owned());
        } else if self.form == Form::Bare && self.oops.message.is_none() && !text.trim().is_empty() {
            // KASAN and KFENCE say in the next line what was done.
            self.oops.message = Some(text.trim().trim_end_matches(':').to_owned());
        }
        if self.oops.instruction.is_empty() && facts::instruction(text).is_some() {
            self.oops.instruction.push_str(text);
        }
        self.registers(text);
        Belongs::Yes
    }

    fn trace(&mut self, text: &str) -> Belongs {
        let trimmed = text.trim();
        if frame::is_mark(trimmed) {
            // </TASK> is the last of a trace; </IRQ> is not.
            return Belongs::Yes;
        }
        if self.push_frame(text) {
            return Belongs::Yes;
        }
        if is_trace_title(text) {
            // A second trace is of somebody else.
            self.oops.is_mixed |= self.oops.caller.is_none() && !is_trace_title(&self.last_text);
            return Belongs::Yes;
        }
        if facts::instruction(text).is_some() {
            push_line(&mut self.oops.trace, text);
            return Belongs::Yes;
        }
        if is_register_dump(text) {
            return Belongs::Yes;
        }
        if self.form == Form::Bare && self.oops.version.is_none() {
            // KFENCE has the facts behind the frames, and other stacks between them.
            match facts::build(text) {
                Some(build) => self.build(text, &build),
                None => self.is_trace_over |= trimmed.is_empty(),
            }
            return Belongs::Yes;
        }
        self.stage = Stage::Tail;
        self.tail(text)
    }

    fn tail(&mut self, text: &str) -> Belongs {
        let is_known = self.modules(text) || is_register_dump(text) || text.starts_with("CR2: ");
        if text.starts_with("CR2: ") {
            self.registers(text);
        }
        if is_known { Belongs::Yes } else { Belongs::No }
    }

    fn push_frame(&mut self, text: &str) -> bool {
        let is_frame = frame::parse(text).is_some();
        if is_frame && !self.is_trace_over {
            push_line(&mut self.oops.trace, text);
        }
        is_frame
    }

    fn build(&mut self, text: &str, build: &facts::Build<'_>) {
        if text.starts_with("CPU: ") {
            // One failure is of one processor; a second one in the same lines is of somebody else.
            let is_second = self.processor.as_ref().is_some_and(|known| known != text);
            self.oops.is_mixed |= self.oops.caller.is_none() && is_second;
            self.processor.get_or_insert_with(|| text.to_owned());
        }
        if self.oops.tainted.is_none() {
            self.oops.tainted = Some(build.tainted.clone());
            self.oops.version = build.version.map(str::to_owned);
        }
    }

    fn registers(&mut self, text: &str) {
        self.in_program |=
            ["RIP: 0033:", "RIP: 0023:", "RSP: 002b:"].iter().any(|head| text.starts_with(head));
        if self.in_program && !text.starts_with("CR2: ") {
            return;
        }
        if facts::has_registers(text) {
            push_line(&mut self.oops.registers, text);
        }
    }

    /// `Modules linked in: a b(O) [last unloaded: c]`, and its next lines where it is long.
    fn modules(&mut self, text: &str) -> bool {
        let was_in_modules = std::mem::replace(&mut self.in_modules, false);
        if let Some(list) = text.strip_prefix("Modules linked in:") {
            self.in_modules = true;
            let list = list.trim();
            if self.oops.modules.is_none() && !list.is_empty() {
                self.oops.modules = Some(list.to_owned());
            }
            return true;
        }
        let is_list =
            was_in_modules && text.starts_with(' ') && !text.contains(": ") && frame::parse(text).is_none();
        if let Some(modules) = self.oops.modules.as_mut().filter(|_| is_list) {
            modules.push(' ');
            modules.push_str(text.trim());
            self.in_modules = true;
        }
        is_list
    }
}

fn push_line(lines: &mut String, line: &str) {
    lines.push_str(line);
    lines.push('\n');
}

/// A sentence that says what is wrong, with its source line in another line.
fn explains(text: &str) -> bool {
    ["list_", "NETDEV WATCHDOG", "UBSAN: "].iter().any(|head| text.starts_with(head))
}

fn is_place(text: &str) -> bool {
    text.starts_with("WARNING: ") || text.starts_with("kernel BUG at")
}

fn is_trace_title(text: &str) -> bool {
    let text = text.trim_end();
    ["Call Trace:", "Call trace:", "Backtrace:"].iter().any(|title| text.starts_with(title))
}

/// Registers of the program or of an interrupted function, within or behind a trace.
fn is_register_dump(text: &str) -> bool {
    let has_head = || {
        ["RIP", "RSP", "Code: ", "FS: ", "CS: ", "DR", "ORIG_RAX", "EFLAGS", "EIP", "PKRU"]
            .iter()
            .any(|head| text.starts_with(head))
    };
    text.starts_with(|c: char| c.is_ascii_uppercase()) && has_head() || facts::has_registers(text)
}
