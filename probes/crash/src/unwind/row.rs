//! What call frame information says at one address, and what it makes of the registers there.

use super::cfi::DeepStack;
use super::expression::{Code, evaluate};
use crate::memory::Memory;
use crate::registers::{Arch, Registers};
use crate::trace::BacktraceEnd;
use gimli::{
    CfaRule, CommonInformationEntry, EndianSlice, LittleEndian, RegisterRule, UnwindExpression,
    UnwindTableRow,
};

/// The rules at one address, apart from the section that they came from.
#[derive(Debug)]
pub(super) struct Row {
    cfa: Cfa,
    rules: Vec<(u16, Rule)>,
    return_address: u16,
    /// Whether the caller was interrupted by a signal.
    pub(super) is_signal_frame: bool,
}

#[derive(Debug)]
enum Cfa {
    Register(u16, i64),
    Expression(Code),
}

#[derive(Debug)]
enum Rule {
    Undefined,
    Same,
    Saved(i64),
    Offset(i64),
    InRegister(u16),
    SavedAt(Code),
    Value(Code),
    Constant(u64),
}

/// The bytes that expressions are cut from.
#[derive(Clone, Copy)]
pub(super) enum SectionName<'a> {
    /// `.eh_frame`.
    EhFrame(&'a [u8]),
    /// `.debug_frame`.
    DebugFrame(&'a [u8]),
}

impl SectionName<'_> {
    fn cut(self, expression: &UnwindExpression<usize>, encoding: gimli::Encoding) -> Option<Code> {
        let (Self::EhFrame(bytes) | Self::DebugFrame(bytes)) = self;
        let end = expression.offset.checked_add(expression.length)?;
        Some(Code { bytes: bytes.get(expression.offset..end)?.into(), encoding })
    }
}

impl Row {
    /// None if it has a rule that nobody knows here.
    pub(super) fn new(
        row: &UnwindTableRow<usize, DeepStack>,
        cie: &CommonInformationEntry<EndianSlice<'_, LittleEndian>>,
        section: SectionName<'_>,
    ) -> Option<Self> {
        let cut = |expression: &UnwindExpression<usize>| section.cut(expression, cie.encoding());
        let cfa = match row.cfa() {
            CfaRule::RegisterAndOffset { register, offset } => Cfa::Register(register.0, *offset),
            CfaRule::Expression(expression) => Cfa::Expression(cut(expression)?),
        };
        let rule = |rule: &RegisterRule<usize>| {
            Some(match rule {
                RegisterRule::Undefined => Rule::Undefined,
                RegisterRule::SameValue => Rule::Same,
                RegisterRule::Offset(offset) => Rule::Saved(*offset),
                RegisterRule::ValOffset(offset) => Rule::Offset(*offset),
                RegisterRule::Register(register) => Rule::InRegister(register.0),
                RegisterRule::Expression(expression) => Rule::SavedAt(cut(expression)?),
                RegisterRule::ValExpression(expression) => Rule::Value(cut(expression)?),
                RegisterRule::Constant(value) => Rule::Constant(*value),
                _ => return None,
            })
        };
        let rules = row.registers().map(|(register, found)| Some((register.0, rule(found)?)));
        Some(Self {
            cfa,
            rules: rules.collect::<Option<_>>()?,
            return_address: cie.return_address_register().0,
            is_signal_frame: cie.is_signal_trampoline(),
        })
    }

    /// The caller's registers. `bias` is what to add to the linker's addresses.
    pub(super) fn caller(
        &self,
        registers: &Registers,
        interrupted: bool,
        memory: &dyn Memory,
        bias: u64,
    ) -> Result<Registers, BacktraceEnd> {
        let cfa = match &self.cfa {
            Cfa::Register(number, offset) => {
                registers.get(*number).ok_or(BacktraceEnd::NoWayOn)?.wrapping_add_signed(*offset)
            }
            Cfa::Expression(code) => evaluate(code, None, registers, memory, bias)?,
        };
        let mut caller = Registers::new(registers.arch, 0);
        for number in kept_by_calls(registers.arch) {
            caller.set(number, registers.get(number));
        }
        caller.set(registers.arch.sp(), Some(cfa));
        let mut return_address = self.unsaved_return_address(registers, interrupted);
        for (number, rule) in &self.rules {
            let value = match rule {
                Rule::Undefined => None,
                Rule::Same => registers.get(*number),
                Rule::Saved(offset) => saved(memory, cfa.wrapping_add_signed(*offset), *number, self)?,
                Rule::Offset(offset) => Some(cfa.wrapping_add_signed(*offset)),
                Rule::InRegister(other) => registers.get(*other),
                Rule::SavedAt(code) => {
                    saved(memory, evaluate(code, Some(cfa), registers, memory, bias)?, *number, self)?
                }
                Rule::Value(code) => Some(evaluate(code, Some(cfa), registers, memory, bias)?),
                Rule::Constant(value) => Some(*value),
            };
            if *number == self.return_address {
                return_address = value.ok_or(BacktraceEnd::Outermost)?.into();
            }
            // On aarch64 the return address's column is a register too.
            caller.set(*number, value);
        }
        caller.pc = return_address.ok_or(BacktraceEnd::NoWayOn)?;
        Ok(caller)
    }

    /// Whether the caller's frame is found by the stack pointer, so that it lies on the same stack.
    pub(super) fn needs_stack_pointer(&self, registers: &Registers, memory: &dyn Memory, bias: u64) -> bool {
        let sp = registers.arch.sp();
        match &self.cfa {
            Cfa::Register(number, _) => *number == sp,
            Cfa::Expression(code) => {
                let mut without = registers.clone();
                without.set(sp, None);
                evaluate(code, None, &without, memory, bias).is_err()
            }
        }
    }

    /// The return address where no rule says where it was saved: still in its register, if nothing was called yet.
    fn unsaved_return_address(&self, registers: &Registers, interrupted: bool) -> Option<u64> {
        let in_register = registers.arch == Arch::Aarch64 && interrupted;
        in_register.then(|| registers.get(self.return_address)).flatten()
    }
}

/// What was saved at an address. Only the return address is needed in any case.
fn saved(memory: &dyn Memory, address: u64, number: u16, row: &Row) -> Result<Option<u64>, BacktraceEnd> {
    match memory.read_u64(address) {
        None if number == row.return_address => Err(BacktraceEnd::Unreadable),
        value => Ok(value),
    }
}

/// Registers that a function leaves as they were, by the ABI: System V x86-64, figure 3.4; AAPCS64, 6.1.1.
fn kept_by_calls(arch: Arch) -> impl Iterator<Item = u16> {
    let numbers: &[u16] = match arch {
        Arch::X86_64 => &[3, 6, 12, 13, 14, 15],
        Arch::Aarch64 => &[18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29],
    };
    numbers.iter().copied()
}
