//! The worker's work: the analysis, reported to the broker at each stage.

use super::{Input, WorkerIo};
use telemetry_crash::analysis::{Stage, analyse};
use telemetry_crash::link_map::add_modules;
use telemetry_crash::modules::{ModuleTable, vdso_image};
use telemetry_crash::privacy::program;

/// Makes the report of a crash. The process is let go as soon as its memory is not needed any more.
pub fn work(io: WorkerIo) {
    let Some(input) = Input::read(io) else { return };
    let Input { mut report, executable, privacy, mut head, memory, broker, mut hold } = input;
    add_modules(&mut head, memory.as_ref(), &broker, executable.as_deref());
    // For as long as this process, which makes one report, lives.
    let vdso = vdso_image(&head, memory.as_ref()).map(|image| &*image.leak());
    let modules = ModuleTable::new(&head, vdso, memory.as_ref(), &broker);
    // The kernel says what was executed, which may be a dynamic linker.
    let program = program(&head, memory.as_ref(), &modules);
    let is_loader =
        program.is_some() && program.as_deref() != head.executable().map(|file| file.path.as_str());
    if let Some(path) = program.as_ref().filter(|_| is_loader) {
        report.process.clone_from(path);
    }
    let program = program.as_deref().or(executable.as_deref());
    let report =
        analyse(report, &head, memory.as_ref(), &modules, &broker, privacy, program, &mut |stage, report| {
            if stage == Stage::ProcessDone {
                hold = None;
            }
            broker.report(report, program);
        });
    broker.report(&report, program);
}
