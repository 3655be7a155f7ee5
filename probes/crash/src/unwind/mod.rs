//! Unwinding: from the registers of a thread to the frames of its callers.
//!
//! A pure function of registers, memory and code. Each step tries, in this order:
//!
//! ```text
//!  call frame information of the address ──▶ How::Cfi
//!  else the instructions of a signal trampoline ──▶ How::SignalFrame
//!  else, in an interrupted frame, the return address where a call has just left it ──▶ How::ReturnAddress
//!  else the frame pointer ──▶ How::FramePointer
//!  else the end
//! ```

mod call_site;
mod cfi;
mod expression;
mod guess;
mod row;
mod signal_frame;

use super::elf::Elf;
use super::limits::CACHED_ROWS;
use super::memory::Memory;
use super::registers::{Arch, Registers};
use super::trace::{Backtrace, BacktraceEnd, Frame, How};
use cfi::CfiTable;
use row::Row;
use std::collections::HashMap;
use std::rc::Rc;

/// The code of a process.
pub trait CodeMap<'data> {
    /// The module at this address: its number, its file, and the linker's address.
    fn elf_at(&self, process_addr: u64) -> Option<(usize, &Elf<'data>, u64)>;
    /// Whether code may be there.
    fn is_executable(&self, process_addr: u64) -> bool;
    /// Instructions at this address, as the module's file has them; false if it has not all of them.
    fn code(&self, process_addr: u64, buffer: &mut [u8]) -> bool;
    /// Whether this address lies in a vdso of which the core has no instruction.
    fn is_in_blank_vdso(&self, process_addr: u64) -> bool;
}

/// Unwinds the threads of one process.
pub struct Unwinder<'a, 'data> {
    code: &'a dyn CodeMap<'data>,
    memory: &'a dyn Memory,
    code_address_mask: u64,
    tables: HashMap<usize, CfiTable<'data>>,
    rows: HashMap<(usize, u64), Option<Rc<Row>>>,
}

/// A step to the caller.
struct Step {
    registers: Registers,
    how: How,
    /// Whether the frame was interrupted where its program counter is, and not by a call before it.
    interrupted: bool,
    /// Whether the stack may be anywhere now: a signal handler can have one of its own.
    leaves_stack: bool,
}

impl<'a, 'data> Unwinder<'a, 'data> {
    /// An unwinder of a process; `code_address_mask` has the bits of a return address that are an address.
    pub fn new(code: &'a dyn CodeMap<'data>, memory: &'a dyn Memory, code_address_mask: u64) -> Self {
        Self { code, memory, code_address_mask, tables: HashMap::new(), rows: HashMap::new() }
    }

    /// The frames of a thread, at most this many. There is always one.
    pub fn backtrace(&mut self, registers: Registers, max_frames: usize) -> Backtrace {
        let mut lookup_addr = registers.pc;
        let mut frames = vec![Frame { pc: registers.pc, lookup_addr, how: How::Context }];
        // Where the stack was left for another one: coming back to such a position would be a loop.
        let mut left = Vec::new();
        let mut current = Step { registers, how: How::Context, interrupted: true, leaves_stack: false };
        let end = loop {
            let next = match self.step(&current, lookup_addr) {
                Ok(next) => next,
                Err(end) => break end,
            };
            if next.leaves_stack {
                let place = (next.registers.pc, next.registers.sp());
                if left.contains(&place) {
                    break BacktraceEnd::NoProgress;
                }
                left.push(place);
            } else if !makes_progress(&current, &next.registers) {
                break BacktraceEnd::NoProgress;
            }
            if frames.len() >= max_frames {
                break BacktraceEnd::TooManyFrames;
            }
            let pc = next.registers.pc;
            lookup_addr = if next.interrupted { pc } else { self.address_of_call(pc) };
            frames.push(Frame { pc, lookup_addr, how: next.how });
            current = next;
        };
        Backtrace { frames, end }
    }

    fn step(&mut self, current: &Step, lookup_addr: u64) -> Result<Step, BacktraceEnd> {
        let pc = current.registers.pc;
        if !self.code.is_executable(pc) && current.interrupted {
            return guess::step(self.code, self.memory, self.code_address_mask, current);
        }
        if let Some((row, bias)) = self.row_at(lookup_addr) {
            return self.apply(current, &row, bias);
        }
        if let Some(step) = signal_frame::step(self.code, self.memory, current) {
            return self.checked(step);
        }
        guess::step(self.code, self.memory, self.code_address_mask, current)
    }

    /// The address to look up for a frame that is returned to: within the call before it, since a call that does not
    /// return can be the last instruction of a function. But signal handlers and coroutines return to the first
    /// instruction of a function that never called them, as if it stood behind a call.
    fn address_of_call(&mut self, pc: u64) -> u64 {
        let before = pc.wrapping_sub(1);
        match self.row_at(before) {
            Some((row, _)) if !row.is_signal_frame => before,
            _ if self.row_at(pc).is_some() => pc,
            _ => before,
        }
    }

    /// The row for an address, and what to add to the linker's addresses.
    fn row_at(&mut self, process_addr: u64) -> Option<(Rc<Row>, u64)> {
        let (module, elf, svma) = self.code.elf_at(process_addr)?;
        if self.rows.len() >= CACHED_ROWS {
            self.rows.clear();
        }
        let row = self.rows.entry((module, svma)).or_insert_with(|| {
            let table = self.tables.entry(module).or_insert_with(|| CfiTable::new(elf));
            table.row(svma).map(Rc::new)
        });
        Some((Rc::clone(row.as_ref()?), process_addr.wrapping_sub(svma)))
    }

    fn apply(&self, current: &Step, row: &Row, bias: u64) -> Result<Step, BacktraceEnd> {
        let mut registers = row.caller(&current.registers, current.interrupted, self.memory, bias)?;
        if !row.is_signal_frame {
            registers.pc &= self.code_address_mask;
        }
        let (interrupted, leaves_stack) = (row.is_signal_frame, row.is_signal_frame);
        self.checked(Step { registers, how: How::Cfi, interrupted, leaves_stack })
    }

    /// The step, if it leads to code. One out of a signal frame may lead anywhere: to where the crash was.
    fn checked(&self, step: Step) -> Result<Step, BacktraceEnd> {
        match step.registers.pc {
            // clone(2) and the start of a program leave no return address.
            0 if !step.interrupted => Err(BacktraceEnd::Outermost),
            pc if step.interrupted || self.code.is_executable(pc) => Ok(step),
            _ => Err(BacktraceEnd::NotCode),
        }
    }
}

/// Whether the caller's frame is further up the stack. A function without a frame (aarch64 keeps the return address
/// in a register) leaves the stack pointer alone; only the innermost can be such.
fn makes_progress(current: &Step, caller: &Registers) -> bool {
    match (current.registers.sp(), caller.sp()) {
        (Some(before), Some(after)) if after == before => {
            caller.arch == Arch::Aarch64 && current.interrupted && caller.pc != current.registers.pc
        }
        (Some(before), Some(after)) => after > before,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
