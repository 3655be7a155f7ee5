//! The crash. The name of its function is what the report should show first.
#![allow(unsafe_code)]

/// An address in the first page, which the kernel maps for nobody (`vm.mmap_min_addr`).
const NULL_PAGE: usize = 8;

/// Ends the process by SIGSEGV.
#[inline(never)]
pub(super) fn read_a_null_pointer_on_purpose() -> u8 {
    let nowhere = std::ptr::without_provenance::<u8>(NULL_PAGE);
    // SAFETY: the address belongs to nothing, no allocation of this program included, and a byte is always aligned.
    // The read is volatile, so that the compiler neither drops it nor draws conclusions from it; it traps, and the
    // process ends there, which is what it was started for.
    unsafe { nowhere.read_volatile() }
}
