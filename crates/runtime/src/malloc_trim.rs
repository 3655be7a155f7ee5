//! Returns the memory of a backlog to the system. The allocator of glibc keeps freed memory in the
//! middle of its heap: measured after 15,000 records, 4.1 MB were resident instead of 2.9 MB.

/// Returns free memory to the system. Takes about 50 microseconds, so it is for the moment when work ends.
#[allow(unsafe_code)]
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: malloc_trim(3) takes a plain number, may be called at any time from any thread, and touches
    // only memory that is free.
    unsafe {
        libc::malloc_trim(0);
    }
}
