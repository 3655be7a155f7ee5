//! Where an event begins and ends among the lines of a log.
//!
//! Each caller has its own, so that lines of several processors do not mix where the log says who wrote them. Where it
//! does not, and a second event begins before the first has its call trace, nobody can say whose the frames are
//! that follow: they are left out, and the record says so.

use super::event::{Before, Belongs, Event, is_cut_here};
use super::headers::{Header, Headers};
use super::limits::{OPEN, PRELUDE_LINES};
use super::line::{Caller, Line};
use super::oops::Oops;

/// Finds events in lines.
#[derive(Debug)]
pub struct Scanner {
    headers: &'static Headers,
    open: Vec<Event>,
    preludes: Vec<Prelude>,
    /// Whether `open` or `preludes` has anything: asked for every line.
    is_busy: bool,
}

/// Lines between `cut here` and the line that says what it is.
#[derive(Debug)]
struct Prelude {
    caller: Option<Caller>,
    sequence: u64,
    /// The first line, and how many there were.
    message: String,
    lines: usize,
}

impl Default for Scanner {
    fn default() -> Self {
        Self { headers: Headers::get(), open: Vec::new(), preludes: Vec::new(), is_busy: false }
    }
}

impl Scanner {
    /// Takes a line. Events that end with it, or before it, are pushed to `found`.
    pub fn push(&mut self, line: &Line<'_>, found: &mut Vec<Oops>) {
        // Nearly all lines of a log: nothing is open, and this one begins nothing.
        let header = self.headers.find(line.text);
        if !self.is_busy && header.is_none() && !is_cut_here(line.text) {
            return;
        }
        self.take(line, header, found);
        self.is_busy = !(self.open.is_empty() && self.preludes.is_empty());
    }

    fn take(&mut self, line: &Line<'_>, header: Option<&'static Header>, found: &mut Vec<Oops>) {
        self.end_after_pause(line, found);
        if header.is_some() {
            self.open.iter_mut().for_each(|event| event.is_answered_no_more(line.caller));
        }
        let mine = self.mine(line).or_else(|| self.answered(line));
        let mut suspect = None;
        if let Some(event) = mine.and_then(|at| self.open.get_mut(at)) {
            if header.is_some_and(|header| event.absorbs(line, header)) {
                event.note(line);
                return;
            }
            let belongs = if header.is_some() { Belongs::No } else { event.belongs(line) };
            suspect = header.and_then(|header| event.may_be_mixed_with(line, header));
            event.note(line);
            match belongs {
                Belongs::Yes if event.has_room() => return,
                Belongs::Yes | Belongs::AndEnds => return self.close(mine, found),
                Belongs::No => self.close(mine, found),
            }
        }
        match header {
            Some(header) => self.begin(line, header, suspect, found),
            None => self.prelude(line),
        }
    }

    /// The event that a line may be of. One that a program may have written takes nothing of the kernel's.
    fn mine(&self, line: &Line<'_>) -> Option<usize> {
        let of =
            |is_doubtful| move |event: &Event| event.is_of(line.caller) && event.is_doubtful == is_doubtful;
        let certain = self.open.iter().position(of(false));
        certain.or_else(|| self.open.iter().position(of(true)).filter(|_| line.is_doubtful))
    }

    /// The event that waits for the trace that begins with this line.
    fn answered(&mut self, line: &Line<'_>) -> Option<usize> {
        self.open.iter_mut().position(|event| event.is_answered(line))
    }

    /// What is open when the log ends, or when nothing has come for a while.
    pub fn finish(&mut self, found: &mut Vec<Oops>) {
        found.extend(self.open.drain(..).filter_map(Event::finish));
        self.preludes.clear();
        self.is_busy = false;
    }

    /// Whether a line of this text would change nothing: nothing is open, and it begins nothing.
    pub fn skips(&self, text: &str) -> bool {
        !self.is_busy && !is_cut_here(text) && self.headers.find(text).is_none()
    }

    /// The first line that is needed to find again what is not finished; none if nothing is.
    pub fn first_needed(&self) -> Option<u64> {
        let open = self.open.iter().map(|event| event.first_sequence);
        open.chain(self.preludes.iter().map(|prelude| prelude.sequence)).min()
    }

    fn close(&mut self, at: Option<usize>, found: &mut Vec<Oops>) {
        if let Some(at) = at {
            found.extend(self.open.remove(at).finish());
        }
    }

    fn end_after_pause(&mut self, line: &Line<'_>, found: &mut Vec<Oops>) {
        let Some(now_us) = line.stamp_us else { return };
        while let Some(at) = self.open.iter().position(|event| event.has_paused(now_us)) {
            self.close(Some(at), found);
        }
    }

    fn begin(
        &mut self,
        line: &Line<'_>,
        header: &'static Header,
        suspect: Option<Option<super::event::Owner>>,
        found: &mut Vec<Oops>,
    ) {
        if self.open.len() >= OPEN {
            self.close(Some(0), found);
        }
        let prelude = self.preludes.iter().position(|prelude| prelude.caller == line.caller);
        let prelude = prelude.map(|at| self.preludes.remove(at));
        let first_sequence = prelude.as_ref().map_or(line.sequence, |prelude| prelude.sequence);
        // Of several lines nobody can say which are others'.
        let message = prelude.filter(|prelude| prelude.lines == 1).map(|prelude| prelude.message);
        let message = message.filter(|message| !message.is_empty());
        let event = Event::new(line, header, Before { first_sequence, message, suspect });
        if event.is_alone() {
            found.extend(event.finish());
        } else {
            self.open.push(event);
        }
    }

    fn prelude(&mut self, line: &Line<'_>) {
        let mine = self.preludes.iter().position(|prelude| prelude.caller == line.caller);
        if is_cut_here(line.text) {
            if let Some(at) = mine {
                self.preludes.remove(at);
            }
            if self.preludes.len() >= OPEN {
                self.preludes.remove(0);
            }
            let (caller, sequence) = (line.caller, line.sequence);
            self.preludes.push(Prelude { caller, sequence, message: String::new(), lines: 0 });
        } else if let Some(at) = mine
            && let Some(prelude) = self.preludes.get_mut(at)
        {
            prelude.lines += 1;
            if prelude.lines == 1 {
                line.text.trim().clone_into(&mut prelude.message);
            } else if prelude.lines > PRELUDE_LINES {
                self.preludes.remove(at);
            }
        }
    }
}
