//! Memory of the crashed process, wherever it is.
//!
//! | source | when |
//! |---|---|
//! | [`PagedMemory::of_process`] | the kernel holds the process: `/proc/PID/mem` |
//! | [`PagedMemory::of_core`] | a core file |
//! | [`KeptMemory`] | a core comes through a pipe, and the process cannot be reached |

mod kept;
mod paged;

pub use kept::KeptMemory;
pub use paged::PagedMemory;

/// Reads the memory of a process.
pub trait Memory {
    /// Fills `buffer` with what is at this address; false if any byte of it cannot be read.
    fn read(&self, process_addr: u64, buffer: &mut [u8]) -> bool;

    /// Eight bytes, little endian as both architectures are.
    fn read_u64(&self, process_addr: u64) -> Option<u64> {
        let mut bytes = [0; 8];
        self.read(process_addr, &mut bytes).then(|| u64::from_le_bytes(bytes))
    }
}
