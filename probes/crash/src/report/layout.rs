//! What of a report fits: the head, the crashing thread, the modules that its frames without a name need; then the
//! other threads, each with its modules or not at all; then the other modules.

use super::alike::{Alike, alike_threads};
use super::used_modules::UsedModules;
use super::{CrashReport, lines};
use crate::limits::PAYLOAD_BYTES;

/// Longest name that is shown, in bytes. What is longer helps nobody, and takes the room of other threads.
const WIDTH: usize = 512;

/// Shortest length that names are cut to: 64 frames of it leave room for the longest head.
const NARROW: usize = 8;

/// Kept free for the lines that say what was left out, and for the heading of the modules.
const CLOSING_BYTES: usize = 112;

/// Maximum of bytes that modules may take from the crashing thread: a module with 64 addresses.
const RESERVED_BYTES: usize = 1400;

/// The payload of a report.
pub(super) fn payload(report: &CrashReport) -> String {
    filled(report).finish()
}

/// What is left once its threads are there.
pub(super) fn room(report: &CrashReport) -> usize {
    filled(report).room()
}

fn filled(report: &CrashReport) -> Sheet<'_> {
    let mut sheet = Sheet {
        text: lines::head(report),
        modules: UsedModules::new(&report.modules),
        width: WIDTH,
        left_out: report.threads_left_out,
    };
    let groups = alike_threads(report);
    let mut groups = groups.iter();
    if let Some(crashed) = groups.next() {
        sheet.put_crashed(crashed);
    }
    groups.for_each(|group| sheet.put(group));
    sheet
}

/// The text so far, and what has room in it already though it comes later.
struct Sheet<'a> {
    text: String,
    modules: UsedModules<'a>,
    /// What names are cut to.
    width: usize,
    /// Threads.
    left_out: usize,
}

impl<'a> Sheet<'a> {
    fn room(&self) -> usize {
        let taken = self.text.len().saturating_add(self.modules.bytes()).saturating_add(CLOSING_BYTES);
        PAYLOAD_BYTES.saturating_sub(taken)
    }

    /// The crashing thread is shown whole: where it does not fit, names are cut.
    fn put_crashed(&mut self, group: &Alike<'a>) {
        let spare = self.room().saturating_sub(lines::backtrace(group, NARROW).len());
        self.modules.take_unnamed_of(group, spare.min(RESERVED_BYTES));
        let room = self.room();
        self.width = widest(group, room);
        self.put_if(group, room);
    }

    fn put(&mut self, group: &Alike<'a>) {
        let needed = self.modules.bytes_for(group);
        if let Some(room) = self.room().checked_sub(needed)
            && self.put_if(group, room)
        {
            self.modules.take_unnamed_of(group, needed);
        }
    }

    /// Whether the block of the thread fits, and was put.
    fn put_if(&mut self, group: &Alike<'a>, room: usize) -> bool {
        let block = lines::backtrace(group, self.width);
        let fits = block.len() <= room;
        if fits {
            self.text.push_str(&block);
            self.modules.mark_used_by(group);
        } else {
            self.left_out = self.left_out.saturating_add(group.threads());
        }
        fits
    }

    fn finish(mut self) -> String {
        let left_out = lines::left_out(self.left_out, "thread");
        if !left_out.is_empty() {
            self.text.push('\n');
            self.text.push_str(&left_out);
        }
        let room = PAYLOAD_BYTES.saturating_sub(self.text.len());
        self.text.push_str(&self.modules.section(room));
        self.text
    }
}

/// The longest name in bytes, up to [`WIDTH`], with which the thread fits.
fn widest(group: &Alike<'_>, room: usize) -> usize {
    let fits = |width| lines::backtrace(group, width).len() <= room;
    if fits(WIDTH) {
        return WIDTH;
    }
    let (mut fitting, mut too_wide) = (NARROW, WIDTH);
    while too_wide.saturating_sub(fitting) > 1 {
        let middle = fitting.midpoint(too_wide);
        if fits(middle) { fitting = middle } else { too_wide = middle }
    }
    fitting
}
