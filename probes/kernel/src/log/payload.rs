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
use std::ops::ControlFlow;
use telemetry_record::header::cut;
use telemetry_record::limits::PAYLOAD_BYTES;

const MIXED_NOTE: &str =
    "lines of several processors are mixed in the log; what may be of another is left out";

impl Oops {
    /// What is sent of it. `notes` are sentences of whoever found it.
    pub fn payload(&self, privacy: Privacy, notes: &[String]) -> String {
        let mut payload = String::with_capacity(USUAL_BYTES);
        if self.kind == Kind::Bert {
            self.push_bert(&mut payload, privacy);
        } else {
            self.push_report(&mut payload, privacy);
        }
        if privacy == Privacy::Filtered
            && let Some(filtered) = privacy::without_kernel_addresses(&payload)
        {
            payload = filtered;
        }
        let tail = self.notes(notes);
        let room = PAYLOAD_BYTES.saturating_sub(tail.len());
        if payload.len() > room {
            // Never in the middle of a line.
            let end = cut(&payload, room).rfind('\n').map_or(0, |at| at + 1);
            payload.truncate(end);
        }
        payload.push_str(&tail);
        payload
    }

    fn push_bert(&self, payload: &mut String, privacy: Privacy) {
        push_line(payload, "", &self.reason);
        for error in &self.hardware_errors {
            push_line(payload, "[Hardware Error]: ", &hardware_error::filtered(error, privacy));
        }
    }

    fn push_report(&self, payload: &mut String, privacy: Privacy) {
        payload.push_str("Crash Report:\n");
        match hardware_error::text(&self.reason) {
            Some(text) => push_line(payload, REASON, &hardware_error::filtered(text, privacy)),
            None if privacy == Privacy::Filtered => {
                push_line(payload, REASON, cut(self.filtered_reason(), SENTENCE_BYTES));
            }
            None => push_line(payload, REASON, cut(&self.reason, SENTENCE_BYTES)),
        }
        push_fact(payload, "Kernel Version : ", self.version.as_deref());
        if self.is_mixed {
            return;
        }
        push_fact(payload, "Tainted : ", self.tainted.as_deref());
        let modules = self.modules.as_deref().map(|modules| whole_words(modules, MODULES_BYTES));
        push_fact(payload, "Modules : ", modules);
        self.push_backtrace(payload, privacy);
        for (name, fact) in [
            ("", &self.die),
            ("Panic: ", &self.panic),
            ("Stalled: ", &self.stalled),
            ("Message: ", &self.message),
        ] {
            if let Some(fact) = fact {
                push_line(payload, name, cut(&privacy::filtered(fact, privacy), SENTENCE_BYTES));
            }
        }
        for error in &self.hardware_errors {
            push_line(payload, "Hardware Error: ", &hardware_error::filtered(error, privacy));
        }
    }

    fn push_backtrace(&self, payload: &mut String, privacy: Privacy) {
        let start = payload.len();
        payload.push_str("Backtrace :\n");
        let frames_from = payload.len();
        for (name, value) in self.registers() {
            payload.push_str("Register ");
            payload.push_str(name);
            push_line(payload, ": ", privacy::register(value, privacy));
        }
        self.each_frame(|number, frame| {
            push_frame(payload, number, frame);
            ControlFlow::Continue(())
        });
        if payload.len() == frames_from {
            payload.truncate(start);
        }
    }

    fn notes(&self, notes: &[String]) -> String {
        let mut text = String::new();
        if self.is_mixed {
            push_line(&mut text, NOTE, MIXED_NOTE);
        } else if self.foreign_lines == 1 {
            push_line(&mut text, NOTE, "1 line of others stands within the trace");
        } else if self.foreign_lines > 1 {
            let note = format!("{} lines of others stand within the trace", self.foreign_lines);
            push_line(&mut text, NOTE, &note);
        }
        notes.iter().for_each(|note| push_line(&mut text, NOTE, note));
        text
    }
}

const REASON: &str = "Reason: ";
const NOTE: &str = "Note: ";

/// Room for the payloads of most failures.
const USUAL_BYTES: usize = 2048;

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

fn push_frame(text: &mut String, number: usize, frame: Frame<'_>) {
    text.push('#');
    push_decimal(text, number);
    text.push_str(if frame.is_certain { " " } else { " ? " });
    // Both are printable: they were read as names.
    text.push_str(frame.function.unwrap_or("???"));
    text.push_str(" - [");
    text.push_str(frame.module.unwrap_or("kernel"));
    text.push_str("]\n");
}

fn push_decimal(text: &mut String, number: usize) {
    if number > 9 {
        push_decimal(text, number / 10);
    }
    let digit = u8::try_from(number % 10).unwrap_or_default();
    text.push(char::from(b'0' + digit));
}

fn push_fact(text: &mut String, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        push_line(text, name, value);
    }
}

/// Adds a line of a record: what the kernel wrote has no control characters in it then.
fn push_line(text: &mut String, name: &str, value: &str) {
    text.push_str(name);
    // Those beyond ASCII begin with C2. All bytes are asked at once, since nearly no line has one.
    let may_be_control = |byte: u8| byte < b' ' || byte == 0x7f || byte == 0xc2;
    if value.bytes().fold(false, |found, byte| found | may_be_control(byte)) {
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
