//! The traces of an event, and which of them is the failure's.
//!
//! ```text
//! section := title? (frame | mark | filler | pointer)+
//! ```

use super::super::headers::Trace;
use super::super::limits::{SECTION_LINES, SECTIONS};
use super::super::styles::{self, Title};
use super::context::Owner;

/// One trace.
#[derive(Clone, Debug)]
pub(super) struct Section {
    pub(super) title: Title,
    pub(super) owner: Owner,
    /// The line of the instruction pointer that stands before the frames.
    pub(super) pointer: String,
    /// Lines with frames, and with pointers of functions that were interrupted.
    pub(super) lines: String,
    pub(super) count: usize,
    /// Whether `Call Trace:` was there.
    pub(super) is_titled: bool,
    /// Whether its outermost function was there.
    pub(super) is_complete: bool,
    /// Whether frames that come now are of another one.
    pub(super) is_over: bool,
}

impl Section {
    fn new(title: Title, owner: Owner) -> Self {
        let (pointer, lines) = (String::new(), String::new());
        Self { title, owner, pointer, lines, count: 0, is_titled: false, is_complete: false, is_over: false }
    }

    pub(super) fn push(&mut self, line: &str) {
        self.count += 1;
        if self.count <= SECTION_LINES {
            self.lines.push_str(line);
            self.lines.push('\n');
        }
    }
}

/// All of an event.
#[derive(Clone, Debug)]
pub(super) struct Sections {
    all: Vec<Section>,
    /// The one that lines are added to.
    current: Section,
}

impl Default for Sections {
    fn default() -> Self {
        Self { all: Vec::new(), current: Section::new(Title::Trace, Owner::default()) }
    }
}

impl Sections {
    pub(super) fn current(&mut self) -> &mut Section {
        &mut self.current
    }

    /// Whether nothing was there yet.
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty() && self.current.count == 0 && self.current.pointer.is_empty()
    }

    /// Whether a trace has its outermost function.
    pub(super) fn has_complete(&self) -> bool {
        self.all.iter().chain([&self.current]).any(|section| section.is_complete)
    }

    /// Whether a frame's function begins so.
    pub(super) fn has_function(&self, head: &str) -> bool {
        let lines = self.all.iter().chain([&self.current]).flat_map(|section| section.lines.lines());
        lines.into_iter().any(|line| {
            let mut is_it = false;
            styles::each_frame(line, false, |frame| {
                is_it |= frame.function.is_some_and(|function| function.starts_with(head));
            });
            is_it
        })
    }

    /// Whether the current one has frames to which more may come.
    pub(super) fn is_open(&self) -> bool {
        self.current.count > 0 && !self.current.is_over
    }

    /// A title begins a section; `Call Trace:` alone only says that its frames come.
    pub(super) fn title(&mut self, title: Title) {
        // The kthread is a task, too, and so is what a processor runs: the line before says more.
        let is_known = matches!(self.current.title, Title::Kthread | Title::Processor(_));
        if title == Title::Task && is_known && self.current.count == 0 {
            return;
        }
        if title != Title::Trace {
            self.begin(title, Owner::default());
        } else if self.current.count > 0 {
            let after = match self.current.title {
                // Both traces of a processor, or of a task, are its own.
                Title::Other | Title::Access | Title::Leak => Title::Trace,
                kept => kept,
            };
            let owner = self.current.owner;
            self.begin(after, owner);
        }
        self.current.is_titled |= title == Title::Trace;
    }

    /// The line that names processor and process: what follows is theirs.
    pub(super) fn context(&mut self, owner: Owner) {
        match self.current.title {
            Title::Backtrace | Title::Processor(_) | Title::Task if self.current.count == 0 => {
                self.current.owner = owner;
            }
            _ if self.current.count == 0 && self.current.title == Title::Trace => self.current.owner = owner,
            _ => self.begin(Title::Trace, owner),
        }
    }

    fn begin(&mut self, title: Title, owner: Owner) {
        let before = std::mem::replace(&mut self.current, Section::new(title, owner));
        if before.count > 0 || !before.pointer.is_empty() {
            if self.all.len() >= SECTIONS {
                // The first and the last of very many may be the one.
                self.all.pop();
            }
            self.all.push(before);
        }
    }

    /// The failure's own, by what its printer writes; `named` is whom the first line names, `stalled` whom a stall does.
    pub(super) fn own(&self, trace: Trace, named: &Owner, stalled: &[u32]) -> Option<&Section> {
        let mut with_frames = self.all.iter().chain([&self.current]).filter(|section| section.count > 0);
        let is_plain = |section: &&Section| section.title == Title::Trace;
        let is_theirs = |section: &&Section| named.agrees(&section.owner);
        match trace {
            Trace::None | Trace::Errors => None,
            Trace::Leak => with_frames.find(|section| section.title == Title::Leak),
            Trace::Lockdep => {
                let all: Vec<_> = with_frames.collect();
                let titled = all.iter().find(|section| section.title == Title::Backtrace);
                // Its chains name no processor.
                let is_own = |section: &&&Section| is_plain(section) && section.owner != Owner::default();
                titled.or_else(|| all.iter().find(is_own)).copied()
            }
            Trace::Own | Trace::Access => with_frames.find(|section| {
                (is_plain(section) || matches!(section.title, Title::Backtrace)) && is_theirs(section)
            }),
            Trace::AccessFirst => {
                with_frames.find(|section| matches!(section.title, Title::Trace | Title::Access))
            }
            Trace::Task => {
                let all: Vec<_> = with_frames.filter(is_theirs).collect();
                let task = all.iter().find(|section| section.title == Title::Task);
                task.or_else(|| all.iter().find(|section| is_plain(section))).copied()
            }
            Trace::Processor => {
                let is_its = |section: &&Section| match section.title {
                    Title::Processor(cpu) => named.cpu.is_none_or(|named| named == cpu),
                    title => title == Title::Trace && named.agrees(&section.owner),
                };
                with_frames.find(is_its)
            }
            Trace::Stall => self.of_stall(stalled),
        }
    }

    /// The stalled processor's, else the blocked task's, else the kthread's.
    fn of_stall(&self, stalled: &[u32]) -> Option<&Section> {
        let rank = |section: &Section| match section.title {
            Title::Processor(cpu) if stalled.contains(&cpu) => 0,
            Title::Trace if section.owner.cpu.is_some_and(|cpu| stalled.contains(&cpu)) => 0,
            Title::Trace | Title::Task => 1,
            Title::Processor(_) => 2,
            Title::Kthread => 3,
            _ => 4,
        };
        let with_frames = self.all.iter().chain([&self.current]).filter(|section| section.count > 0);
        with_frames.filter(|section| rank(section) < 4).min_by_key(|section| rank(section))
    }

    /// Whether nothing that comes now can be the failure's trace.
    pub(super) fn are_done(&self, trace: Trace, named: &Owner, stalled: &[u32]) -> bool {
        let Some(own) = self.own(trace, named, stalled) else { return false };
        let is_it = std::ptr::eq(own, &raw const self.current);
        let is_best = trace != Trace::Stall
            || matches!(own.title, Title::Processor(cpu) if stalled.contains(&cpu))
            || own.owner.cpu.is_some_and(|cpu| stalled.contains(&cpu));
        is_best && (!is_it || self.current.is_over)
    }

    pub(super) fn has_frames(&self, trace: Trace, named: &Owner, stalled: &[u32]) -> bool {
        self.own(trace, named, stalled).is_some()
    }
}
