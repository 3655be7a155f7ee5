//! The worker's work: the analysis, told to the supervisor at each stage.

use super::{Evidence, WorkerIo};
use telemetry_crash::analysis::{Stage, analyse};
use telemetry_crash::link_map::add_modules;
use telemetry_crash::modules::{ModuleTable, vdso_image};

/// Makes the report of a crash. The process is let go as soon as its memory is not needed any more.
pub fn work(io: WorkerIo) {
    let Some(evidence) = Evidence::gather(io) else { return };
    let Evidence { report, executable, mut head, memory, supervisor, mut hold } = evidence;
    add_modules(&mut head, memory.as_ref(), &supervisor, executable.as_deref());
    // For as long as this process, which makes one report, lives.
    let vdso = vdso_image(&head, memory.as_ref()).map(|image| &*image.leak());
    let modules = ModuleTable::new(&head, vdso, memory.as_ref(), &supervisor);
    let executable = executable.as_deref();
    let report = analyse(report, &head, memory.as_ref(), &modules, &supervisor, &mut |stage, report| {
        if stage == Stage::ProcessDone {
            hold = None;
        }
        supervisor.report(report, executable);
    });
    supervisor.report(&report, executable);
}
