//! The payload of a kernel record (contract). Lines whose value is not there are left out.
//!
//! ```text
//! Crash Report:
//! Reason: FIRST LINE
//! Kernel Version : V
//! Tainted : FLAGS-OR-Not tainted
//! Modules : LIST
//! Backtrace :
//! Register RIP: Non-zero
//! #0 function - [kernel]          the instruction pointer, where the oops names its function
//! #1 function - [kernel]          the call trace
//! #2 ? function - [module]
//! Oops: 0002 [#1] SMP             ours, from here on: the die line
//! Panic: TEXT                     the panic that ended the event
//! Stalled: TEXT                   the line with the ticks of a stall
//! Message: TEXT
//! Hardware Error: TEXT
//! Repeated: 1000
//! Note: TEXT
//! ```

use super::limits::{MODULES_BYTES, SENTENCE_BYTES};
use super::oops::{Kind, Oops};
use super::privacy::Privacy;
use super::styles::Frame;
use super::{hardware_error, privacy};
use std::fmt::Write;
use telemetry_record::header::cut;
use telemetry_record::limits::PAYLOAD_BYTES;

const MIXED_NOTE: &str =
    "lines of several processors are mixed in the log; what may be of another is left out";

impl Oops {
    /// What is sent of it. `notes` are sentences of whoever found it.
    pub fn payload(&self, privacy: Privacy, notes: &[String]) -> String {
        let tail = self.notes(notes);
        let mut payload = if self.kind == Kind::Bert { self.bert(privacy) } else { self.report(privacy) };
        if privacy == Privacy::Filtered && payload.contains("ffff") {
            payload = privacy::without_kernel_addresses(&payload);
        }
        let room = PAYLOAD_BYTES.saturating_sub(tail.len());
        if payload.len() > room {
            // Never in the middle of a line.
            let end = cut(&payload, room).rfind('\n').map_or(0, |at| at + 1);
            payload.truncate(end);
        }
        payload + &tail
    }

    fn bert(&self, privacy: Privacy) -> String {
        let mut text = line("", &self.reason);
        for error in &self.hardware_errors {
            text += &line("[Hardware Error]: ", &hardware_error::filtered(error, privacy));
        }
        text
    }

    fn report(&self, privacy: Privacy) -> String {
        let sentence = |text: &str| cut(&privacy::filtered(text, privacy), SENTENCE_BYTES).to_owned();
        let reason = match hardware_error::text(&self.reason) {
            Some(text) => hardware_error::filtered(text, privacy),
            None if privacy == Privacy::Filtered => cut(self.filtered_reason(), SENTENCE_BYTES).to_owned(),
            None => sentence(&self.reason),
        };
        let mut text = "Crash Report:\n".to_owned() + &line("Reason: ", &reason);
        text += &self.version.as_ref().map(|version| line("Kernel Version : ", version)).unwrap_or_default();
        if self.is_mixed {
            return text;
        }
        text += &self.tainted.as_ref().map(|flags| line("Tainted : ", flags)).unwrap_or_default();
        if let Some(modules) = &self.modules {
            text += &line("Modules : ", whole_words(modules, MODULES_BYTES));
        }
        text += &self.backtrace(privacy);
        text += &self.die.as_ref().map(|die| line("", &sentence(die))).unwrap_or_default();
        for (name, fact) in
            [("Panic: ", &self.panic), ("Stalled: ", &self.stalled), ("Message: ", &self.message)]
        {
            text += &fact.as_ref().map(|fact| line(name, &sentence(fact))).unwrap_or_default();
        }
        for error in &self.hardware_errors {
            text += &line("Hardware Error: ", &hardware_error::filtered(error, privacy));
        }
        text
    }

    fn backtrace(&self, privacy: Privacy) -> String {
        const TITLE: &str = "Backtrace :\n";
        let mut text = String::with_capacity(BACKTRACE_BYTES);
        text.push_str(TITLE);
        for (name, value) in self.registers() {
            text.push_str("Register ");
            text.push_str(name);
            push_line(&mut text, ": ", privacy::register(value, privacy));
        }
        self.instruction().into_iter().for_each(|frame| push_frame(&mut text, 0, frame));
        self.frames().zip(1..).for_each(|(frame, number)| push_frame(&mut text, number, frame));
        if text.len() == TITLE.len() { String::new() } else { text }
    }

    fn notes(&self, notes: &[String]) -> String {
        let mixed = self.is_mixed.then(|| MIXED_NOTE.to_owned());
        let foreign = match self.foreign_lines {
            0 => None,
            _ if self.is_mixed => None,
            1 => Some("1 line of others stands within the trace".to_owned()),
            count => Some(format!("{count} lines of others stand within the trace")),
        };
        mixed
            .into_iter()
            .chain(foreign)
            .chain(notes.iter().cloned())
            .map(|note| line("Note: ", &note))
            .collect()
    }
}

/// Adds how often the same was there to a payload, which is cut at a line's end if it would be too long.
pub fn with_count(payload: &str, count: u64) -> String {
    if count <= 1 {
        return payload.to_owned();
    }
    let repeated = format!("Repeated: {count}\n");
    let room = PAYLOAD_BYTES.saturating_sub(repeated.len());
    let head = if payload.len() > room {
        let end = cut(payload, room).rfind('\n').map_or(0, |at| at + 1);
        payload.get(..end).unwrap_or_default()
    } else {
        payload
    };
    format!("{head}{repeated}")
}

/// Room for the frames of most failures, in bytes.
const BACKTRACE_BYTES: usize = 2048;

fn push_frame(text: &mut String, number: usize, frame: Frame<'_>) {
    let mark = if frame.is_certain { "" } else { "? " };
    let (function, module) = (frame.function.unwrap_or("???"), frame.module.unwrap_or("kernel"));
    // Both are printable: they were read as names.
    let _ = writeln!(text, "#{number} {mark}{function} - [{module}]");
}

/// A line of a record: what the kernel wrote has no control characters in it then.
fn line(name: &str, value: &str) -> String {
    let mut text = String::with_capacity(name.len() + value.len() + 1);
    push_line(&mut text, name, value);
    text
}

fn push_line(text: &mut String, name: &str, value: &str) {
    text.push_str(name);
    if value.contains(char::is_control) {
        text.push_str(&value.replace(char::is_control, " "));
    } else {
        text.push_str(value);
    }
    text.push('\n');
}

fn whole_words(text: &str, bytes: usize) -> &str {
    let head = cut(text, bytes);
    if head.len() == text.len() { text } else { head.rsplit_once(' ').map_or(head, |(words, _)| words) }
}
