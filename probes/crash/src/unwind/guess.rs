//! Without CFI: where a call has just left its return address, or the frame pointer. Nothing else is guessed.

use super::call_site::follows_a_call;
use super::runs::Lead;
use super::{CodeMap, Step, signal_frame};
use crate::memory::Memory;
use crate::registers::{Arch, Registers};
use crate::trace::{BacktraceEnd, How};

/// The caller, if it can be found.
pub(super) fn step(
    code: &dyn CodeMap<'_>,
    memory: &dyn Memory,
    code_address_mask: u64,
    current: &Step,
) -> Result<Step, BacktraceEnd> {
    let guess = Guess { code, memory, code_address_mask, registers: &current.registers };
    let fresh = if current.interrupted { guess.fresh_call() } else { None };
    match fresh {
        Some((registers, how)) => Ok(called(registers, how)),
        // The frame pointer of an address that is not code belongs to the caller of the caller.
        None => guess.frame_pointer(),
    }
}

fn called(registers: Registers, how: How) -> Step {
    Step { registers, how, interrupted: false, lead: Lead::Upwards }
}

/// A return address so near belongs to the function itself, as far as is known without its bounds.
const OWN_CODE_BYTES: u64 = 4096;

struct Guess<'a, 'data> {
    code: &'a dyn CodeMap<'data>,
    memory: &'a dyn Memory,
    code_address_mask: u64,
    registers: &'a Registers,
}

impl Guess<'_, '_> {
    /// The caller of a function that has no frame yet, or of an address that is not code at all.
    fn fresh_call(&self) -> Option<(Registers, How)> {
        let sp = self.registers.sp()?;
        let mut caller = self.registers.clone();
        match self.registers.arch {
            Arch::X86_64 => {
                if let Some(address) = self.return_address_at(sp) {
                    caller.pc = address;
                    caller.set(caller.arch.sp(), sp.checked_add(8));
                    return Some((caller, How::ReturnAddress));
                }
                // After `push %rbp`, before `mov %rsp, %rbp`.
                let pushed = self.registers.fp().is_some_and(|fp| self.memory.read_u64(sp) == Some(fp));
                caller.pc = pushed.then(|| self.return_address_at(sp.checked_add(8)?))??;
                caller.set(caller.arch.sp(), sp.checked_add(16));
                Some((caller, How::ReturnAddress))
            }
            Arch::Aarch64 => {
                caller.pc = self.plausible(self.registers.get(caller.arch.return_address())?)?;
                // A function that has called another finds its own address there: then the frame pointer leads on.
                let is_own = caller.pc.abs_diff(self.registers.pc) < OWN_CODE_BYTES;
                if is_own && self.code.is_executable(self.registers.pc) {
                    return None;
                }
                caller.set(caller.arch.return_address(), None);
                Some((caller, How::ReturnAddress))
            }
        }
    }

    /// The caller's frame pointer and the return address, which lie together where the frame pointer points.
    fn frame_pointer(&self) -> Result<Step, BacktraceEnd> {
        let (arch, sp) = (self.registers.arch, self.registers.sp().ok_or(BacktraceEnd::NoWayOn)?);
        let alignment = if arch == Arch::Aarch64 { 16 } else { 8 };
        let fp = self
            .registers
            .fp()
            .filter(|fp| *fp >= sp && fp.is_multiple_of(alignment))
            .ok_or(BacktraceEnd::NoWayOn)?;
        let above = fp.checked_add(8).ok_or(BacktraceEnd::NoWayOn)?;
        let saved = self.memory.read_u64(fp).ok_or(BacktraceEnd::NoWayOn)?;
        let mut caller = Registers::new(arch, self.return_address_at(above).ok_or(BacktraceEnd::NoWayOn)?);
        caller.set(arch.fp(), Some(saved));
        caller.set(arch.sp(), fp.checked_add(16));
        Ok(called(caller, How::FramePointer))
    }

    fn return_address_at(&self, address: u64) -> Option<u64> {
        self.plausible(self.memory.read_u64(address)?)
    }

    /// An address behind a call, or a trampoline, to which a signal handler returns.
    fn plausible(&self, address: u64) -> Option<u64> {
        let (address, arch) = (address & self.code_address_mask, self.registers.arch);
        let is_plausible = follows_a_call(self.code, self.memory, arch, address)
            || self.code.is_executable(address)
                && signal_frame::is_trampoline(self.code, self.memory, Some(arch), address);
        is_plausible.then_some(address)
    }
}
