//! A machine on which a range of ids belongs to one user.

use std::os::unix::net::UnixStream;
use std::process::Command;
use test_harness::{Process, Sandbox, programs, until};

/// Whose subordinate ids [`IDS`] are.
pub const OWNER: u32 = 2_000_000;

/// The ids.
pub const IDS: std::ops::Range<u32> = 3_000_000..3_001_000;

/// Starts a daemon where [`IDS`] belong to [`OWNER`]: with a subuid(5) of its own. telemprobd listens then.
pub fn start(sandbox: &Sandbox, program: &str) -> Process {
    let subuid = sandbox.write("subuid", &format!("{OWNER}:{}:{}\n", IDS.start, IDS.len()));
    let script = "mount --bind \"$1\" /etc/subuid && shift && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", script, "sh"]).arg(subuid).arg(programs::path(program));
    command.args(["-f", &sandbox.config_arg()]);
    let process = Process::spawn(&sandbox.path(""), program, &mut command);
    if program == "telemprobd" {
        until("telemprobd listens", || UnixStream::connect(sandbox.socket_path()).ok());
    }
    process
}
