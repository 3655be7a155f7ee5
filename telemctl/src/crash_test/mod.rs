//! `crash-test`: makes a process crash and follows its report to the server, printing each step and its time.
//!
//! The process is this program again, with a word that is not in `--help`. What happens to it is seen in files that
//! others write ([`look`]), and judged as values ([`follow`]).

mod follow;
mod look;
mod null_read;

use crate::core_pattern::CorePattern;
use crate::exit_code::{Failure, Outcome};
use crate::installation::Installation;
use follow::{Ending, Next, Seen, Steps, overdue};
use look::Crash;
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use telemetry_config::consent;
use telemetry_record::harmless::word;
use telemetry_store::delivery_status::DeliveryStatus;

/// The word that makes this program the one that crashes.
pub(crate) const CHILD_COMMAND: &str = "crash-test-child";

/// SIGSEGV, which reading the null page gives.
const MADE_FOR: i32 = nix::libc::SIGSEGV;

/// How long the report may take: the crash probe has 10 seconds, and delivery waits some before its first retry.
const DEADLINE: Duration = Duration::from_secs(60);

/// Time between two checks: short beside what a person waits for, long beside what a check costs.
const CHECK_INTERVAL: Duration = Duration::from_millis(5);

/// Width of the times on the left.
const TIME_WIDTH: usize = 6;

/// Makes a process crash and prints what becomes of it.
pub(crate) fn run(installation: &Installation, out: &mut dyn Write) -> Outcome {
    let settings = &installation.settings;
    consent::check(&settings.etc_dir)?;
    let pattern = CorePattern::read()
        .map_err(|error| Failure::message(format!("kernel.core_pattern cannot be read: {error}")))?;
    if let Some(obstacle) = pattern.obstacle(installation) {
        return Err(obstacle.into());
    }
    let since_unix_secs = unix_secs_now();
    let start = Instant::now();
    let mut child = start_child()
        .map_err(|error| Failure::message(format!("no process to crash can be started: {error}")))?;
    let pid = i32::try_from(child.id()).unwrap_or(0);
    let crash = Crash { pid, since_unix_secs };
    let mut say = |line: &str| {
        let ms = start.elapsed().as_millis();
        writeln!(out, "{ms:>TIME_WIDTH$} ms  {}", word(line)).and_then(|()| out.flush())
    };
    say(&format!("process {pid} reads a null pointer")).map_err(Failure::Output)?;
    let mut steps = Steps::default();
    loop {
        // Before the rest, so that what was written until the process ended is seen.
        let ending = ending_of(&mut child);
        let is_late = start.elapsed() > DEADLINE;
        let seen = Seen { ending, ..crash.look(settings) };
        let (lines, next) = steps.follow(&seen, settings.server_delivery_enabled);
        lines.iter().try_for_each(|line| say(line)).map_err(Failure::Output)?;
        match next {
            Next::Done => return Ok(()),
            Next::Fail(reason) => return Err(Failure::message(reason)),
            Next::CheckAgain if is_late => {
                let fault = delivery_fault(installation, since_unix_secs);
                return Err(Failure::message(overdue(&seen, fault.as_deref())));
            }
            Next::CheckAgain => std::thread::sleep(CHECK_INTERVAL),
        }
    }
}

/// The other process: crashes.
pub(crate) fn crash() -> Outcome {
    let read = null_read::read_a_null_pointer_on_purpose();
    Err(Failure::message(format!("the null page can be read here, and holds {read}")))
}

fn start_child() -> io::Result<Child> {
    Command::new("/proc/self/exe")
        .arg(CHILD_COMMAND)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

/// None while the process is there, or cannot be asked.
fn ending_of(child: &mut Child) -> Option<Ending> {
    let status: ExitStatus = child.try_wait().ok()??;
    Some(match status.signal() {
        Some(signal) => Ending::Signal(signal),
        None => Ending::Exit(status.code().unwrap_or(-1)),
    })
}

/// What went wrong in delivery since then.
fn delivery_fault(installation: &Installation, since_unix_secs: u64) -> Option<String> {
    let status = DeliveryStatus::read(&installation.settings.state_dir).ok()??;
    let fault = status.last_error.filter(|fault| fault.unix_secs >= since_unix_secs)?;
    Some(format!("{}: {}", fault.server, fault.reason))
}

fn unix_secs_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
