//! What a crash costs: with our handler, with one that does nothing, and with one that copies the core to a file
//! first, as handlers do. Then reading a core, beside eu-stack and gdb; and the unwinder alone. Needs root, for
//! core_pattern.

use super::c_program::Programs;
use super::table::Row;
use super::{ROUNDS, median};
use crate::crash::{self, CorePattern};
use std::error::Error;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Instant;
use telemetry_crash::core::{self, FileMapping};
use telemetry_crash::elf::BuildId;
use telemetry_crash::files::{Files, Found, ModuleFile};
use telemetry_crash::limits::FRAMES;
use telemetry_crash::memory::PagedMemory;
use telemetry_crash::modules::{ModuleTable, vdso_image};
use telemetry_crash::unwind::Unwinder;
use test_harness::{Sandbox, programs};

/// MiB that the process has touched, its threads, and how often a crash that copies all of it is measured.
const PROCESSES: [(u32, u32, usize); 4] = [(1, 0, ROUNDS), (64, 32, ROUNDS), (1024, 0, 3), (4096, 0, 1)];

pub(super) fn measure(programs: &Programs, print: &mut dyn FnMut(&Row)) -> Result<(), Box<dyn Error>> {
    if !nix::unistd::geteuid().is_root() {
        println!("crash: skipped, since setting core_pattern needs root");
        return Ok(());
    }
    let mut sandbox = Sandbox::new();
    sandbox.set("crash_burst_limit", -1).set("user_records_per_minute", -1);
    sandbox.write("etc/opt-in-no-privacy-filters", "");
    let _telemprobd = sandbox.start_telemprobd();
    let core = sandbox.path("core");
    let handlers = Handlers::new(programs, &sandbox, &core);
    for (mib, threads, copies) in PROCESSES {
        handlers.measure(mib, threads, copies, print)?;
        read_core(programs, &sandbox, &core, &format!("{mib} MiB, {threads} threads"), print)?;
    }
    unwind(&core, print)
}

/// The patterns that take turns.
struct Handlers<'a> {
    programs: &'a Programs,
    ours: String,
    nothing: String,
    copy: String,
}

impl<'a> Handlers<'a> {
    fn new(programs: &'a Programs, sandbox: &Sandbox, core: &Path) -> Self {
        let floor = programs.path("floor_crash").display().to_string();
        Self {
            programs,
            ours: crash::crashprobe_pattern(sandbox),
            nothing: format!("|{floor}"),
            copy: format!("|{floor} {}", core.display()),
        }
    }

    fn measure(
        &self,
        mib: u32,
        threads: u32,
        copies: usize,
        print: &mut dyn FnMut(&Row),
    ) -> Result<(), Box<dyn Error>> {
        let (mut ours, mut nothing, mut copy) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            ours.push(self.crash_ms(&self.ours, mib, threads)?);
            nothing.push(self.crash_ms(&self.nothing, mib, threads)?);
            if round < copies {
                copy.push(self.crash_ms(&self.copy, mib, threads)?);
            }
        }
        let (ours, nothing, copy) = (median(&mut ours), median(&mut nothing), median(&mut copy));
        let process = format!("crash, {mib} MiB, {threads} threads");
        print(&Row {
            what: format!("{process} (floor: nothing)"),
            ours,
            floor: nothing,
            ratio: None,
            unit: "ms",
            goal: "30 ms above the floor",
            c_implementation: match mib {
                64 => "2200",
                1024 => "10500",
                _ => "-",
            },
        });
        print(&Row {
            what: format!("{process} (floor: copy)"),
            ours,
            floor: copy,
            ratio: Some(ours / copy),
            unit: "ms",
            goal: "-",
            c_implementation: "-",
        });
        Ok(())
    }

    fn crash_ms(&self, pattern: &str, mib: u32, threads: u32) -> Result<f64, Box<dyn Error>> {
        let _pattern = CorePattern::set(pattern);
        self.programs.figure("crash_victim", &[&mib.to_string(), &threads.to_string()])
    }
}

/// Times and memory of reading the core that the copying handler left.
fn read_core(
    programs: &Programs,
    sandbox: &Sandbox,
    core: &Path,
    what: &str,
    print: &mut dyn FnMut(&Row),
) -> Result<(), Box<dyn Error>> {
    let core = core.display().to_string();
    let config = sandbox.config_arg();
    let victim = programs.path("crash_victim").display().to_string();
    let crashprobe: PathBuf = programs::path("crashprobe");
    let commands: [(&str, Vec<&str>); 3] = [
        (
            "ours",
            vec![
                crashprobe.to_str().unwrap_or_default(),
                "-f",
                &config,
                "-c",
                &core,
                "-p",
                "crash_victim",
                "-v",
            ],
        ),
        ("eu-stack", vec!["eu-stack", "-i", "-s", "--core", &core, "-e", &victim]),
        ("gdb", vec!["gdb", "-batch", "-nx", "-ex", "thread apply all bt", &victim, &core]),
    ];
    let mut figures: [(Vec<f64>, Vec<f64>); 3] = Default::default();
    for _ in 0..ROUNDS {
        for ((_, command), (times, sizes)) in commands.iter().zip(&mut figures) {
            let figures = programs.figures("run_measured", command)?;
            let [seconds, kib] = figures[..] else { return Err("run_measured prints two figures".into()) };
            times.push(seconds * 1e3);
            sizes.push(kib / 1024.0);
        }
    }
    let [ours, eu_stack, gdb] =
        figures.map(|(mut times, mut sizes)| (median(&mut times), median(&mut sizes)));
    for (peer, (ms, mib), goal, memory_goal) in
        [("eu-stack", eu_stack, "as fast", "10 MB above eu-stack"), ("gdb", gdb, "-", "-")]
    {
        print(&Row {
            what: format!("read a core, {what} (floor: {peer})"),
            ours: ours.0,
            floor: ms,
            ratio: Some(ours.0 / ms),
            unit: "ms",
            goal,
            c_implementation: if peer == "gdb" { "-" } else { "50 to 70" },
        });
        print(&Row {
            what: "  its memory".to_owned(),
            ours: ours.1,
            floor: mib,
            ratio: None,
            unit: "MB RSS",
            goal: memory_goal,
            c_implementation: if peer == "gdb" { "-" } else { "20" },
        });
    }
    Ok(())
}

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

/// How often the crashed thread is unwound.
const UNWINDINGS: u32 = 20_000;

/// The unwinder alone, when all that it reads is in memory: nanoseconds a frame.
fn unwind(core: &Path, print: &mut dyn FnMut(&Row)) -> Result<(), Box<dyn Error>> {
    let mut file = File::open(core)?;
    let head = core::read(&mut file)?;
    let memory = PagedMemory::of_core(file, head.segments.clone());
    let vdso = vdso_image(&head, &memory).map(|image| &*image.leak());
    let modules = ModuleTable::new(&head, vdso, &memory, &HostFiles);
    let mut unwinder = Unwinder::new(&modules, &memory, head.code_address_mask);
    let crashed = head.threads.first().ok_or("a core without a thread")?;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let mut frames = 0;
        let start = Instant::now();
        for _ in 0..UNWINDINGS {
            frames += unwinder.backtrace(crashed.registers.clone(), FRAMES).frames.len();
        }
        rounds.push(start.elapsed().as_secs_f64() * 1e9 / frames as f64);
    }
    print(&Row {
        what: "unwinder alone, a frame".to_owned(),
        ours: median(&mut rounds),
        floor: f64::NAN,
        ratio: None,
        unit: "ns",
        goal: "-",
        c_implementation: "-",
    });
    Ok(())
}
