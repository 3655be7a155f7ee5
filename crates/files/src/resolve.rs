//! openat2(2): which links count on the way to a file. Kernels before 5.6 do not have it, and some containers refuse it.

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::Mode;
use std::os::fd::OwnedFd;
use std::path::Path;

/// Opens a path whose links count, but for the kernel's own. A kernel that cannot leave those out follows them.
pub(crate) fn open_without_magic(path: &Path, flags: OFlag) -> nix::Result<OwnedFd> {
    let flags = flags | OFlag::O_CLOEXEC;
    let how = OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_NO_MAGICLINKS);
    match openat2(AT_FDCWD, path, how) {
        Err(Errno::ENOSYS | Errno::EPERM) => open(path, flags, Mode::empty()),
        opened => opened,
    }
}
