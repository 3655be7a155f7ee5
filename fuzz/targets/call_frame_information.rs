//! An ELF file with call frame information, and the stack and registers of a thread in it: CIEs, FDEs, their
//! programs, DWARF expressions.
//!
//! Input: 8 bytes of the thread's address, 256 bytes of registers, 1024 bytes of stack, the ELF file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::ops::Range;
use telemetry_crash::elf::Elf;
use telemetry_crash::limits::FRAMES;
use telemetry_crash::memory::Memory;
use telemetry_crash::registers::{REGISTERS, Registers};
use telemetry_crash::unwind::{CodeMap, Unwinder};

/// Where the stack is.
const STACK: u64 = 0x7fff_0000_0000;

struct Program<'data>(Elf<'data>);

impl<'data> CodeMap<'data> for Program<'data> {
    fn elf_at(&self, process_addr: u64) -> Option<(usize, &Elf<'data>, u64)> {
        Some((0, &self.0, process_addr))
    }
    fn is_executable(&self, _: u64) -> bool {
        true
    }
    fn code(&self, process_addr: u64, buffer: &mut [u8]) -> bool {
        buffer.fill(process_addr as u8);
        true
    }
    fn is_in_blank_vdso(&self, process_addr: u64) -> bool {
        process_addr & 0xfff == 0xabc
    }
    fn stack_at(&self, process_addr: u64) -> Option<Range<u64>> {
        Some(process_addr & !0xff..(process_addr | 0xff).saturating_add(1))
    }
    fn debug_file(&self, _: usize) -> Option<&Elf<'data>> {
        Some(&self.0)
    }
}

struct Stack<'a>(&'a [u8]);

impl Memory for Stack<'_> {
    fn read(&self, process_addr: u64, buffer: &mut [u8]) -> bool {
        let Some(start) = process_addr.checked_sub(STACK).and_then(|start| usize::try_from(start).ok())
        else {
            return false;
        };
        let Some(bytes) = self.0.get(start..).and_then(|rest| rest.get(..buffer.len())) else { return false };
        buffer.copy_from_slice(bytes);
        true
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((pc, bytes)) = bytes.split_first_chunk::<8>() else { return };
    let Some((values, bytes)) = bytes.split_first_chunk::<{ REGISTERS * 8 }>() else { return };
    let Some((stack, bytes)) = bytes.split_first_chunk::<1024>() else { return };
    let Ok(elf) = Elf::parse(bytes) else { return };
    let mut registers = Registers::new(elf.arch, u64::from_le_bytes(*pc));
    for (number, value) in (0..).zip(values.as_chunks::<8>().0) {
        registers.set(number, Some(u64::from_le_bytes(*value)));
    }
    let program = Program(elf);
    let stack = Stack(stack);
    let backtrace = Unwinder::new(&program, &stack, u64::MAX).backtrace(registers, FRAMES);
    assert!(!backtrace.frames.is_empty() && backtrace.frames.len() <= FRAMES);
});
