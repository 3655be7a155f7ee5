//! Programs of Go: their own table of functions (`gopclntab`), which is there in every build, stripped or not, and by which
//! Go itself unwinds; and the goroutines that threads run.
//!
//! Call frame information of Go lacks what Go's runtime does to stacks: a fault looks as if the faulting instruction had
//! called `sigpanic`, and the scheduler runs on stacks of its own.

pub mod goroutine;
pub mod table;

pub use table::{Function, GoTable};

use super::memory::Memory;
use super::registers::{Arch, Registers};

/// What the caller of a frame is.
#[derive(Debug)]
pub enum Caller {
    /// These registers, at a call.
    Called(Registers),
    /// These registers, where the runtime itself interrupted.
    Interrupted(Registers),
    /// Nothing called it.
    Outermost,
    /// The runtime is on a stack of its own; the goroutine's goes on elsewhere.
    OtherStack,
    /// The function moves the stack pointer in ways that its table does not say.
    Unknown,
}

/// Functions that nothing called.
const OUTERMOST: [&str; 5] =
    ["runtime.goexit", "runtime.mstart", "runtime.rt0_go", "runtime.clone", "_rt0_amd64_linux"];

/// Functions that the runtime makes look as if the interrupted instruction had called them.
const INJECTED: [&str; 4] =
    ["runtime.sigpanic", "runtime.sigpanic0", "runtime.asyncPreempt", "runtime.debugCallV2"];

/// Functions that run on the scheduler's stack on behalf of a goroutine.
const SWITCHES: [&str; 4] =
    ["runtime.systemstack", "runtime.mcall", "runtime.morestack", "runtime.morestack_noctxt"];

/// The caller of a frame in a function of Go at an address of the file. Sizes of frames are the table's: on x86-64 the
/// return address lies above the frame, on aarch64 at its begin.
pub fn caller(
    function: &Function<'_>,
    svma: u64,
    registers: &Registers,
    memory: &dyn Memory,
    is_innermost: bool,
) -> Caller {
    let name = function.plain_name();
    if OUTERMOST.contains(&name) {
        return Caller::Outermost;
    }
    if SWITCHES.contains(&name) {
        return Caller::OtherStack;
    }
    if function.writes_stack_pointer && !is_innermost {
        return Caller::Unknown;
    }
    let is_injected = INJECTED.contains(&name);
    let found = function.frame_bytes(svma).and_then(|size| match registers.arch {
        Arch::X86_64 => x86_64_caller(size, registers, memory),
        Arch::Aarch64 => aarch64_caller(size, registers, memory, is_innermost, is_injected),
    });
    match found {
        Some(registers) if is_injected => Caller::Interrupted(registers),
        Some(registers) => Caller::Called(registers),
        None => Caller::Unknown,
    }
}

fn x86_64_caller(size: u64, registers: &Registers, memory: &dyn Memory) -> Option<Registers> {
    let place = registers.sp()?.checked_add(size)?;
    let mut caller = Registers::new(registers.arch, memory.read_u64(place)?);
    caller.set(registers.arch.sp(), place.checked_add(8));
    // The frame pointer of the caller is the last word of a frame that has one.
    let saved = place.checked_sub(8).filter(|_| size >= 8).and_then(|place| memory.read_u64(place));
    caller.set(registers.arch.fp(), if size == 0 { registers.fp() } else { saved });
    Some(caller)
}

fn aarch64_caller(
    size: u64,
    registers: &Registers,
    memory: &dyn Memory,
    is_innermost: bool,
    is_injected: bool,
) -> Option<Registers> {
    let (arch, sp) = (registers.arch, registers.sp()?);
    let link = match size {
        0 => registers.get(arch.return_address()).filter(|_| is_innermost)?,
        _ => memory.read_u64(sp)?,
    };
    let mut caller = Registers::new(arch, link);
    let mut above = sp.checked_add(size)?;
    if is_injected {
        // The link register at the fault lies there, padded to 16 bytes.
        caller.set(arch.return_address(), memory.read_u64(above));
        above = above.checked_add(16)?;
    }
    caller.set(arch.sp(), Some(above));
    Some(caller)
}

#[cfg(test)]
mod tests;
