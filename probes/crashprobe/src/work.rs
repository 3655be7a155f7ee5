//! The worker's work: the analysis, reported to the broker at each stage.

use super::{Input, WorkerIo};
use telemetry_crash::analysis::{Stage, analyse};
use telemetry_crash::link_map::add_modules;
use telemetry_crash::modules::{ModuleTable, vdso_image};

/// Makes the report of a crash. The process is let go as soon as its memory is not needed any more.
pub fn work(io: WorkerIo) {
    let Some(input) = Input::read(io) else { return };
    let Input { report, executable, mut head, memory, broker, mut hold } = input;
    add_modules(&mut head, memory.as_ref(), &broker, executable.as_deref());
    // For as long as this process, which makes one report, lives.
    let vdso = vdso_image(&head, memory.as_ref()).map(|image| &*image.leak());
    let modules = ModuleTable::new(&head, vdso, memory.as_ref(), &broker);
    let executable = executable.as_deref();
    let report = analyse(report, &head, memory.as_ref(), &modules, &broker, &mut |stage, report| {
        if stage == Stage::ProcessDone {
            hold = None;
        }
        broker.report(report, executable);
    });
    broker.report(&report, executable);
}
