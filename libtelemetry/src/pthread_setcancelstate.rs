//! Keeps a thread from being cancelled for a while: the unwinding of `pthread_cancel` through Rust is undefined.
#![allow(unsafe_code)]

use std::ffi::c_int;

/// From pthread.h; the libc crate has neither.
const PTHREAD_CANCEL_DISABLE: c_int = 1;

unsafe extern "C" {
    fn pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int;
}

/// Runs `body`, which does not unwind; who cancels this thread meanwhile waits until it is over.
pub(crate) fn uncancelled<T>(body: impl FnOnce() -> T) -> T {
    let before = set(PTHREAD_CANCEL_DISABLE);
    let result = body();
    set(before);
    result
}

/// Sets whether this thread can be cancelled, and returns what held before.
fn set(state: c_int) -> c_int {
    let mut before = 0;
    // SAFETY: `before` is room for an integer during the call; the state is one that pthread.h names, or
    // came from this function.
    unsafe { pthread_setcancelstate(state, &raw mut before) };
    before
}
