//! Which modules the report names: first those that a server needs to name frames that have no name.

use super::alike::Alike;
use super::{FrameReport, UsedModule, function_name, lines};
use crate::limits::FRAMES;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The modules of a report, and which of them have a line.
pub(super) struct UsedModules<'a> {
    modules: &'a [UsedModule],
    /// Their numbers by their names. Two may have the same.
    by_name: HashMap<&'a str, Vec<usize>>,
    /// The lines of those that have their room.
    taken: BTreeMap<usize, String>,
    /// Bytes of these lines.
    taken_bytes: usize,
    /// Those of frames that are shown.
    used: BTreeSet<usize>,
}

impl<'a> UsedModules<'a> {
    /// None of these has its room yet.
    pub(super) fn new(modules: &'a [UsedModule]) -> Self {
        let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
        for (number, module) in modules.iter().enumerate() {
            by_name.entry(&module.name).or_default().push(number);
        }
        Self { modules, by_name, taken: BTreeMap::new(), taken_bytes: 0, used: BTreeSet::new() }
    }

    /// Bytes of the lines that have their room.
    pub(super) fn bytes(&self) -> usize {
        self.taken_bytes
    }

    /// Bytes of the lines that frames of this thread need besides.
    pub(super) fn bytes_for(&self, group: &Alike<'a>) -> usize {
        let lines = self.unnamed_of(group).into_iter().filter_map(|number| self.line(number, usize::MAX));
        lines.map(|line| line.len()).sum()
    }

    /// Gives the modules of this thread's frames without a name their room, as far as they fit.
    pub(super) fn take_unnamed_of(&mut self, group: &Alike<'a>, room: usize) {
        let mut room = room;
        for number in self.unnamed_of(group) {
            if let Some(line) = self.line(number, room) {
                room = room.saturating_sub(line.len());
                self.taken_bytes = self.taken_bytes.saturating_add(line.len());
                self.taken.insert(number, line);
            }
        }
    }

    /// Remembers that frames of this thread are shown.
    pub(super) fn mark_used_by(&mut self, group: &Alike<'a>) {
        let numbers: Vec<_> = group.thread.frames.iter().flat_map(|frame| self.numbers_of(frame)).collect();
        self.used.extend(numbers);
    }

    /// The section of the modules in at most this many bytes; empty if there are none.
    pub(super) fn section(&self, room: usize) -> String {
        const HEADING: &str = "\nModules:\n";
        // Room for the line that says what was left out.
        let closing = HEADING.len().saturating_add(lines::left_out(usize::MAX, "module").len());
        let mut room = room.saturating_sub(closing).saturating_sub(self.taken_bytes);
        let (mut shown, mut left_out) = (String::new(), 0_usize);
        for number in self.used.iter().chain(self.taken.keys()).collect::<BTreeSet<_>>() {
            if let Some(line) = self.taken.get(number) {
                shown.push_str(line);
            } else if let Some(line) = self.line(*number, room) {
                room = room.saturating_sub(line.len());
                shown.push_str(&line);
            } else {
                left_out = left_out.saturating_add(1);
            }
        }
        let left_out = lines::left_out(left_out, "module");
        if shown.is_empty() && left_out.is_empty() { shown } else { format!("{HEADING}{shown}{left_out}") }
    }

    /// The line of a module in at most this many bytes, without the addresses if need be.
    fn line(&self, number: usize, room: usize) -> Option<String> {
        let module = self.modules.get(number)?;
        [FRAMES, 0]
            .map(|addresses| lines::module(module, addresses))
            .into_iter()
            .find(|line| line.len() <= room)
    }

    /// The modules without room that this thread's frames without a name lie in, each once.
    fn unnamed_of(&self, group: &Alike<'a>) -> BTreeSet<usize> {
        let frames = group.thread.frames.iter();
        let unnamed =
            frames.filter(|frame| frame.function.as_deref().and_then(function_name::shown).is_none());
        unnamed
            .flat_map(|frame| self.numbers_of(frame))
            .filter(|number| !self.taken.contains_key(number))
            .collect()
    }

    fn numbers_of(&self, frame: &FrameReport) -> impl Iterator<Item = usize> + use<'_, 'a> {
        frame.module.as_deref().and_then(|name| self.by_name.get(name)).into_iter().flatten().copied()
    }
}
