//! From a core's head, memory and files to a report: the whole way, without a descriptor or a clock.

use super::core::{CoreHead, Thread};
use super::fault;
use super::limits::FRAMES;
use super::memory::Memory;
use super::modules::{Files, ModuleAddress, ModuleTable};
use super::names::{DebugData, Name, Names};
use super::report::{CrashReport, FrameReport, ThreadReport, UsedModule};
use super::trace::{Backtrace, Frame, How};
use super::unwind::Unwinder;
use std::collections::HashMap;

/// How far the analysis is. With each stage the report says more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Process and signal.
    Head,
    /// The crashing thread's frames, without names.
    Unwound,
    /// Every thread's frames: memory is not read any more, and the process may go.
    ProcessDone,
    /// The crashing thread's names.
    Named,
}

/// Makes the report. `report` comes with what the caller knows (process, pid); `progress` is called after each stage.
pub fn analyse<'data>(
    mut report: CrashReport,
    head: &CoreHead,
    memory: &dyn Memory,
    modules: &ModuleTable<'_, 'data>,
    files: &dyn Files<'data>,
    progress: &mut dyn FnMut(Stage, &CrashReport),
) -> CrashReport {
    report.cause = fault::cause(head).or(report.cause);
    report.threads_left_out = head.threads_left_out;
    if head.is_cut_off {
        report.remarks.push("The core ends too early: threads may be missing.".to_owned());
    }
    if head.threads.is_empty() {
        report.error = Some("the core has no registers of any thread".to_owned());
    }
    progress(Stage::Head, &report);

    let mut unwinder = Unwinder::new(modules, memory, head.code_address_mask);
    let mut backtraces = Vec::new();
    for thread in &head.threads {
        backtraces.push((thread, unwinder.backtrace(thread.registers.clone(), FRAMES)));
        if let [(crashing, backtrace)] = backtraces.as_slice() {
            report.threads.push(ThreadReport {
                tid: crashing.tid,
                frames: backtrace.frames.iter().map(|frame| nameless(modules, frame)).collect(),
                end: Some(backtrace.end),
            });
            progress(Stage::Unwound, &report);
        }
    }
    progress(Stage::ProcessDone, &report);

    report.threads.clear();
    let data = DebugData::default();
    let mut naming =
        Naming { modules, names: Names::new(files, &data), known: HashMap::new(), used: Vec::new() };
    for (number, (thread, backtrace)) in backtraces.iter().enumerate() {
        report.threads.push(naming.thread(thread, backtrace));
        if number == 0 {
            report.modules = naming.used_modules();
            progress(Stage::Named, &report);
        }
    }
    report.modules = naming.used_modules();
    report
}

fn nameless(modules: &ModuleTable<'_, '_>, frame: &Frame) -> FrameReport {
    FrameReport::new(modules.find(frame.lookup_addr), Name::default(), frame.how)
}

impl FrameReport {
    fn new(found: Option<ModuleAddress<'_, '_>>, name: Name, how: How) -> Self {
        let Name { function, location, inlined } = name;
        let module = found.map(|found| found.module.name().to_owned());
        // Threads that wait in one function are alike, wherever in it they are.
        let svma = found.and_then(|found| found.svma).filter(|_| function.is_none());
        Self { function, module, location, inlined, how, svma }
    }
}

/// Names addresses, each once: threads that wait in one function have the same ones.
struct Naming<'a, 'data> {
    modules: &'a ModuleTable<'a, 'data>,
    names: Names<'a, 'data>,
    known: HashMap<u64, Vec<Name>>,
    /// Modules of the frames, in the order of their first frame, and which of their addresses have no name.
    used: Vec<(usize, Vec<u64>)>,
}

impl<'data> Naming<'_, 'data> {
    fn thread(&mut self, thread: &Thread, backtrace: &Backtrace) -> ThreadReport {
        let frames = backtrace.frames.iter().flat_map(|frame| self.frame(frame)).collect();
        ThreadReport { tid: thread.tid, frames, end: Some(backtrace.end) }
    }

    fn frame(&mut self, frame: &Frame) -> Vec<FrameReport> {
        let found = self.modules.find(frame.lookup_addr);
        let names = match self.known.get(&frame.lookup_addr) {
            Some(names) => names.clone(),
            None => {
                let names = self.resolve(found);
                self.known.insert(frame.lookup_addr, names.clone());
                names
            }
        };
        names.into_iter().map(|name| FrameReport::new(found, name, frame.how)).collect()
    }

    fn resolve(&mut self, found: Option<ModuleAddress<'_, 'data>>) -> Vec<Name> {
        let Some(found) = found else { return vec![Name::default()] };
        let named = found
            .module
            .elf()
            .zip(found.svma)
            .map(|(elf, svma)| self.names.resolve(found.index, elf, &found.module.path, svma));
        let names = named.filter(|names| !names.is_empty()).unwrap_or_else(|| vec![Name::default()]);
        let nameless = names.iter().all(|name| name.function.is_none());
        self.note_use(found.index, found.svma.filter(|_| nameless));
        names
    }

    fn note_use(&mut self, module: usize, unnamed: Option<u64>) {
        match self.used.iter_mut().find(|(used, _)| *used == module) {
            Some((_, addresses)) => addresses.extend(unnamed),
            None => self.used.push((module, unnamed.into_iter().collect())),
        }
    }

    fn used_modules(&self) -> Vec<UsedModule> {
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

#[cfg(test)]
mod tests;
