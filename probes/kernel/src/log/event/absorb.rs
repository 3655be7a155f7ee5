//! First lines that are no new event, but facts of the one that is open: `Oops: 0002 [#1]` after its `BUG:`, the place
//! after its sentence, the panic that prints its trace.

use super::super::hardware_error;
use super::super::headers::{self, Header, Trace};
use super::super::line::Line;
use super::super::oops::Kind;
use super::{Event, is_cut_here};

/// Lines after a place in which its sentence came, before 3.12.
const SENTENCE_LINES: usize = 3;

impl Event {
    /// Takes a first line that belongs to this event; false if it begins another.
    pub(in crate::log) fn absorbs(&mut self, line: &Line<'_>, header: &Header) -> bool {
        // Of a log that has each line twice.
        if self.is_twice(line) {
            return true;
        }
        if self.is_of_inlined(line.text) {
            return true;
        }
        // A program's text is no line of the kernel's.
        if line.is_doubtful && !self.is_doubtful {
            return true;
        }
        if self.header.trace == Trace::Errors || header.trace == Trace::Errors {
            return self.absorbs_error(line, header);
        }
        if self.has_frames() {
            return false;
        }
        let text = line.text.trim();
        self.absorbs_die(text) || self.absorbs_panic(text, header) || self.absorbs_place(text, header)
    }

    /// Where source lines were added, a first line stands once for each function that is inlined:
    ///
    /// ```text
    /// BUG: KASAN: slab-use-after-free in inner net/a.c:141 [inline]
    /// BUG: KASAN: slab-use-after-free in outer+0x30b/0x3e0 net/a.c:165
    /// ```
    fn is_of_inlined(&self, text: &str) -> bool {
        let head = |text: &str| text.rsplit_once(" in ").map(|(head, _)| head.trim().to_owned());
        let place = |text: &str| text.split_once(".c:").map(|(head, _)| head.trim().to_owned());
        let is_same =
            |of: &dyn Fn(&str) -> Option<String>| of(text).is_some() && of(text) == of(&self.last_text);
        self.sections.is_empty()
            && self.last_text.trim_end().ends_with("[inline]")
            && (is_same(&head) || is_warning_or_bug(text) && is_same(&place))
    }

    fn absorbs_die(&mut self, text: &str) -> bool {
        let is_die = headers::is_die(text) && self.oops.die.is_none() && !headers::is_die(&self.oops.reason);
        if is_die {
            self.oops.die = Some(text.to_owned());
        }
        is_die
    }

    /// The trace that comes is printed by the panic: it is the event's.
    fn absorbs_panic(&mut self, text: &str, header: &Header) -> bool {
        let is_it = header.class == Kind::Panic && self.oops.kind != Kind::Panic && self.oops.panic.is_none();
        if is_it {
            self.oops.panic = Some(text.to_owned());
            self.oops.kind = Kind::Panic;
        }
        is_it
    }

    fn absorbs_place(&mut self, text: &str, header: &Header) -> bool {
        let is_pair = explains(&self.oops.reason) && is_place(&self.oops.reason, text)
            // Before 3.12 the sentence came after the source line.
            || is_warning_or_bug(&self.oops.reason) && explains(text) && self.lines <= SENTENCE_LINES;
        if !is_pair || self.oops.message.is_some() || self.oops.version.is_some() {
            return false;
        }
        if header.class == Kind::Bug {
            self.oops.kind = Kind::Bug;
        }
        self.named = super::context::Owner::named_in(text);
        self.oops.message = Some(text.to_owned());
        true
    }

    /// `mce: [Hardware Error]: Machine check events logged`, and then which; and what a panic prints a second time.
    fn absorbs_error(&mut self, line: &Line<'_>, header: &Header) -> bool {
        let both = self.header.trace == Trace::Errors && header.trace == Trace::Errors;
        let Some(error) = hardware_error::text(line.text).filter(|_| both) else { return false };
        // A source of its own, with its number.
        if line.text.starts_with('{') || header.class == Kind::Bert {
            return false;
        }
        let is_announced = self.oops.reason.contains("Machine check events logged");
        let is_told = line.text.trim() == self.oops.reason || self.oops.has_hardware_error(error.trim_end());
        let is_remark = error.starts_with("Machine check: ") || !error.contains("Machine Check");
        if is_told {
            return true;
        }
        if !is_announced && !is_remark
            || is_announced && self.oops.hardware_errors.iter().any(|known| is_bank(known)) && is_bank(error)
        {
            return false;
        }
        if header.class == Kind::Bug {
            self.oops.kind = Kind::Bug;
        }
        self.oops.add_hardware_error(error.trim_end());
        true
    }
}

fn is_bank(error: &str) -> bool {
    error.starts_with("CPU ") && error.contains("Machine Check")
}

/// A sentence that says what is wrong, with its source line in another line.
pub(super) fn explains(text: &str) -> bool {
    [
        "list_",
        "NETDEV WATCHDOG",
        "UBSAN: ",
        "RTNL: ",
        "BUG: Dentry ",
        "VERIFY",
        "BUG: memory leak",
        "CFI failure ",
    ]
    .iter()
    .any(|head| text.starts_with(head))
        || text.contains(": NETDEV WATCHDOG: ")
}

fn is_place(sentence: &str, text: &str) -> bool {
    match sentence {
        _ if sentence.starts_with("VERIFY") => text.starts_with("PANIC at "),
        _ if sentence.starts_with("BUG: memory leak") => text.starts_with("unreferenced object "),
        _ => is_warning_or_bug(text),
    }
}

fn is_warning_or_bug(text: &str) -> bool {
    text.starts_with("WARNING: ") || text.starts_with("kernel BUG at") && !is_cut_here(text)
}
