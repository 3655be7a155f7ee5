//! What holds for the process that posts to servers which single records name (`--foreign`). Any user of the machine may
//! have named them, and the certificates that they are checked with.

use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Memory: 16 requests at once, each with 512 KiB of certificates, were measured to take 35 MB. Where more is taken this
/// process fails, and no other one notices.
const DATA_BYTES: rlim_t = 64 * 1024 * 1024;

/// Descriptors: two for each of the 16 requests, one of them while a name is resolved, and as many again.
const DESCRIPTORS: rlim_t = 64;

/// Stack of each thread that resolves a name; the usual 8 MiB, of which it touches little, would count as data.
const STACK_BYTES: rlim_t = 512 * 1024;

/// When memory is short the kernel ends this process before others.
const OOM_SCORE: &str = "500";

/// Takes these limits. As the C library reads the size of stacks when a program starts, this one then starts again, with
/// the same descriptors and arguments; where the limits hold already it does nothing.
///
/// # Errors
/// As the system says; then the process must not go on.
pub(crate) fn confine() -> io::Result<()> {
    let (data, stack) = (getrlimit(Resource::RLIMIT_DATA)?, getrlimit(Resource::RLIMIT_STACK)?);
    if data.0 <= DATA_BYTES && stack.0 <= STACK_BYTES {
        return Ok(());
    }
    fs::write("/proc/self/oom_score_adj", OOM_SCORE)?;
    for (resource, limit) in [
        (Resource::RLIMIT_DATA, DATA_BYTES),
        (Resource::RLIMIT_NOFILE, DESCRIPTORS),
        (Resource::RLIMIT_STACK, STACK_BYTES),
    ] {
        let (_, hard) = getrlimit(resource)?;
        let limit = limit.min(hard);
        setrlimit(resource, limit, limit)?;
    }
    Err(Command::new(std::env::current_exe()?).args(std::env::args_os().skip(1)).exec())
}
