//! Names addresses, each once, and all of one module together: debug data may be compressed, and is read through for them.

use crate::core::Thread;
use crate::files::Files;
use crate::modules::{ModuleAddress, ModuleTable};
use crate::names::{self, Name, NamedModule, Wanted};
use crate::privacy::Privacy;
use crate::report::{FrameReport, ThreadReport, UsedModule, class};
use crate::thread_name;
use crate::trace::{Backtrace, Frame};
use std::collections::{BTreeMap, HashMap};

/// An address as a frame has it.
type Key = (u64, bool);

/// Bytes of the shortest line of a frame but for its module: `#0 f() - []`.
const LEAST_FRAME_BYTES: usize = 12;

/// Bytes of what else a thread has: an empty line, and `Backtrace (TID 1):`.
const LEAST_THREAD_BYTES: usize = 20;

/// Names the frames of threads.
pub(super) struct Naming<'a, 'data> {
    modules: &'a ModuleTable<'a, 'data>,
    files: &'a dyn Files<'data>,
    privacy: Privacy,
    /// What the process is called, which its threads are called unless the program says otherwise.
    own_name: String,
    known: HashMap<Key, Vec<Name>>,
    /// Modules of the frames, in the order of their first frame, and which of their addresses have no name.
    used: Vec<(usize, Vec<u64>)>,
}

impl<'a, 'data> Naming<'a, 'data> {
    pub(super) fn new(
        modules: &'a ModuleTable<'a, 'data>,
        files: &'a dyn Files<'data>,
        privacy: Privacy,
        own_name: String,
    ) -> Self {
        Self { modules, files, privacy, own_name, known: HashMap::new(), used: Vec::new() }
    }

    /// Looks up what is not known yet.
    pub(super) fn learn(&mut self, frames: &[Frame]) {
        let mut by_module: BTreeMap<usize, Vec<(Key, Wanted)>> = BTreeMap::new();
        for frame in frames {
            let key = key(frame);
            let found = self.modules.find(frame.lookup_addr);
            let found = found.filter(|found| !self.privacy.hides(&found.module.path));
            let Some(ModuleAddress { index, svma: Some(svma), .. }) = found else { continue };
            let wanted = Wanted { svma, needs_size: frame.needs_size };
            let entries = by_module.entry(index).or_default();
            if !self.known.contains_key(&key) && !entries.iter().any(|(known, _)| *known == key) {
                entries.push((key, wanted));
            }
        }
        for (index, entries) in by_module.into_iter().filter(|(_, entries)| !entries.is_empty()) {
            let module = self.modules.get(index);
            let Some((module, elf)) = module.and_then(|module| Some((module, module.elf()?))) else {
                continue;
            };
            let debug_file = self.modules.debug_file_of(index);
            let wanted: Vec<Wanted> = entries.iter().map(|(_, wanted)| *wanted).collect();
            let named = NamedModule { elf, debug_file, go_table: module.go_table(), path: &module.path };
            let names = names::resolve(named, self.files, &wanted);
            self.known.extend(entries.into_iter().map(|(key, _)| key).zip(names));
        }
    }

    /// A thread by what is known of its frames.
    pub(super) fn thread(&mut self, thread: &Thread, backtrace: &Backtrace) -> ThreadReport {
        let frames = backtrace.frames.iter().flat_map(|frame| self.frame(frame)).collect();
        let name = thread.name.as_deref().and_then(|name| self.thread_name(name));
        ThreadReport { tid: thread.tid, name, frames, end: Some(backtrace.end) }
    }

    /// The name of a thread, if it may be reported and says anything.
    fn thread_name(&self, comm: &str) -> Option<String> {
        let name = thread_name::shown(comm).filter(|_| !self.own_name.starts_with(comm))?;
        let modules = self.used.iter().filter_map(|(index, _)| self.modules.get(*index));
        let own = modules
            .filter(|module| class::is_of_distribution(&module.path))
            .filter_map(|module| module.elf());
        (!self.privacy.hides_any() || thread_name::is_of_program(name, own)).then(|| name.to_owned())
    }

    /// What the thread takes at least; nothing if all of it is known already, since it may be as another one is.
    pub(super) fn least_bytes(&self, backtrace: &Backtrace) -> usize {
        let frames = backtrace.frames.iter();
        if frames.clone().all(|frame| self.known.contains_key(&key(frame))) {
            return 0;
        }
        let modules = frames.map(|frame| {
            let found = self.modules.find(frame.lookup_addr);
            found.map_or(0, |found| found.module.name().len().min(LEAST_FRAME_BYTES))
        });
        modules.fold(LEAST_THREAD_BYTES, |sum, module| {
            sum.saturating_add(LEAST_FRAME_BYTES).saturating_add(module)
        })
    }

    fn frame(&mut self, frame: &Frame) -> Vec<FrameReport> {
        let found = self.modules.find(frame.lookup_addr);
        if found.is_some_and(|found| self.privacy.hides(&found.module.path)) {
            return vec![FrameReport::of_third_party()];
        }
        let names = self.known.get(&key(frame)).cloned().filter(|names| !names.is_empty());
        let names = names.unwrap_or_else(|| vec![Name::default()]);
        if let Some(found) = found {
            let is_nameless = names.iter().all(|name| name.function.is_none());
            self.note_use(found.index, found.svma.filter(|_| is_nameless));
        }
        names.into_iter().map(|name| FrameReport::new(found, name, frame)).collect()
    }

    fn note_use(&mut self, module: usize, unnamed: Option<u64>) {
        match self.used.iter_mut().find(|(used, _)| *used == module) {
            Some((_, addresses)) => addresses.extend(unnamed),
            None => self.used.push((module, unnamed.into_iter().collect())),
        }
    }

    pub(super) fn used_modules(&self) -> Vec<UsedModule> {
        let of = |(index, unnamed): &(usize, Vec<u64>)| {
            let module = self.modules.get(*index)?;
            Some(UsedModule {
                name: module.name().to_owned(),
                build_id: module.build_id().map(|id| id.to_string()),
                unnamed: unnamed.clone(),
            })
        };
        self.used.iter().filter_map(of).collect()
    }
}

fn key(frame: &Frame) -> Key {
    (frame.lookup_addr, frame.needs_size)
}
