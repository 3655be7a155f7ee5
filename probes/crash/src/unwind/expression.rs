//! DWARF expressions in call frame information: those of signal trampolines, of the PLT, of hand-written assembler.

use crate::limits::EXPRESSION_STEPS;
use crate::memory::Memory;
use crate::registers::Registers;
use crate::trace::BacktraceEnd;
use gimli::{Encoding, EndianSlice, Evaluation, EvaluationResult, LittleEndian, Location, Value};

/// An expression, by itself.
#[derive(Debug)]
pub(super) struct Code {
    pub(super) bytes: Box<[u8]>,
    pub(super) encoding: Encoding,
}

/// What an expression comes to. It may read registers and memory, and makes at most [`EXPRESSION_STEPS`] steps.
pub(super) fn evaluate(
    code: &Code,
    initial: Option<u64>,
    registers: &Registers,
    memory: &dyn Memory,
    bias: u64,
) -> Result<u64, BacktraceEnd> {
    let mut evaluation = Evaluation::new(EndianSlice::new(&code.bytes, LittleEndian), code.encoding);
    evaluation.set_max_iterations(EXPRESSION_STEPS);
    if let Some(value) = initial {
        evaluation.set_initial_value(value);
    }
    let mut state = evaluation.evaluate();
    loop {
        state = match state.map_err(|_| BacktraceEnd::NoWayOn)? {
            EvaluationResult::Complete => break,
            EvaluationResult::RequiresMemory { address, size, .. } => {
                let value = read(memory, address, size).ok_or(BacktraceEnd::Unreadable)?;
                evaluation.resume_with_memory(Value::Generic(value))
            }
            EvaluationResult::RequiresRegister { register, .. } => {
                let value = registers.get(register.0).ok_or(BacktraceEnd::NoWayOn)?;
                evaluation.resume_with_register(Value::Generic(value))
            }
            EvaluationResult::RequiresRelocatedAddress(svma) => {
                evaluation.resume_with_relocated_address(svma.wrapping_add(bias))
            }
            _ => return Err(BacktraceEnd::NoWayOn),
        };
    }
    match evaluation.as_result() {
        [piece] => match piece.location {
            Location::Address { address } => Ok(address),
            Location::Value { value } => value.to_u64(u64::MAX).map_err(|_| BacktraceEnd::NoWayOn),
            Location::Register { register } => registers.get(register.0).ok_or(BacktraceEnd::NoWayOn),
            _ => Err(BacktraceEnd::NoWayOn),
        },
        _ => Err(BacktraceEnd::NoWayOn),
    }
}

fn read(memory: &dyn Memory, address: u64, size: u8) -> Option<u64> {
    let mut bytes = [0; 8];
    let wanted = bytes.get_mut(..usize::from(size))?;
    memory.read(address, wanted).then(|| u64::from_le_bytes(bytes))
}
