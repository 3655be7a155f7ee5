//! The edge of the crash probe: processes, privileges, descriptors, the time limit.
//!
//! ```text
//!  kernel ──core──▶ worker ───────────────── Report ──▶ broker ──record──▶ telemprobd
//!    │              no rights, no files,                 root, to open files;
//!    │              reads foreign bytes    ◀─ files ──   reads none of them; then the daemons' user
//!    └── holds the process while the worker holds the pipe
//! ```
//!
//! One process would have to choose between opening files and reading them. Here the [`broker`] opens what the
//! [`worker`] asks for ([`protocol`], [`opener`]), and keeps its newest report; so a worker that runs out of time, or
//! is ended by a file that was cut short under it, still leaves a report. The pipe is the worker's alone: once memory
//! is not needed any more, it closes it, and the process is gone before anything is sent.
//!
//! The broker is root for opening only ([`users`]). The worker is nobody from the start (`sandbox`, `seccomp`).
//!
//! **Another process's number** (CVE-2025-4598): [`process`] says how it is made sure that `/proc/PID` is the process
//! that crashed; the worker compares the auxiliary vectors besides.
//!
//! **Set-user-id programs** (`dumpable` 0 or 2). The report goes to no user of this machine, and holds no memory, so
//! that they are reported as others are. But their user, who is not theirs, may have prepared what their paths lead
//! to. So their files are those that they have mapped (`map_files`), and debug files those of the host: nothing is
//! opened by a path below their root. A value that is not known counts as 2.

pub mod broker;
mod capset;
pub mod cli;
mod close_range;
pub mod core_source;
pub mod crash;
pub mod deadline;
pub mod delivery;
mod fcntl;
mod fork;
pub mod identity;
pub mod input;
mod limits;
pub mod link;
mod mmap;
pub mod openat2;
pub mod opener;
mod packages;
pub mod process;
pub mod protocol;
pub mod record;
mod recvmsg;
pub mod reporter;
mod sandbox;
mod seccomp;
mod settings;
pub mod slots;

mod crash_log;
#[cfg(test)]
mod syscall;
pub mod system_journal;
pub mod users;
mod work;
pub mod worker;

pub use cli::Args;
pub use input::Input;
pub use link::{BrokerClient, Core, WorkerIo};
pub use work::work;

use crate::limits::{BACKSTOP_SECS, TIME_LIMIT};
use crate::system_journal::{Event, LogPaths, Priority, SystemJournal};
use deadline::Deadline;
use reporter::Reporter;
use settings::Settings;
use std::process::ExitCode;
use std::time::Instant;
use telemetry_config::Configuration;
use telemetry_config::consent::{self, ConsentError};
use telemetry_outbox::sending;
use telemetry_runtime::command_line;

/// Reports a crash, from the command line to the exit code. `start` is when this process was started; `work` makes
/// the report, in a process of its own.
pub fn run(args: &Args, start: Instant, work: impl FnOnce(WorkerIo)) -> ExitCode {
    let fail = |message: &str| {
        let event = Event { priority: Priority::Error, message, fields: &[] };
        SystemJournal::open(&LogPaths::default()).log(&event);
        ExitCode::FAILURE
    };
    let path = args.config_file.as_deref().map(sending::absolute);
    let configuration = Configuration::load(path.as_deref());
    let settings = match configuration.and_then(|configuration| Settings::read(&configuration)) {
        Ok(settings) => settings,
        Err(error) => return fail(&error.to_string()),
    };
    match consent::check(&settings.etc_dir) {
        Err(ConsentError::Missing(_)) if args.is_of_kernel() => return ExitCode::SUCCESS,
        // A person who asks to see a report sees it, whatever the consent.
        Err(error) if args.is_of_kernel() || !args.verbose => return fail(&error.to_string()),
        _ => {}
    }
    let client = match sending::client(path.as_deref()) {
        Ok(client) => client,
        Err(error) => return fail(&error.to_string()),
    };
    if args.is_of_kernel() {
        nix::unistd::alarm::set(BACKSTOP_SECS);
    }
    if let Err(error) = sandbox::be_no_core() {
        return fail(&error.to_string());
    }
    let deadline = Deadline::after(start, TIME_LIMIT);
    Reporter::new(args, settings, client, deadline).run(work)
}

/// Says that the arguments are wrong, and how: a person by clap's text, and the system journal if the kernel
/// was given the wrong ones.
pub fn refuse(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && std::env::args_os().any(|arg| arg.as_encoded_bytes().starts_with(b"--pid")) {
        let message = format!("kernel.core_pattern has arguments that are not understood: {error}");
        let event = Event { priority: Priority::Error, message: &message, fields: &[] };
        SystemJournal::open(&LogPaths::default()).log(&event);
    } else {
        command_line::print(error);
    }
    ExitCode::from(command_line::exit_code(error))
}
