//! The worker's side: what it is given, and whom it asks for more.

use super::protocol::{self, Message, Report, THREAD_NAME_BYTES, THREAD_NAMES};
use super::{mmap, process::ProcessMemory, recvmsg};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, send};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::rc::Rc;
use telemetry_crash::core::{Auxv, FileMapping};
use telemetry_crash::elf::BuildId;
use telemetry_crash::files::{Files, ModuleFile};
use telemetry_crash::privacy::Privacy;
use telemetry_crash::report::CrashReport;

/// All that a worker has. It runs without privileges, and opens nothing itself.
#[derive(Debug)]
pub struct WorkerIo {
    /// What is known without reading anything: process, pid, signal, remarks.
    pub report: CrashReport,
    /// The executable, where the kernel or a person said it.
    pub executable: Option<String>,
    /// Whether the rules for paths hold.
    pub privacy: Privacy,
    /// The core. A stream is the pipe of the kernel, which holds the process until it is dropped.
    pub core: Core,
    /// The process, if the kernel holds it and it is known to be the one that crashed.
    pub process: Option<ProcessMemory>,
    /// The other side.
    pub broker: BrokerClient,
}

/// Where the core comes from.
#[derive(Debug)]
pub enum Core {
    /// It can be read once, from its beginning on.
    Stream(File),
    /// It can be read anywhere.
    Regular(File),
}

impl Core {
    pub(super) fn file(&self) -> &File {
        match self {
            Core::Stream(file) | Core::Regular(file) => file,
        }
    }
}

/// Opens files and keeps the newest report.
#[derive(Clone, Debug)]
pub struct BrokerClient {
    socket: Rc<OwnedFd>,
}

impl BrokerClient {
    pub(super) fn new(socket: OwnedFd) -> Self {
        Self { socket: Rc::new(socket) }
    }

    pub(super) fn descriptor(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// Passes on the newest report, which is sent should no other follow. `program` is the path of the program, where
    /// the core names it.
    pub fn report(&self, report: &CrashReport, program: Option<&str>) {
        self.pass_on(&Message::Report(Report {
            failed: report.error.is_some(),
            is_third_party: report.is_third_party,
            program: program.map(str::to_owned),
            subjects: [report.program.clone(), report.library.clone()],
            text: report.payload(),
        }));
    }

    /// Whether `/proc/PID` is the process of the core: each has its own random addresses in its auxiliary vector. If
    /// it is another one, the broker is informed, and nothing more is opened through it.
    pub fn is_process_of(&self, auxv: &Auxv, process: &mut ProcessMemory) -> bool {
        let mut bytes = Vec::new();
        let read = process.auxv.by_ref().take(auxv.0.len() as u64).read_to_end(&mut bytes);
        let is_it = read.is_ok() && !bytes.is_empty() && bytes == auxv.0;
        if !is_it {
            self.pass_on(&Message::OtherProcess);
        }
        is_it
    }

    /// The names of threads, in their order; empty ones are not known.
    pub fn thread_names(&self, tids: Vec<u32>) -> Vec<String> {
        let ask = || {
            self.send(&protocol::encode(&Message::ThreadNames(tids))?).ok()?;
            let mut answer = [0; THREAD_NAMES * (THREAD_NAME_BYTES + 1)];
            let (length, _) = recvmsg::receive(self.socket.as_fd(), &mut answer).ok()?;
            Some(protocol::decode_names(answer.get(..length)?))
        };
        ask().unwrap_or_default()
    }

    pub(super) fn done(&self) {
        self.pass_on(&Message::Done);
    }

    /// A broker that is gone takes its worker along: there is nothing to be done about an error.
    fn pass_on(&self, message: &Message) {
        if let Some(bytes) = protocol::encode(message) {
            let _ = self.send(&bytes);
        }
    }

    fn send(&self, bytes: &[u8]) -> Result<(), Errno> {
        loop {
            match send(self.socket.as_raw_fd(), bytes, MsgFlags::MSG_NOSIGNAL) {
                Err(Errno::EINTR) => {}
                sent => return sent.map(drop),
            }
        }
    }

    fn open(&self, message: &Message) -> Option<ModuleFile<'static>> {
        self.send(&protocol::encode(message)?).ok()?;
        let mut answer = [0; 16];
        let (length, file) = recvmsg::receive(self.socket.as_fd(), &mut answer).ok()?;
        let (file_bytes, found) = protocol::decode_answer(answer.get(..length)?)?;
        Some(ModuleFile { bytes: mmap::map_and_leak(file?, file_bytes)?, found })
    }

    fn bytes(&self, message: &Message) -> Option<&'static [u8]> {
        self.open(message).map(|file| file.bytes)
    }
}

impl Files<'static> for BrokerClient {
    fn mapped(&self, mapping: &FileMapping, path: &str) -> Option<ModuleFile<'static>> {
        let path = path.to_owned();
        self.open(&Message::OpenMapped { start: mapping.start, end: mapping.end, path })
    }

    fn debug_by_build_id(&self, build_id: &BuildId) -> Option<&'static [u8]> {
        self.bytes(&Message::OpenDebugBuildId(build_id.clone()))
    }

    fn debug_link(&self, module_path: &str, name: &str) -> Option<&'static [u8]> {
        let (module_path, name) = (module_path.to_owned(), name.to_owned());
        self.bytes(&Message::OpenDebugLink { module_path, name })
    }

    fn supplement(&self, path: &str) -> Option<&'static [u8]> {
        self.bytes(&Message::OpenSupplement(path.to_owned()))
    }

    fn dwarf_package(&self, module_path: &str) -> Option<&'static [u8]> {
        self.bytes(&Message::OpenDwarfPackage(module_path.to_owned()))
    }

    fn dwarf_object(&self, module_path: &str, directory: &str, name: &str) -> Option<&'static [u8]> {
        let [module_path, directory, name] = [module_path, directory, name].map(str::to_owned);
        self.bytes(&Message::OpenDwarfObject { module_path, directory, name })
    }
}
