//! The registers of a thread at some frame, by their DWARF numbers.

/// An architecture whose processes are unwound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arch {
    /// x86-64, System V ABI.
    X86_64,
    /// aarch64, AAPCS64.
    Aarch64,
}

/// How many registers are tracked: the integer registers of the larger architecture.
pub const REGISTERS: usize = 32;

/// Integer registers, each known or not, and the program counter.
///
/// DWARF numbers: x86-64 has rax, rdx, rcx, rbx, rsi, rdi, rbp, rsp, r8 to r15 at 0 to 15, and the return
/// address column 16 stands for `pc` (System V ABI, figure 3.36). aarch64 has x0 to x30 at 0 to 30 and sp at 31
/// (AADWARF64, 4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registers {
    /// Whose numbers these are.
    pub arch: Arch,
    /// The program counter: the address that is executed, or returned to.
    pub pc: u64,
    /// Where the data of the thread is, which a register of its own says (fs on x86-64); none for callers.
    pub thread_pointer: Option<u64>,
    values: [Option<u64>; REGISTERS],
}

impl Registers {
    /// No register known but the program counter.
    pub fn new(arch: Arch, pc: u64) -> Self {
        Self { arch, pc, thread_pointer: None, values: [None; REGISTERS] }
    }

    /// A register by its DWARF number.
    pub fn get(&self, number: u16) -> Option<u64> {
        if self.arch == Arch::X86_64 && number == 16 {
            return Some(self.pc);
        }
        self.values.get(usize::from(number)).copied().flatten()
    }

    /// Sets a register, or marks it as not known; numbers beyond those that are tracked are ignored.
    pub fn set(&mut self, number: u16, value: Option<u64>) {
        if let Some(place) = self.values.get_mut(usize::from(number)) {
            *place = value;
        }
    }

    /// The stack pointer.
    pub fn sp(&self) -> Option<u64> {
        self.get(self.arch.sp())
    }

    /// The frame pointer.
    pub fn fp(&self) -> Option<u64> {
        self.get(self.arch.fp())
    }
}

impl Arch {
    /// DWARF number of the stack pointer.
    pub fn sp(self) -> u16 {
        match self {
            Self::X86_64 => 7,
            Self::Aarch64 => 31,
        }
    }

    /// DWARF number of the frame pointer.
    pub fn fp(self) -> u16 {
        match self {
            Self::X86_64 => 6,
            Self::Aarch64 => 29,
        }
    }

    /// DWARF number of the column that holds the return address.
    pub fn return_address(self) -> u16 {
        match self {
            Self::X86_64 => 16,
            Self::Aarch64 => 30,
        }
    }
}
