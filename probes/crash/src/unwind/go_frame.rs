//! Frames of Go, by its own table, and over the stacks of its scheduler.

use super::runs::Lead;
use super::{CodeMap, Step};
use crate::go::{self, Caller, goroutine};
use crate::memory::Memory;
use crate::registers::{Arch, Registers};
use crate::trace::{BacktraceEnd, How};

/// x28 of aarch64, which Go keeps for it.
const AARCH64_G: u16 = 28;

/// Where a goroutine stands while `systemstack` works for it; `mcall` and `morestack` leave it where it called them.
const SYSTEM_STACK: &str = "runtime.systemstack";
const SYSTEM_STACK_SWITCH: &str = "runtime.systemstack_switch";

/// The `g` of a thread: on x86-64 the word below its thread pointer.
pub(super) fn g(registers: &Registers, memory: &dyn Memory) -> Option<u64> {
    let g = match registers.arch {
        Arch::X86_64 => memory.read_u64(registers.thread_pointer?.checked_sub(8)?)?,
        Arch::Aarch64 => registers.get(AARCH64_G)?,
    };
    (g != 0 && g.is_multiple_of(8)).then_some(g)
}

/// The caller of a frame in a function of Go; none if it is none.
pub(super) fn step(
    code: &dyn CodeMap<'_>,
    memory: &dyn Memory,
    current: &Step,
    lookup_addr: u64,
    g: Option<u64>,
) -> Option<Result<Step, BacktraceEnd>> {
    let (module, _, svma) = code.elf_at(lookup_addr)?;
    let function = code.go_table(module)?.find(svma)?;
    let step = |registers, interrupted, lead| Ok(Step { registers, how: How::Cfi, interrupted, lead });
    Some(match go::caller(&function, svma, &current.registers, memory, current.interrupted) {
        Caller::Called(registers) => step(registers, false, Lead::Upwards),
        Caller::Interrupted(registers) => step(registers, true, Lead::Upwards),
        Caller::Outermost => Err(BacktraceEnd::Outermost),
        Caller::OtherStack => {
            let is_of_go = |pc: u64, wanted: Option<&str>| {
                let found = code.elf_at(pc).and_then(|(module, _, svma)| code.go_table(module)?.find(svma));
                found.is_some_and(|function| wanted.is_none_or(|wanted| function.plain_name() == wanted))
            };
            let wanted = (function.plain_name() == SYSTEM_STACK).then_some(SYSTEM_STACK_SWITCH);
            let saved = g.and_then(|g| goroutine::current(memory, g, &|pc| is_of_go(pc, wanted)));
            match saved {
                Some(saved) => {
                    let mut registers = Registers::new(current.registers.arch, saved.pc);
                    registers.set(registers.arch.sp(), Some(saved.sp));
                    step(registers, true, Lead::Signal)
                }
                // The scheduler works for nobody any more.
                None if wanted.is_none() => Err(BacktraceEnd::Outermost),
                None => Err(BacktraceEnd::NoWayOn),
            }
        }
        Caller::Unknown => Err(BacktraceEnd::NoWayOn),
    })
}
