//! capset(2): no capability is left.
#![allow(unsafe_code)]

use nix::errno::Errno;
use std::io;

/// `_LINUX_CAPABILITY_VERSION_3` of linux/capability.h: two sets of 32 bits each.
const VERSION: u32 = 0x2008_0522;

#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

#[repr(C)]
#[derive(Default)]
struct Sets {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Drops all capabilities, those too that a change of the user leaves where its securebits say so.
///
/// # Errors
/// As capset(2); dropping is always allowed.
pub(super) fn drop_all() -> io::Result<()> {
    let mut header = Header { version: VERSION, pid: 0 };
    let sets = [Sets::default(), Sets::default()];
    // SAFETY: the kernel reads a header, to which it may write its version, and the two sets that this version has.
    Errno::result(unsafe { libc::syscall(libc::SYS_capset, &raw mut header, sets.as_ptr()) })?;
    Ok(())
}
