//! The head of a core: registers, signal, mappings. It comes first in the stream that the kernel pipes, and says
//! where everything else is.

mod auxv;
mod error;
mod notes;
mod program_headers;
mod stream;

pub use auxv::Auxv;
pub use error::CoreError;

use super::registers::{Arch, Registers};
use std::io::{Read, Seek};
use stream::{Input, Stream};

/// Reads the head of a core from its first byte on, and nothing past the notes. A core that ends within its notes is
/// taken as far as it goes, if that is at least one thread.
///
/// # Errors
/// [`CoreError`]; what it says is fit for a report.
pub fn read(input: &mut impl Read) -> Result<CoreHead, CoreError> {
    read_parts(&mut Stream::forward(input))
}

/// As [`read`], of a file: gdb's `gcore` puts the notes behind the memory, which is not read to get there.
///
/// # Errors
/// As [`read`].
pub fn read_file(file: &mut (impl Read + Seek)) -> Result<CoreHead, CoreError> {
    read_parts(&mut Stream::seeking(file))
}

fn read_parts(stream: &mut Stream<impl Input>) -> Result<CoreHead, CoreError> {
    let (arch, headers) = program_headers::read(stream)?;
    let mut head = CoreHead::new(arch, headers.segments);
    let (start, bytes) = headers.notes.ok_or(CoreError::Damaged("it has no notes"))?;
    stream.skip_to(start)?;
    match notes::read(stream, bytes, &mut head) {
        Err(CoreError::CutOff(_)) if !head.threads.is_empty() => head.is_cut_off = true,
        read => read?,
    }
    head.bytes = stream.position();
    Ok(head)
}

/// What the ELF header, the program headers and the notes of a core say.
#[derive(Clone, Debug)]
pub struct CoreHead {
    /// Architecture of the process.
    pub arch: Arch,
    /// Its threads, the crashing one first; at most [`super::limits::THREADS`].
    pub threads: Vec<Thread>,
    /// How many threads more there were.
    pub threads_left_out: usize,
    /// The signal that ended it.
    pub signal: Option<SignalInfo>,
    /// Its process id, as it saw it itself (in its pid namespace).
    pub pid: Option<i32>,
    /// Its name, at most 15 bytes.
    pub name: Option<String>,
    /// The auxiliary vector as the kernel wrote it, to compare with `/proc/PID/auxv`.
    pub auxv: Auxv,
    /// Mappings of files, by rising address.
    pub mappings: Vec<FileMapping>,
    /// Paths of the mapped files, without ` (deleted)`.
    pub files: Vec<MappedFile>,
    /// Memory of the process, by rising address.
    pub segments: Vec<Segment>,
    /// Bits of a code address that are an address: the others are pointer authentication (aarch64).
    pub code_address_mask: u64,
    /// How many bytes of the core were read.
    pub bytes: u64,
    /// Whether the core ended within its notes.
    pub is_cut_off: bool,
}

/// Bits of an address in user space. Linux gives a program 48 unless it asks for 52, which none does for code; what
/// is above is a pointer authentication code (Documentation/arch/arm64/pointer-authentication.rst).
const AARCH64_ADDRESS_MASK: u64 = (1 << 48) - 1;

impl CoreHead {
    fn new(arch: Arch, segments: Vec<Segment>) -> Self {
        Self {
            arch,
            threads: Vec::new(),
            threads_left_out: 0,
            signal: None,
            pid: None,
            name: None,
            auxv: Auxv::default(),
            mappings: Vec::new(),
            files: Vec::new(),
            segments,
            code_address_mask: if arch == Arch::Aarch64 { AARCH64_ADDRESS_MASK } else { u64::MAX },
            bytes: 0,
            is_cut_off: false,
        }
    }

    /// The segment that this address lies in.
    pub fn segment(&self, process_addr: u64) -> Option<&Segment> {
        let after = self.segments.partition_point(|segment| segment.start <= process_addr);
        self.segments.get(after.checked_sub(1)?).filter(|segment| process_addr < segment.end)
    }

    /// The mapping of a file that this address lies in.
    pub fn mapping(&self, process_addr: u64) -> Option<&FileMapping> {
        let after = self.mappings.partition_point(|mapping| mapping.start <= process_addr);
        self.mappings.get(after.checked_sub(1)?).filter(|mapping| process_addr < mapping.end)
    }

    /// The file that was executed: the one that holds the program's entry or its headers.
    pub fn executable(&self) -> Option<&MappedFile> {
        let address = self.auxv.entry().or_else(|| self.auxv.program_headers())?;
        self.files.get(self.mapping(address)?.file)
    }
}

/// A thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// Its id, as the process saw it.
    pub tid: i32,
    /// Its registers at the crash.
    pub registers: Registers,
    /// What the program calls it, where that is known.
    pub name: Option<String>,
}

/// What is known of the signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignalInfo {
    /// Its number.
    pub number: i32,
    /// `si_code`: what caused it; none where the core has no `NT_SIGINFO`.
    pub code: Option<i32>,
    /// `si_addr`, of signals that have one.
    pub address: Option<u64>,
}

/// A range of addresses that shows a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileMapping {
    /// First address.
    pub start: u64,
    /// The address past the last.
    pub end: u64,
    /// Offset in the file that `start` shows.
    pub file_offset: u64,
    /// Index in [`CoreHead::files`].
    pub file: usize,
}

/// A file that is mapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappedFile {
    /// Its path, in the mount namespace of the process.
    pub path: String,
    /// Whether it was deleted or replaced since.
    pub deleted: bool,
}

/// A range of memory (`PT_LOAD`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// First address.
    pub start: u64,
    /// The address past the last.
    pub end: u64,
    /// Whether the process could read it.
    pub readable: bool,
    /// Whether the process could write it.
    pub writable: bool,
    /// Whether the process could execute it.
    pub executable: bool,
    /// Where in the core its bytes are.
    pub core_offset: u64,
    /// How many of its bytes are there, from `start` on.
    pub core_bytes: u64,
}

#[cfg(test)]
pub(crate) mod tests;
