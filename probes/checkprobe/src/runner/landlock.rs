//! landlock(7), from Linux 6.12 on: the signals of a plugin reach what it started, and nobody else. Without that, one that
//! kills all processes of its user ends checkprobe and the other checks.
#![allow(unsafe_code)]

use nix::errno::Errno;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;
use telemetry_files::bounded_file;

/// `struct landlock_ruleset_attr`: what is refused unless a rule allows it.
#[repr(C)]
struct Handled {
    files: u64,
    network: u64,
    scoped: u64,
}

/// `LANDLOCK_CREATE_RULESET_VERSION`, and the version that knows signals.
const VERSION: libc::c_uint = 1;
const KNOWS_SIGNALS: i64 = 6;

/// `LANDLOCK_SCOPE_SIGNAL`.
const SIGNALS: u64 = 1 << 1;

/// `CAP_KILL` and `CAP_SYS_PTRACE`, by which an administrator lets plugins look into other processes.
const LOOKING_INTO_OTHERS: u64 = 1 << 5 | 1 << 19;

/// Of `/proc/self/status`, in bytes.
const STATUS_BYTES: u64 = 16 * 1024;

/// Holds this process and its children to that where the kernel can, and where it takes nothing else from them: rights that
/// programs get when they are executed, or those to look into other processes. Returns whether it does.
///
/// # Errors
/// As `landlock_create_ruleset` and `landlock_restrict_self`.
pub(super) fn keep_signals_inside() -> io::Result<bool> {
    let gains_nothing = nix::sys::prctl::get_no_new_privs().unwrap_or(false);
    if !gains_nothing || capabilities().is_none_or(|held| held & LOOKING_INTO_OTHERS != 0) {
        return Ok(false);
    }
    let none: *const Handled = std::ptr::null();
    // SAFETY: with this flag the kernel reads no address and answers a number.
    let version = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, none, 0_usize, VERSION) };
    if version < KNOWS_SIGNALS {
        return Ok(false);
    }
    let handled = Handled { files: 0, network: 0, scoped: SIGNALS };
    let (address, size): (*const Handled, usize) = (&raw const handled, size_of::<Handled>());
    // SAFETY: the kernel reads `size` bytes at the address, which is that of a value that lives as long.
    let answer = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, address, size, 0_u32) };
    let descriptor = i32::try_from(Errno::result(answer)?).map_err(io::Error::other)?;
    // SAFETY: the kernel has just made it for this process, and nothing else knows it.
    let rules = unsafe { OwnedFd::from_raw_fd(descriptor) };
    // SAFETY: takes a descriptor, which is open, and no address.
    let answer = unsafe { libc::syscall(libc::SYS_landlock_restrict_self, rules.as_raw_fd(), 0_u32) };
    Errno::result(answer)?;
    Ok(true)
}

/// The capabilities that count.
fn capabilities() -> Option<u64> {
    let status = bounded_file::read_head(Path::new("/proc/self/status"), STATUS_BYTES).ok()?;
    let status = String::from_utf8_lossy(&status);
    let held = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(held.trim(), 16).ok()
}
