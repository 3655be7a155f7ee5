//! The notes of a core.
//!
//! ```text
//! u32 name size | u32 data size | u32 type | name, padded to 4 | data, padded to 4
//! ```
//!
//! Linux writes for the crashing thread PRSTATUS, PRPSINFO, SIGINFO, AUXV, FILE, then its other registers; then
//! for each other thread PRSTATUS and its other registers.

use super::stream::{Input, Stream};
use super::{Auxv, CoreError, CoreHead, FileMapping, MappedFile, SignalInfo, Thread};
use crate::limits::{MAPPINGS, MODULES, NOTE_BYTES, THREADS};
use crate::registers::{Arch, Registers};
use object::elf;
use std::collections::HashMap;

/// Longest owner's name of a note; those of Linux are `CORE` and `LINUX`.
const NAME_BYTES: u32 = 64;

/// The mask of the code address bits: Documentation/arch/arm64/pointer-authentication.rst.
const NT_ARM_PAC_MASK: u32 = 0x406;

/// `struct elf_prstatus`: the signal, the thread's id, and where its registers begin.
const PRSTATUS_SIGNAL: usize = 12;
const PRSTATUS_TID: usize = 32;
const PRSTATUS_REGISTERS: usize = 112;

/// `struct elf_prpsinfo`: the process's id and name.
const PRPSINFO_PID: usize = 24;
const PRPSINFO_NAME: usize = 40;
const PRPSINFO_NAME_BYTES: usize = 16;

/// Reads this many bytes of notes into the head.
pub(super) fn read(
    stream: &mut Stream<impl Input>,
    bytes: u64,
    head: &mut CoreHead,
) -> Result<(), CoreError> {
    let end = stream.position().saturating_add(bytes);
    while end.saturating_sub(stream.position()) >= 12 {
        let name_bytes = u32::from_le_bytes(stream.array()?);
        let data_bytes = u32::from_le_bytes(stream.array()?);
        let kind = u32::from_le_bytes(stream.array()?);
        if name_bytes > NAME_BYTES {
            return Err(CoreError::Damaged("a note has an endless name"));
        }
        stream.skip(padded(name_bytes))?;
        let padded_bytes = padded(data_bytes);
        if padded_bytes > end.saturating_sub(stream.position()) {
            return Err(CoreError::Damaged("a note is longer than all of them"));
        }
        match usize::try_from(padded_bytes) {
            Ok(count) if count <= NOTE_BYTES && is_kept(kind, head) => {
                keep(kind, &stream.bytes(count)?, head);
            }
            _ => stream.skip(padded_bytes)?,
        }
    }
    Ok(())
}

fn padded(bytes: u32) -> u64 {
    u64::from(bytes).next_multiple_of(4)
}

/// Whether a note of this type says something new. A thread too many is only counted.
fn is_kept(kind: u32, head: &mut CoreHead) -> bool {
    match elf::NoteType(kind) {
        elf::NT_PRSTATUS if head.threads.len() >= THREADS => {
            head.threads_left_out = head.threads_left_out.saturating_add(1);
            false
        }
        elf::NT_PRSTATUS => true,
        elf::NT_PRPSINFO => head.name.is_none(),
        elf::NT_SIGINFO => head.signal.is_none_or(|signal| signal.code.is_none()),
        elf::NT_AUXV => head.auxv.0.is_empty(),
        elf::NT_FILE => head.mappings.is_empty(),
        _ => kind == NT_ARM_PAC_MASK,
    }
}

fn keep(kind: u32, data: &[u8], head: &mut CoreHead) {
    match elf::NoteType(kind) {
        elf::NT_PRSTATUS => keep_thread(data, head),
        elf::NT_PRPSINFO => {
            head.pid = i32_at(data, PRPSINFO_PID);
            let name = data.get(PRPSINFO_NAME..).unwrap_or_default();
            head.name = name.get(..PRPSINFO_NAME_BYTES).map(until_nul);
        }
        elf::NT_SIGINFO => keep_signal(data, head),
        elf::NT_AUXV => head.auxv = Auxv(data.to_owned()),
        elf::NT_FILE => keep_mappings(data, head),
        _ => {
            if let Some(mask) = u64_at(data, 8).filter(|_| head.arch == Arch::Aarch64) {
                head.code_address_mask = !mask;
            }
        }
    }
}

