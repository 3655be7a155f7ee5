//! Unwinding: from the registers of a thread to the frames of its callers.
//!
//! A pure function of registers, memory and code. Each step tries, in this order:
//!
//! ```text
//!  the instructions of a signal trampoline ──▶ How::SignalFrame
//!  else the table of a Go program ──▶ How::Cfi
//!  else call frame information of the address ──▶ How::Cfi
//!  else, in an interrupted frame, the return address where a call has just left it ──▶ How::ReturnAddress
//!  else the frame pointer ──▶ How::FramePointer
//!  else the end
//! ```

mod call_site;
mod cfi;
mod expression;
mod go_frame;
mod guess;
mod row;
mod runs;
mod signal_frame;

use super::elf::Elf;
use super::go::GoTable;
use super::limits::CACHED_ROWS;
use super::memory::Memory;
use super::registers::{Arch, Registers};
use super::trace::{Backtrace, BacktraceEnd, Frame, How};
use cfi::CfiTable;
use row::Row;
use runs::{Lead, Motion, Runs};
use std::collections::HashMap;
use std::ops::Range;
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
    /// The memory that a stack pointer lies in.
    fn stack_at(&self, process_addr: u64) -> Option<Range<u64>>;
    /// The separate debug file of a module, which may have the call frame information that was stripped off.
    fn debug_file(&self, module: usize) -> Option<&Elf<'data>>;
    /// The table of functions of a module that is a program of Go.
    fn go_table(&self, _module: usize) -> Option<&GoTable<'data>> {
        None
    }
}

/// Unwinds the threads of one process.
pub struct Unwinder<'a, 'data> {
    code: &'a dyn CodeMap<'data>,
    memory: &'a dyn Memory,
    code_address_mask: u64,
    tables: HashMap<usize, CfiTable<'data>>,
    rows: HashMap<(usize, u64), Option<Rc<Row>>>,
    /// What the thread that is unwound runs, if it is one of Go.
    g: Option<u64>,
}

/// A step to the caller.
struct Step {
    registers: Registers,
    how: How,
    /// Whether the frame was interrupted where its program counter is, and not by a call before it.
    interrupted: bool,
    /// Where its stack pointer may be.
    lead: Lead,
}

/// Where a frame is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lookup {
    address: u64,
    /// See [`Frame::needs_size`].
    needs_size: bool,
}

impl<'a, 'data> Unwinder<'a, 'data> {
    /// An unwinder of a process; `code_address_mask` has the bits of a return address that are an address.
    pub fn new(code: &'a dyn CodeMap<'data>, memory: &'a dyn Memory, code_address_mask: u64) -> Self {
        Self { code, memory, code_address_mask, tables: HashMap::new(), rows: HashMap::new(), g: None }
    }

    /// The frames of a thread, at most this many. There is always one.
    pub fn backtrace(&mut self, registers: Registers, max_frames: usize) -> Backtrace {
        let mut lookup = Lookup { address: registers.pc, needs_size: false };
        let mut frames = vec![frame(registers.pc, lookup, How::Context)];
        self.g = go_frame::g(&registers, self.memory);
        let sp = registers.sp().unwrap_or_default();
        let mut runs = Runs::new(sp, self.code.stack_at(sp));
        // How many frames there were before a step to another stack that nothing has confirmed yet.
        let mut unconfirmed = None;
        let mut current = Step { registers, how: How::Context, interrupted: true, lead: Lead::Upwards };
        let end = loop {
            let next = match self.step(&current, lookup.address) {
                Ok(next) => next,
                Err(end) => {
                    let is_confirmed = end == BacktraceEnd::Outermost || unconfirmed.is_none();
                    break if is_confirmed { end } else { take_back(&mut frames, unconfirmed) };
                }
            };
            if unconfirmed.is_some() && !matches!(next.how, How::Cfi | How::SignalFrame) {
                break take_back(&mut frames, unconfirmed);
            }
            unconfirmed = match self.go(&mut runs, &current, &next) {
                Ok(Motion::Switch) => Some(frames.len()),
                Ok(_) => None,
                Err(_) if unconfirmed.is_some() => break take_back(&mut frames, unconfirmed),
                Err(end) => break end,
            };
            if frames.len() >= max_frames {
                break BacktraceEnd::TooManyFrames;
            }
            let pc = next.registers.pc;
            lookup =
                if next.interrupted { Lookup { address: pc, needs_size: false } } else { self.lookup(pc) };
            frames.push(frame(pc, lookup, next.how));
            current = next;
        };
        Backtrace { frames, end }
    }

