//! A core that gdb makes of a process that stopped itself a few calls deep.

use super::*;
use crate::core::{self, FileMapping};
use crate::elf::BuildId;
use crate::files::{Found, ModuleFile};
use crate::memory::PagedMemory;
use crate::modules::vdso_image;
use crate::trace::BacktraceEnd;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const SOURCE: &str = r#"
#include <pthread.h>
#include <signal.h>
#include <unistd.h>
static pthread_barrier_t all_there;
static void *waiting(void *unused) { pthread_barrier_wait(&all_there); for (;;) pause(); return unused; }
__attribute__((noinline)) int innermost(void) { return kill(getpid(), SIGSTOP) + 1; }
__attribute__((noinline)) int middle(int depth) { return depth ? middle(depth - 1) + 1 : innermost() + 1; }
int main(void) {
    pthread_t thread;
    pthread_barrier_init(&all_there, 0, 4);
    for (int i = 0; i < 3; i++) pthread_create(&thread, 0, waiting, 0);
    pthread_barrier_wait(&all_there);
    return middle(2) + 1;
}
"#;

/// Files of this machine, by their paths.
struct HostFiles;

impl Files<'static> for HostFiles {
    fn mapped(&self, _: &FileMapping, path: &str) -> Option<ModuleFile<'static>> {
        Some(ModuleFile { bytes: fs::read(path).ok()?.leak(), found: Found::ByPath })
    }
    fn debug_by_build_id(&self, _: &BuildId) -> Option<&'static [u8]> {
        None
    }
    fn debug_link(&self, _: &str, _: &str) -> Option<&'static [u8]> {
        None
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// Compiles the program and has gdb write a core of it.
fn make_core(folder: &Path, options: &[&str]) -> PathBuf {
    let (source, program, core) = (folder.join("program.c"), folder.join("program"), folder.join("core"));
    fs::write(&source, SOURCE).unwrap();
    run(Command::new("cc").args(["-O1", "-pthread"]).args(options).arg("-o").arg(&program).arg(&source));
    let mut process = Command::new(&program).stdin(Stdio::null()).spawn().unwrap();
    let stat = format!("/proc/{}/stat", process.id());
    let start = Instant::now();
    while !fs::read_to_string(&stat).unwrap().contains(") T ") {
        assert!(start.elapsed() < Duration::from_secs(30), "the program did not stop");
        std::thread::yield_now();
    }
    run(Command::new("gdb")
        .args(["-batch", "-nx", "-p", &process.id().to_string(), "-ex"])
        .arg(format!("gcore {}", core.display())));
    process.kill().unwrap();
    process.wait().unwrap();
    core
}

fn report_of(core: &Path) -> CrashReport {
    let mut file = File::open(core).unwrap();
    let head = core::read_file(&mut file).unwrap();
    let memory: &dyn Memory = &PagedMemory::of_core(file, head.segments.clone());
    let vdso = vdso_image(&head, memory).map(|image| &*image.leak());
    let modules = ModuleTable::new(&head, vdso, memory, &HostFiles);
    let mut stages = Vec::new();
    let report = analyse(
        CrashReport::default(),
        &head,
        memory,
        &modules,
        &HostFiles,
        Privacy::Off,
        None,
        &mut |stage, _| stages.push(stage),
    );
    assert_eq!(stages, [Stage::Head, Stage::Unwound, Stage::ProcessDone, Stage::Named]);
    report
}

fn functions(report: &CrashReport, thread: usize) -> Vec<&str> {
    let frames = report.threads[thread].frames.iter();
    frames.map(|frame| frame.function.as_deref().unwrap_or("???")).collect()
}

#[test]
fn a_core_of_a_real_process_is_told_function_by_function() {
    for options in [
        &["-g"][..],
        &["-fomit-frame-pointer"],
        &["-static-pie"],
        &["-fno-asynchronous-unwind-tables", "-fno-unwind-tables", "-g"],
    ] {
        let folder = tempfile::tempdir().unwrap();
        let core = make_core(folder.path(), options);
        let report = report_of(&core);
        assert_eq!(report.threads.len(), 4);
        let crashed = functions(&report, 0);
        assert_eq!(
            crashed[1..6],
            ["innermost()", "middle()", "middle()", "middle()", "main()"],
            "{options:?}"
        );
        assert!(
            report.threads.iter().all(|thread| thread.end == Some(BacktraceEnd::Outermost)),
            "{report:#?}"
        );
        for thread in 1..4 {
            assert!(functions(&report, thread).contains(&"waiting()"), "{report:#?}");
        }
    }
}
