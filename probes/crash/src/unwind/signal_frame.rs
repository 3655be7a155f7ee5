//! The trampoline that a signal handler returns to, known by its instructions, since the kernel's frame lies above it on the
//! stack: no CFI describes it (musl, other libraries), or one that does not say what it is (Go).
//!
//! On aarch64 it is the vdso's, and qemu 8 and later write none of the vdso into a core. But no other address in there
//! is ever returned to: what else it has calls nobody.

use super::runs::Lead;
use super::{CodeMap, Step};
use crate::memory::Memory;
use crate::registers::{Arch, Registers};
use crate::trace::How;

/// rt_sigreturn: `mov $15, %rax; syscall`, and the same with `%eax`.
const X86_64: [&[u8]; 2] =
    [&[0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05], &[0xb8, 0x0f, 0, 0, 0, 0x0f, 0x05]];

/// `mov x8, #139; svc #0`.
const AARCH64: [u8; 8] = [0x68, 0x11, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4];

/// Bytes of the longest of them.
const LONGEST: usize = 9;

/// x86-64: where `uc_mcontext` is in `struct ucontext`, to which the stack pointer points, and the DWARF numbers of its
/// words (arch/x86/include/uapi/asm/sigcontext.h); the 17th is the program counter.
const X86_64_CONTEXT: u64 = 40;
const X86_64_WORDS: [u16; 16] = [8, 9, 10, 11, 12, 13, 14, 15, 5, 4, 6, 3, 1, 0, 2, 7];

/// aarch64: where x0 is above the stack pointer: siginfo (128 bytes), ucontext up to `uc_mcontext` (176) and its fault
/// address (8) come before it (arch/arm64/include/uapi/asm/{ucontext,sigcontext}.h); x0 to x30, sp, pc follow.
const AARCH64_CONTEXT: u64 = 312;

/// Whether these instructions are a trampoline; `arch` is none where no module says it.
pub(super) fn is_trampoline(
    code: &dyn CodeMap<'_>,
    memory: &dyn Memory,
    arch: Option<Arch>,
    address: u64,
) -> bool {
    let starts_with = |instructions: &[u8]| {
        let mut buffer = [0; LONGEST];
        let Some(buffer) = buffer.get_mut(..instructions.len()) else { return false };
        (code.code(address, buffer) || memory.read(address, buffer)) && buffer == instructions
    };
    match arch {
        Some(Arch::X86_64) => X86_64.iter().any(|form| starts_with(form)),
        Some(Arch::Aarch64) => starts_with(&AARCH64),
        None => false,
    }
}

/// The interrupted frame, if this one is a trampoline.
pub(super) fn step(code: &dyn CodeMap<'_>, memory: &dyn Memory, current: &Step) -> Option<Step> {
    let registers = &current.registers;
    let is_blank =
        registers.arch == Arch::Aarch64 && !current.interrupted && code.is_in_blank_vdso(registers.pc);
    if !is_blank && !is_trampoline(code, memory, Some(registers.arch), registers.pc) {
        return None;
    }
    let sp = registers.sp()?;
    let word = |start: u64, index: usize| memory.read_u64(start.wrapping_add(8 * index as u64));
    let mut interrupted;
    match registers.arch {
        Arch::X86_64 => {
            let start = sp.wrapping_add(X86_64_CONTEXT);
            interrupted = Registers::new(registers.arch, word(start, 16)?);
            for (index, number) in X86_64_WORDS.into_iter().enumerate() {
                interrupted.set(number, word(start, index));
            }
        }
        Arch::Aarch64 => {
            let start = sp.wrapping_add(AARCH64_CONTEXT);
            interrupted = Registers::new(registers.arch, word(start, 32)?);
            for number in 0..=31_u16 {
                interrupted.set(number, word(start, usize::from(number)));
            }
        }
    }
    Some(Step { registers: interrupted, how: How::SignalFrame, interrupted: true, lead: Lead::Signal })
}