fn keep_thread(data: &[u8], head: &mut CoreHead) {
    let (Some(tid), Some(registers)) = (i32_at(data, PRSTATUS_TID), registers(head.arch, data)) else {
        return;
    };
    if head.threads.is_empty() && head.signal.is_none() {
        let signal = data.get(PRSTATUS_SIGNAL..).and_then(|data| data.first_chunk());
        let number = signal.map_or(0, |bytes| i32::from(i16::from_le_bytes(*bytes)));
        head.signal = (number > 0).then_some(SignalInfo { number, code: None, address: None });
    }
    head.threads.push(Thread { tid, registers, name: None });
}

/// `struct user_regs_struct` of x86-64 (r15 to ss) and `struct user_pt_regs` of aarch64 (x0 to x30, sp, pc).
fn registers(arch: Arch, data: &[u8]) -> Option<Registers> {
    /// DWARF numbers of the words of `user_regs_struct`; the 16th is `orig_rax`, which no frame needs.
    const X86_64: [u16; 15] = [15, 14, 13, 12, 6, 3, 11, 10, 9, 8, 0, 2, 1, 4, 5];
    let words = data.get(PRSTATUS_REGISTERS..)?.as_chunks::<8>().0;
    let word = |index: usize| words.get(index).map(|bytes| u64::from_le_bytes(*bytes));
    let mut registers;
    match arch {
        Arch::X86_64 => {
            registers = Registers::new(arch, word(16)?);
            for (index, number) in X86_64.into_iter().enumerate() {
                registers.set(number, word(index));
            }
            registers.set(arch.sp(), Some(word(19)?));
            // fs_base, after ss.
            registers.thread_pointer = word(21);
        }
        Arch::Aarch64 => {
            registers = Registers::new(arch, word(32)?);
            for number in 0..=31_u16 {
                registers.set(number, Some(word(usize::from(number))?));
            }
        }
    }
    Some(registers)
}

fn keep_signal(data: &[u8], head: &mut CoreHead) {
    let (Some(number), Some(code)) = (i32_at(data, 0), i32_at(data, 8)) else { return };
    let has_address = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP];
    let from_the_kernel = code > 0 && code != libc::SI_KERNEL;
    let address = u64_at(data, 16).filter(|_| from_the_kernel && has_address.contains(&number));
    head.signal = Some(SignalInfo { number, code: Some(code), address });
}

/// `NT_FILE`: count, page size, then start, end and page of the file for each; then as many names.
fn keep_mappings(data: &[u8], head: &mut CoreHead) {
    let (Some(count), Some(page_bytes)) = (u64_at(data, 0), u64_at(data, 8)) else { return };
    let Some(entries_bytes) = usize::try_from(count).ok().and_then(|count| count.checked_mul(24)) else {
        return;
    };
    let Some((entries, names)) = data.get(16..).and_then(|data| data.split_at_checked(entries_bytes)) else {
        return;
    };
    let mut files: HashMap<&[u8], usize> = HashMap::new();
    let entries = entries.as_chunks::<8>().0.as_chunks::<3>().0.iter();
    for ([start, end, page], name) in entries.zip(names.split(|byte| *byte == 0)).take(MAPPINGS) {
        let (start, end) = (u64::from_le_bytes(*start), u64::from_le_bytes(*end));
        let Some(file_offset) = u64::from_le_bytes(*page).checked_mul(page_bytes) else { continue };
        if start >= end || (files.len() >= MODULES && !files.contains_key(name)) {
            continue;
        }
        let file = *files.entry(name).or_insert_with(|| {
            head.files.push(mapped_file(name));
            head.files.len().saturating_sub(1)
        });
        head.mappings.push(FileMapping { start, end, file_offset, file });
    }
    head.mappings.sort_unstable_by_key(|mapping| mapping.start);
}

fn mapped_file(name: &[u8]) -> MappedFile {
    let (path, deleted) = match name.strip_suffix(b" (deleted)") {
        Some(path) => (path, true),
        None => (name, false),
    };
    MappedFile { path: String::from_utf8_lossy(path).into_owned(), deleted }
}

fn until_nul(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned()
}

fn i32_at(data: &[u8], offset: usize) -> Option<i32> {
    data.get(offset..)?.first_chunk().map(|bytes| i32::from_le_bytes(*bytes))
}

fn u64_at(data: &[u8], offset: usize) -> Option<u64> {
    data.get(offset..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}
