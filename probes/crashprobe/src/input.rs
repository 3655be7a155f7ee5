//! The worker's first step: the head of the core, and where memory is read.
//!
//! | core | memory |
//! |---|---|
//! | a file | the file |
//! | a stream, the process is there and is the core's | `/proc/PID/mem` |
//! | a stream alone | what is kept of the rest of it |

use super::link::{BrokerClient, Core, WorkerIo};
use super::process::ProcessMemory;
use super::protocol::THREAD_NAMES;
use std::fs::File;
use std::io::BufReader;
use telemetry_crash::core::{self, CoreHead};
use telemetry_crash::memory::{KeptMemory, Memory, PagedMemory};
use telemetry_crash::privacy::Privacy;
use telemetry_crash::report::CrashReport;

/// What a pipe holds, so that each read takes what the kernel could write.
const PIPE_BYTES: usize = 64 * 1024;

/// What a report is made of.
pub struct Input {
    /// What is known so far.
    pub report: CrashReport,
    /// Path of the executable, where somebody knows it.
    pub executable: Option<String>,
    /// Whether the rules for paths hold.
    pub privacy: Privacy,
    /// The head of the core.
    pub head: CoreHead,
    /// The memory of the process.
    pub memory: Box<dyn Memory>,
    /// Opens files, takes reports.
    pub broker: BrokerClient,
    /// The pipe by which the kernel holds the process; to be dropped when memory is not needed any more.
    pub hold: Option<File>,
}

impl Input {
    /// Reads the head and finds the memory. A core that cannot be read is reported, and there is nothing more to do.
    pub fn read(io: WorkerIo) -> Option<Self> {
        let WorkerIo { mut report, mut executable, privacy, core, process, broker } = io;
        let mut core = Source::new(core);
        let head = match &mut core {
            Source::Stream(pipe) => core::read(pipe),
            Source::Regular(file) => core::read_file(file),
        };
        let mut head = match head {
            Ok(head) => head,
            Err(error) => {
                report.error = Some(error.to_string());
                broker.report(&report, executable.as_deref());
                return None;
            }
        };
        report.pid = report.pid.or(head.pid);
        report.signal = report.signal.or(head.signal.map(|signal| signal.number));
        if let Some(known) = &mut executable
            && let Some(path) = path_with_marks(known, &head)
        {
            if report.process == *known {
                report.process.clone_from(&path);
            }
            *known = path;
        }
        if executable.is_none() {
            executable = head.executable().map(|file| file.path.clone()).filter(|path| path.starts_with('/'));
        }
        if report.process.is_empty() {
            let known = executable.as_ref().or(head.name.as_ref());
            report.process = known.cloned().unwrap_or_default();
        }
        let (memory, hold) = memory(core, process, &head, &broker);
        if hold.is_some() {
            name_threads(&mut head, &broker);
        }
        Some(Self { report, executable, privacy, head, memory, broker, hold })
    }
}

/// Asks for the names of the first threads, as many as a report can have room for.
fn name_threads(head: &mut CoreHead, broker: &BrokerClient) {
    let threads = || head.threads.iter().take(THREAD_NAMES);
    let tids: Vec<u32> = threads().filter_map(|thread| u32::try_from(thread.tid).ok()).collect();
    let names = broker.thread_names(tids);
    for (thread, name) in head.threads.iter_mut().zip(names) {
        thread.name = Some(name).filter(|name| !name.is_empty());
    }
}

/// The path that the kernel meant, who writes `!` for `/` and leaves a `!` as it is: the core lists it as it was mapped.
fn path_with_marks(known: &str, head: &CoreHead) -> Option<String> {
    let written = known.replace('/', "!");
    let path = &head.executable()?.path;
    (path.contains('!') && path.replace('/', "!") == written).then(|| path.clone())
}

/// A core that is read: its head has thousands of small parts.
enum Source {
    Stream(BufReader<File>),
    Regular(BufReader<File>),
}

impl Source {
    fn new(core: Core) -> Self {
        match core {
            Core::Stream(pipe) => Self::Stream(BufReader::with_capacity(PIPE_BYTES, pipe)),
            Core::Regular(file) => Self::Regular(BufReader::new(file)),
        }
    }
}

type MemoryAndHold = (Box<dyn Memory>, Option<File>);

fn memory(
    core: Source,
    process: Option<ProcessMemory>,
    head: &CoreHead,
    broker: &BrokerClient,
) -> MemoryAndHold {
    let mut pipe = match core {
        Source::Regular(file) => {
            let segments = head.segments.clone();
            return (Box::new(PagedMemory::of_core(file.into_inner(), segments)), None);
        }
        Source::Stream(pipe) => pipe,
    };
    let process = process.and_then(|mut process| {
        let is_it = broker.is_process_of(&head.auxv, &mut process);
        is_it.then(|| PagedMemory::of_process(process.memory))
    });
    match process.filter(|memory| is_readable(memory, head)) {
        Some(memory) => (Box::new(memory), Some(pipe.into_inner())),
        None => (Box::new(KeptMemory::keep(&mut pipe, head)), None),
    }
}

/// Whether the process is still there: the stack of a thread can be read. One thread may have none, as after a stack
/// overflow; the others have.
fn is_readable(memory: &dyn Memory, head: &CoreHead) -> bool {
    let stacks = head.threads.iter().filter_map(|thread| thread.registers.sp());
    stacks.chain(head.auxv.vdso()).any(|address| memory.read(address, &mut [0]))
}
