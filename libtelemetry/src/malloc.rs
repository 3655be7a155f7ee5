//! C strings by malloc(3) and free(3), so that a program may put one of its own in the place of ours, and each is freed
//! by whoever comes last.
#![allow(unsafe_code)]

use std::ffi::c_char;
use std::ptr;

/// A copy of `bytes` with a NUL behind it; none if there is no memory. A byte of 0 in them ends the string early.
pub(crate) fn c_string(bytes: &[u8]) -> Option<*mut c_char> {
    // SAFETY: calloc may be called with any size; its result is checked.
    let string = unsafe { libc::calloc(bytes.len() + 1, 1) }.cast::<u8>();
    if string.is_null() {
        return None;
    }
    // SAFETY: `string` is a new block of a byte more than `bytes` has, so that both stand apart; bytes need no alignment.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), string, bytes.len()) };
    Some(string.cast())
}

/// Frees a string.
///
/// # Safety
/// `string` is NULL or from malloc, and nobody uses it any more.
pub(crate) unsafe fn free(string: *mut c_char) {
    // SAFETY: the caller promises just that.
    unsafe { libc::free(string.cast()) }
}
