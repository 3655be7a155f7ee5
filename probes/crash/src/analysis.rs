//! From a core's head, memory and files to a report: the whole way, without a descriptor or a clock.

mod naming;

use super::core::{CoreHead, Thread};
use super::fault;
use super::files::Files;
use super::limits::FRAMES;
use super::memory::Memory;
use super::modules::{ModuleAddress, ModuleTable};
use super::names::Name;
use super::package::note;
use super::privacy::{self, Privacy};
use super::report::{CrashReport, FrameReport, Subject, ThreadReport};
use super::trace::{Backtrace, Frame};
use super::unwind::Unwinder;
use naming::Naming;

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

/// Makes the report. `report` comes with what the caller knows (process, pid), `program` is the path of the program where it
/// is known; `progress` is called after each stage.
#[expect(clippy::too_many_arguments, reason = "what a report is made of")]
pub fn analyse<'data>(
    mut report: CrashReport,
    head: &CoreHead,
    memory: &dyn Memory,
    modules: &ModuleTable<'_, 'data>,
    files: &dyn Files<'data>,
    privacy: Privacy,
    program: Option<&str>,
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
            report.is_third_party |= privacy.hides_any() && privacy::is_of_third_party(modules, backtrace);
            report.threads.push(nameless_thread(modules, privacy, crashing, backtrace));
            progress(Stage::Unwound, &report);
        }
    }
    progress(Stage::ProcessDone, &report);
    bring_panicked_first(modules, &mut backtraces);
    report.program = program.and_then(|path| subject(modules, privacy, modules.by_path(path)?));
    report.library = backtraces.first().and_then(|(_, backtrace)| {
        let found = modules.find(backtrace.frames.first()?.lookup_addr)?;
        subject(modules, privacy, found.index).filter(|library| Some(library.path.as_str()) != program)
    });
    let own_name = report.process.rsplit('/').next().unwrap_or_default().to_owned();
    let naming = Naming::new(modules, files, privacy, own_name);
    name_threads(&mut report, &backtraces, naming, progress);
    report
}

/// A module whose package is worth knowing: a proven file, of which something may be said.
fn subject(modules: &ModuleTable<'_, '_>, privacy: Privacy, index: usize) -> Option<Subject> {
    let module = modules.get(index)?;
    let elf = module.elf()?;
    let is_file = module.path.starts_with('/') && !privacy.hides(&module.path);
    is_file.then(|| Subject { path: module.path.clone(), package: note::of_file(elf) })
}

/// Functions of Go that a goroutine runs which fails.
const PANICS: [&str; 3] = ["runtime.gopanic", "runtime.sigpanic", "runtime.sigpanic0"];

/// A program of Go ends all its threads one after the other, if it is to leave a core: the one that ends last need not be
/// the one that failed. If just one has, it comes first.
fn bring_panicked_first(modules: &ModuleTable<'_, '_>, backtraces: &mut [(&Thread, Backtrace)]) {
    let has_panicked = |backtrace: &Backtrace| {
        backtrace.frames.iter().any(|frame| {
            let found = modules.find(frame.lookup_addr);
            let function = found.and_then(|found| found.module.go_table()?.find(found.svma?));
            function.is_some_and(|function| PANICS.contains(&function.plain_name()))
        })
    };
    let mut panicked = backtraces.iter().enumerate().filter(|(_, (_, backtrace))| has_panicked(backtrace));
    let (Some((number, _)), None) = (panicked.next(), panicked.next()) else { return };
    if let Some(first) = backtraces.get_mut(..=number) {
        first.rotate_right(1);
    }
}

/// Names the crashing thread, then those of the others for which there is room: what is left out is not looked up.
fn name_threads(
    report: &mut CrashReport,
    backtraces: &[(&Thread, Backtrace)],
    mut naming: Naming<'_, '_>,
    progress: &mut dyn FnMut(Stage, &CrashReport),
) {
    report.threads.clear();
    let Some(((crashing, backtrace), mut others)) = backtraces.split_first() else { return };
    naming.learn(&backtrace.frames);
    report.threads.push(naming.thread(crashing, backtrace));
    report.modules = naming.used_modules();
    progress(Stage::Named, report);
    while !others.is_empty() {
        // As many as can fit, if their names are as short as names can be; then what is left is known again.
        let mut room = report.room_for_threads();
        let fitting = others.iter().take_while(|(_, backtrace)| {
            let least = naming.least_bytes(backtrace);
            let fits = least <= room;
            room = room.saturating_sub(least);
            fits
        });
        let count = fitting.count();
        if count == 0 {
            report.threads_left_out = report.threads_left_out.saturating_add(1);
            others = others.get(1..).unwrap_or_default();
            continue;
        }
        let (now, later) = others.split_at_checked(count).unwrap_or((others, &[]));
        let frames: Vec<Frame> = now.iter().flat_map(|(_, backtrace)| backtrace.frames.clone()).collect();
        naming.learn(&frames);
        report.threads.extend(now.iter().map(|(thread, backtrace)| naming.thread(thread, backtrace)));
        others = later;
    }
    report.modules = naming.used_modules();
}

fn nameless_thread(
    modules: &ModuleTable<'_, '_>,
    privacy: Privacy,
    thread: &Thread,
    backtrace: &Backtrace,
) -> ThreadReport {
    let frames = backtrace.frames.iter().map(|frame| nameless(modules, privacy, frame)).collect();
    ThreadReport { tid: thread.tid, name: None, frames, end: Some(backtrace.end) }
}

fn nameless(modules: &ModuleTable<'_, '_>, privacy: Privacy, frame: &Frame) -> FrameReport {
    let found = modules.find(frame.lookup_addr);
    if found.is_some_and(|found| privacy.hides(&found.module.path)) {
        return FrameReport::of_third_party();
    }
    FrameReport::new(found, Name::default(), frame)
}

impl FrameReport {
    fn new(found: Option<ModuleAddress<'_, '_>>, name: Name, frame: &Frame) -> Self {
        let Name { function, location, inlined } = name;
        let module = found.map(|found| found.module.name().to_owned());
        // Threads that wait in one function are alike, wherever in it they are.
        let svma = found.and_then(|found| found.svma).filter(|_| function.is_none());
        Self { function, module, location, inlined, how: frame.how, svma }
    }
}

#[cfg(test)]
mod tests;
