//! Where an oops begins and ends among the lines of a log.
//!
//! ```text
//!            a start                  "Call Trace:"            modules, CR2
//!  (nothing) ───────▶ Head ─────────────────────────▶ Trace ───────────────▶ Tail
//!      ▲               │                               │                      │
//!      └───────────────┴───────────────────────────────┴──────────────────────┘
//!       `---[ end`, another start, a line that does not belong to it, 100 lines, a pause
//! ```
//!
//! Each caller has its own, so that lines of several processors do not mix where the log says who wrote them. Where it
//! does not, and a second oops begins before the first has its call trace, nobody can say whose the frames are
//! that follow: they are left out, and the record says so.

use super::limits::{MESSAGE_LINES, OPEN};
use super::line::{Caller, Line};
use super::oops::Oops;
use super::open::{Belongs, CUT_HERE, Open};
use super::start::{self, Form, Start};

/// Finds oopses in lines.
#[derive(Debug, Default)]
pub struct Scanner {
    open: Vec<Open>,
    preludes: Vec<Prelude>,
    /// Whether `open` or `preludes` has anything: asked for every line.
    is_busy: bool,
}

/// Lines between `cut here` and the line that says what it is.
#[derive(Debug)]
struct Prelude {
    caller: Option<Caller>,
    sequence: u64,
    message: Vec<String>,
}

impl Scanner {
    /// Takes a line. Oopses that end with it, or before it, are pushed to `found`.
    pub fn push(&mut self, line: &Line<'_>, found: &mut Vec<Oops>) {
        // Nearly all lines of a log: nothing is open, and this one begins nothing.
        let start = start::read(line.text);
        if !self.is_busy && start.is_none() && !line.text.starts_with("----") {
            return;
        }
        self.take(line, start, found);
        self.is_busy = !(self.open.is_empty() && self.preludes.is_empty());
    }

    fn take(&mut self, line: &Line<'_>, start: Option<Start>, found: &mut Vec<Oops>) {
        self.end_after_pause(line, found);
        let mine = self.open.iter().position(|open| open.oops.caller == line.caller);
        let mut is_mixed = false;
        if let Some(open) = mine.and_then(|at| self.open.get_mut(at)) {
            if open.is_doubled(line) || open.merges(line, start) {
                open.note(line);
                return;
            }
            let belongs = if start.is_some() { Belongs::No } else { open.belongs(line) };
            is_mixed = line.caller.is_none() && open.may_be_mixed_with(line, start);
            open.note(line);
            match belongs {
                Belongs::Yes if open.has_room() => return,
                Belongs::Yes | Belongs::AndEnds => return self.close(mine, found),
                Belongs::No => self.close(mine, found),
            }
        }
        match start {
            Some(start) => self.begin(line, start, is_mixed, found),
            None => self.prelude(line),
        }
    }

    /// The oops that is open when the log ends, or when nothing has come for a while.
    pub fn finish(&mut self, found: &mut Vec<Oops>) {
        found.extend(self.open.drain(..).map(|open| open.oops));
        self.preludes.clear();
        self.is_busy = false;
    }

    /// The first line that is needed to find again what is not finished; none if nothing is.
    pub fn first_needed(&self) -> Option<u64> {
        let open = self.open.iter().map(|open| open.first_sequence);
        open.chain(self.preludes.iter().map(|prelude| prelude.sequence)).min()
    }

    fn close(&mut self, at: Option<usize>, found: &mut Vec<Oops>) {
        if let Some(at) = at {
            found.push(self.open.remove(at).oops);
        }
    }

    fn end_after_pause(&mut self, line: &Line<'_>, found: &mut Vec<Oops>) {
        let Some(now_us) = line.stamp_us else { return };
        while let Some(at) = self.open.iter().position(|open| open.has_paused(now_us)) {
            self.close(Some(at), found);
        }
    }

    fn begin(&mut self, line: &Line<'_>, start: Start, is_mixed: bool, found: &mut Vec<Oops>) {
        if self.open.len() >= OPEN {
            self.close(Some(0), found);
        }
        let prelude = self.preludes.iter().position(|prelude| prelude.caller == line.caller);
        let prelude = prelude.map(|at| self.preludes.remove(at));
        let first_sequence = prelude.as_ref().map_or(line.sequence, |prelude| prelude.sequence);
        let message = prelude.map(|prelude| prelude.message.join(" ")).filter(|message| !message.is_empty());
        let open = Open::new(line, start, first_sequence, message, is_mixed);
        if start.form == Form::Alone {
            found.push(open.oops);
        } else {
            self.open.push(open);
        }
    }

    fn prelude(&mut self, line: &Line<'_>) {
        let mine = self.preludes.iter().position(|prelude| prelude.caller == line.caller);
        if line.text.starts_with(CUT_HERE) {
            if let Some(at) = mine {
                self.preludes.remove(at);
            }
            if self.preludes.len() >= OPEN {
                self.preludes.remove(0);
            }
            self.preludes.push(Prelude { caller: line.caller, sequence: line.sequence, message: Vec::new() });
        } else if let Some(at) = mine
            && let Some(prelude) = self.preludes.get_mut(at)
        {
            if prelude.message.len() >= MESSAGE_LINES {
                self.preludes.remove(at);
            } else {
                prelude.message.push(line.text.trim().to_owned());
            }
        }
    }
}
