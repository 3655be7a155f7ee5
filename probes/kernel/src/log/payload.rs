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
        if privacy == Privacy::Filtered {
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
        let mut text = String::new();
        for (name, value) in self.registers() {
            text += &line(&format!("Register {name}: "), privacy::register(value, privacy));
        }
        text += &self.instruction().map(|frame| frame_line(0, frame)).unwrap_or_default();
        text.extend(self.frames().zip(1..).map(|(frame, number)| frame_line(number, frame)));
        if text.is_empty() { text } else { "Backtrace :\n".to_owned() + &text }
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

fn frame_line(number: usize, frame: Frame<'_>) -> String {
    let mark = if frame.is_certain { "" } else { "? " };
    let (function, module) = (frame.function.unwrap_or("???"), frame.module.unwrap_or("kernel"));
    // Both are printable: they were read as names.
    format!("#{number} {mark}{function} - [{module}]\n")
}

/// A line of a record: what the kernel wrote has no control characters in it then.
fn line(name: &str, value: &str) -> String {
    let mut line = String::with_capacity(name.len() + value.len() + 1);
    let _ = write!(line, "{name}{}", value.replace(char::is_control, " "));
    line.push('\n');
    line
}

fn whole_words(text: &str, bytes: usize) -> &str {
    let head = cut(text, bytes);
    if head.len() == text.len() { text } else { head.rsplit_once(' ').map_or(head, |(words, _)| words) }
}
