//! Why a core cannot be read.

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
    #[error("a process of another architecture (ELF machine {0}): only x86-64 and aarch64 are unwound")]
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