    /// Moves to the caller's stack pointer.
    fn go(&self, runs: &mut Runs, current: &Step, next: &Step) -> Result<Motion, BacktraceEnd> {
        let (Some(before), Some(sp)) = (current.registers.sp(), next.registers.sp()) else {
            return Err(BacktraceEnd::NoProgress);
        };
        // A function without a frame (aarch64 keeps the return address in a register) leaves the stack pointer alone;
        // only the innermost can be such. A signal may come where another one has just been handled.
        let may_stay = next.registers.pc != current.registers.pc
            && (next.lead == Lead::Signal || next.registers.arch == Arch::Aarch64 && current.interrupted);
        if sp == before && !may_stay {
            return Err(BacktraceEnd::NoProgress);
        }
        match runs.go(sp, self.code.stack_at(sp), next.lead) {
            Motion::Refused if next.lead == Lead::Signal => Err(BacktraceEnd::NoProgress),
            Motion::Refused => Err(BacktraceEnd::OtherStack),
            motion => Ok(motion),
        }
    }

    fn step(&mut self, current: &Step, lookup_addr: u64) -> Result<Step, BacktraceEnd> {
        let pc = current.registers.pc;
        if !self.code.is_executable(pc) && current.interrupted {
            return guess::step(self.code, self.memory, self.code_address_mask, current);
        }
        let row = self.row_at(lookup_addr);
        // Before CFI: that of a trampoline may not say that it is one (Go), and its caller is never called.
        if let Some(mut step) = signal_frame::step(self.code, self.memory, current) {
            if row.is_some_and(|(row, _)| row.is_signal_frame) {
                step.how = How::Cfi;
            }
            return self.checked(step);
        }
        if let Some(step) = go_frame::step(self.code, self.memory, current, lookup_addr, self.g) {
            return self.checked(step?);
        }
        match row {
            Some((row, bias)) => self.apply(current, &row, bias),
            None => guess::step(self.code, self.memory, self.code_address_mask, current),
        }
    }

    /// Where to look up a frame that is returned to: within the call before it, since a call that does not return can be
    /// the last instruction of a function. But signal handlers and coroutines return to the first instruction of a
    /// function that never called them, as if it stood behind a call.
    fn lookup(&mut self, pc: u64) -> Lookup {
        let before = Lookup { address: pc.wrapping_sub(1), needs_size: false };
        let here = Lookup { address: pc, needs_size: false };
        if signal_frame::is_trampoline(self.code, self.memory, self.arch_at(pc), pc) {
            return here;
        }
        match self.row_at(before.address) {
            // The description of a trampoline begins a byte early.
            Some((row, _)) if row.is_signal_frame => here,
            Some(_) => before,
            None => match self.row_at(pc) {
                None => before,
                Some((row, _)) if row.is_signal_frame => here,
                // A function without CFI ends with a call that does not return. What begins here is another one.
                Some(_) if self.follows_a_call(pc) => Lookup { needs_size: true, ..before },
                Some(_) => here,
            },
        }
    }

    fn arch_at(&self, pc: u64) -> Option<Arch> {
        self.code.elf_at(pc).map(|(_, elf, _)| elf.arch)
    }

    fn follows_a_call(&self, pc: u64) -> bool {
        let arch = self.arch_at(pc);
        arch.is_some_and(|arch| call_site::follows_a_call(self.code, self.memory, arch, pc))
    }

    /// The row for an address, and what to add to the linker's addresses.
    fn row_at(&mut self, process_addr: u64) -> Option<(Rc<Row>, u64)> {
        let (module, elf, svma) = self.code.elf_at(process_addr)?;
        if self.rows.len() >= CACHED_ROWS {
            self.rows.clear();
        }
        let row = self.rows.entry((module, svma)).or_insert_with(|| {
            let code = self.code;
            let table = self.tables.entry(module).or_insert_with(|| CfiTable::new(elf));
            table.row(svma, || code.debug_file(module)).map(Rc::new)
        });
        Some((Rc::clone(row.as_ref()?), process_addr.wrapping_sub(svma)))
    }

    fn apply(&self, current: &Step, row: &Row, bias: u64) -> Result<Step, BacktraceEnd> {
        let mut registers = row.caller(&current.registers, current.interrupted, self.memory, bias)?;
        if !row.is_signal_frame {
            registers.pc &= self.code_address_mask;
        }
        let goes_down = registers.sp() < current.registers.sp();
        let lead = if row.is_signal_frame {
            Lead::Signal
        } else if goes_down
            && !row.needs_stack_pointer(&current.registers, self.memory, bias)
            && call_site::follows_a_call(self.code, self.memory, registers.arch, registers.pc)
        {
            Lead::Frame
        } else {
            Lead::Upwards
        };
        self.checked(Step { registers, how: How::Cfi, interrupted: row.is_signal_frame, lead })
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

fn frame(pc: u64, lookup: Lookup, how: How) -> Frame {
    Frame { pc, lookup_addr: lookup.address, needs_size: lookup.needs_size, how }
}

/// Takes the frame on another stack back, which nothing confirmed.
fn take_back(frames: &mut Vec<Frame>, before: Option<usize>) -> BacktraceEnd {
    frames.truncate(before.unwrap_or(frames.len()).max(1));
    BacktraceEnd::OtherStack
}

#[cfg(test)]
mod tests;
