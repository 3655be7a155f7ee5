//! Why a core cannot be read.

use object::elf;
use std::borrow::Cow;
use std::io;

/// Why there is no head of a core. The text stands in reports as `Error: ...`.
#[derive(Debug, thiserror::Error)]
pub enum CoreError {
    /// It does not begin as an ELF core does.
    #[error("this is no ELF core")]
    NoCore,
    /// A process of 32 bits, or of a byte order that no process here has.
    #[error("{0}: only processes of x86-64 and aarch64 are unwound")]
    Foreign(&'static str),
    /// A process of another architecture.
    #[error("a process of another architecture ({}): only x86-64 and aarch64 are unwound", name_of(*.0))]
    OtherArch(u16),
    /// Sizes or offsets contradict each other.
    #[error("the core is damaged: {0}")]
    Damaged(&'static str),
    /// It ends before its notes do.
    #[error("the core ends too early, after {0} bytes")]
    CutOff(u64),
    /// Reading failed.
    #[error("the core cannot be read: {0}")]
    Unreadable(#[from] io::Error),
}

/// What Debian calls the machine.
fn name_of(machine: u16) -> Cow<'static, str> {
    let name = match elf::Machine(machine) {
        elf::EM_ALPHA => "alpha",
        elf::EM_IA_64 => "ia64",
        elf::EM_LOONGARCH => "loong64",
        elf::EM_MIPS => "mips64el",
        elf::EM_PPC64 => "ppc64el",
        elf::EM_RISCV => "riscv64",
        elf::EM_S390 => "s390x",
        elf::EM_SPARCV9 => "sparc64",
        _ => return format!("ELF machine {machine}").into(),
    };
    name.into()
}
