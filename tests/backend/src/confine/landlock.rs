//! landlock(7): which files a program may open from now on, whatever its user may. The kernel holds its children to it too.
//!
//! There is nothing of the collector's among them: not its database, not its password file, not its keys, not what the kernel
//! says of its process.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::libc;

/// What interpreters and dynamic programs are made of. A symbolic link there may lead to another of them.
const PROGRAMS: &[&str] = &[
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/usr/bin",
    "/usr/sbin",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/libx32",
    "/usr/libexec",
    "/usr/share",
    "/usr/local/bin",
    "/usr/local/lib",
];

/// Single files that those read.
const FILES: &[&str] = &["/etc/ld.so.cache", "/etc/localtime"];

/// Devices without anything behind them.
const DEVICES: &[&str] = &["/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"];

const EXECUTE: u64 = 1;
const WRITE_FILE: u64 = 1 << 1;
const READ_FILE: u64 = 1 << 2;
const READ_DIR: u64 = 1 << 3;

/// The rights that each version of the interface has beside those of the one before: files, the network, other processes.
const ADDED: [[u64; 3]; 6] =
    [[(1 << 13) - 1, 0, 0], [1 << 13, 0, 0], [1 << 14, 0, 0], [0, 0b11, 0], [1 << 15, 0, 0], [0, 0, 0b11]];

/// `struct landlock_ruleset_attr`: what is refused unless a rule allows it.
#[repr(C)]
struct Handled {
    files: u64,
    network: u64,
    others: u64,
}

/// `struct landlock_path_beneath_attr`.
#[repr(C, packed)]
struct Beneath {
    allowed: u64,
    parent: i32,
}

/// `LANDLOCK_CREATE_RULESET_VERSION`.
const VERSION: u32 = 1;
/// `LANDLOCK_RULE_PATH_BENEATH`.
const PATH_BENEATH: libc::c_int = 1;

/// From now on this process opens `program`, what interpreters need, and nothing else.
///
/// # Errors
/// If the kernel does not hold it to that: then no foreign program may run.
pub(super) fn only_files_of(program: &Path) -> io::Result<()> {
    let rules = ruleset(&handled(version()?))?;
    for path in PROGRAMS {
        allow(&rules, Path::new(path), EXECUTE | READ_FILE | READ_DIR)?;
    }
    for path in FILES {
        allow(&rules, Path::new(path), READ_FILE)?;
    }
    for path in DEVICES {
        allow(&rules, Path::new(path), READ_FILE | WRITE_FILE)?;
    }
    allow(&rules, program, EXECUTE | READ_FILE)?;
    nix::sys::prctl::set_no_new_privs()?;
    // SAFETY: takes a descriptor, which is open, and no address.
    let answer = unsafe { libc::syscall(libc::SYS_landlock_restrict_self, rules.as_raw_fd(), 0_u32) };
    Errno::result(answer)?;
    Ok(())
}

/// The version of the kernel's interface.
fn version() -> io::Result<usize> {
    let (none, size): (*const Handled, usize) = (std::ptr::null(), 0);
    // SAFETY: with this flag the kernel reads no address and answers a number.
    let answer = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, none, size, VERSION) };
    let version = Errno::result(answer).map_err(|error| {
        let why = "the kernel has no Landlock, which keeps programs from the collector's files \
                   (boot with lsm=landlock,..., or use patterns)";
        io::Error::new(io::ErrorKind::Unsupported, format!("{why}: {error}"))
    })?;
    Ok(usize::try_from(version).unwrap_or(0))
}

/// All that this version can refuse.
fn handled(version: usize) -> Handled {
    let mut all = Handled { files: 0, network: 0, others: 0 };
    for [files, network, others] in ADDED.iter().take(version) {
        all.files |= files;
        all.network |= network;
        all.others |= others;
    }
    all
}

fn ruleset(handled: &Handled) -> io::Result<OwnedFd> {
    // A kernel that does not know the last fields takes them as long as they are 0.
    let (address, size): (*const Handled, usize) = (handled, size_of::<Handled>());
    // SAFETY: the address is that of a structure of this size, which the kernel only reads, and which outlives the call.
    let answer = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, address, size, 0_u32) };
    let number = i32::try_from(Errno::result(answer)?).map_err(io::Error::other)?;
    // SAFETY: the kernel has just made this descriptor for us, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Allows something of a file, or of all below a directory; of what is not there, nothing.
fn allow(rules: &OwnedFd, path: &Path, allowed: u64) -> io::Result<()> {
    let opened = File::options().read(true).custom_flags(libc::O_PATH).open(path);
    let parent = match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    // A right on directories is refused for a file.
    let allowed = if parent.metadata()?.is_dir() { allowed } else { allowed & !READ_DIR };
    let beneath = Beneath { allowed, parent: parent.as_raw_fd() };
    let address: *const Beneath = &raw const beneath;
    // SAFETY: the address is that of the structure that this kind of rule has, which the kernel only reads, and which
    // outlives the call; both descriptors are open.
    let answer = unsafe {
        libc::syscall(libc::SYS_landlock_add_rule, rules.as_raw_fd(), PATH_BENEATH, address, 0_u32)
    };
    Errno::result(answer)?;
    Ok(())
}
