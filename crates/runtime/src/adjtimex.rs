//! Whether the kernel has the wall clock for synchronised: what NTP, PTP and the like report to it.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;

/// Whether it does. Where the system does not say, as under a filter of system calls, it does not.
pub(crate) fn is_synchronised() -> bool {
    let mut state = MaybeUninit::<libc::timex>::zeroed();
    // SAFETY: `state` is valid for reads and writes of a timex and all zero, which is a value of each of its fields; its
    // `modes` of 0 asks the kernel to change nothing, and adjtimex(2) keeps no pointer to it.
    let answer = unsafe { libc::adjtimex(state.as_mut_ptr()) };
    // SAFETY: it was zeroed above, and the kernel writes only whole fields.
    let state = unsafe { state.assume_init() };
    answer >= 0 && state.status & libc::STA_UNSYNC == 0
}
