//! A crash from consent to its record, and what is logged about it. While the worker is at work, its broker asks the crash
//! history, which takes the time of a file that is replaced: the process waits for neither.
//!
//! ```text
//! consent ─▶ is its class enough? ─▶ slot ─▶ worker, crash history ─▶ no privileges ─▶ telemprobd ─▶ crash history
//!                    └───────────────▶ crash history ────────────▶───┘
//! ```

use super::cli::Args;
use super::core_source;
use super::crash::Crash;
use super::crash_log::CrashLog;
use super::deadline::Deadline;
use super::delivery::{self, Absence, Clock};
use super::link::WorkerIo;
use super::record;
use super::users::{self, User};
use crate::limits::HISTORY_PATIENCE;
use crate::settings::Settings;
use crate::system_journal::Priority;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use telemetry::{Client, Error, Record};
use telemetry_outbox::UnsentRecord;
use telemetry_record::header::Header;
use telemetry_runtime::clocks::{self, Clocks};
use telemetry_store::crash_history::{self, Decision, Disposition};
use telemetry_store::spool::SpoolDir;
use telemetry_store::steady_clock::{Reading, SteadyClock};

mod analysis;

/// Version of the payload's format.
const PAYLOAD_VERSION: u32 = 1;

/// Handles one crash.
pub struct Reporter<'a> {
    args: &'a Args,
    settings: Settings,
    client: Client,
    deadline: Deadline,
    crash: Crash,
    user: User,
    log: CrashLog,
    /// Whether the rules for paths hold.
    filters: bool,
}

impl<'a> Reporter<'a> {
    /// For the crash of a command line.
    pub fn new(args: &'a Args, settings: Settings, client: Client, deadline: Deadline) -> Self {
        let crash = Crash::from_args(args);
        let user = User::without_privileges(&settings.state_dir);
        let log = CrashLog::new(&crash);
        let filters = !telemetry_config::consent::has_no_privacy_filters(&settings.etc_dir);
        Self { args, settings, client, deadline, crash, user, log, filters }
    }

    /// From consent on.
    pub fn run(self, work: impl FnOnce(WorkerIo)) -> ExitCode {
        match self.record(work) {
            Ok(Some(record)) => self.send(&record),
            Ok(None) => self.left_out(),
            Err(reason) => self.failed(&reason),
        }
    }

    /// What is to be sent; none if the limit of reports leaves it out. Where the class says all, nothing is read, and the
    /// process may go at once.
    fn record(&self, work: impl FnOnce(WorkerIo)) -> Result<Option<UnsentRecord>, String> {
        let executable = self.crash.executable.as_deref();
        // The core itself may name the program.
        let is_named = executable.is_some() || self.args.is_of_kernel();
        match is_named.then(|| record::from_path(executable, self.filters)).flatten() {
            Some(record) => {
                let _ = core_source::release_stdin();
                Ok(self.admitted().map(|_| record))
            }
            None => self.analysed(work),
        }
    }

    /// What is to be remarked of reports that were left out before this one; none if this one is, too.
    fn admitted(&self) -> Option<Vec<String>> {
        if !self.args.is_of_kernel() || !self.client.is_opted_in() {
            return Some(Vec::new());
        }
        match self.admit() {
            Decision::LeftOut => None,
            Decision::Admitted { left_out_before: 0 } => Some(Vec::new()),
            Decision::Admitted { left_out_before } => Some(vec![left_out_remark(left_out_before)]),
        }
    }

    fn admit(&self) -> Decision {
        let (state_dir, limit) = (&self.settings.state_dir, self.settings.crash_burst_limit);
        let ask = || {
            let now_secs = steady_secs(&self.settings.spool_dir);
            crash_history::admit(state_dir, self.crash.label(), limit, now_secs, HISTORY_PATIENCE)
        };
        as_owner(User::owner_of(state_dir), ask).unwrap_or_else(|error| {
            let text = format!("crash_burst_limit is not kept: {}: {error}", state_dir.display());
            self.log.report(Priority::Warning, &text);
            Decision::Admitted { left_out_before: 0 }
        })
    }

    fn left_out(&self) -> ExitCode {
        // The process may go.
        let _ = core_source::release_stdin();
        let message = format!("{} is left out by crash_burst_limit", self.log.subject());
        self.log.report(Priority::Warning, &message);
        self.note(Disposition::LeftOut);
        ExitCode::SUCCESS
    }

    fn send(&self, unsent: &UnsentRecord) -> ExitCode {
        if self.args.verbose {
            let _ = io::stdout().write_all(unsent.payload.as_bytes());
        }
        match self.as_sender(|| self.deliver(unsent)) {
            Ok(Ok(event_id)) => self.sent(unsent, event_id),
            Ok(Err(Error::NotOptedIn)) if self.args.is_of_kernel() => ExitCode::SUCCESS,
            Ok(Err(error)) => self.failed(&error.to_string()),
            Err(error) => self.failed(&format!("the rights of root could not be dropped: {error}")),
        }
    }

    /// Sends the record: its event id.
    fn deliver(&self, unsent: &UnsentRecord) -> Result<String, Error> {
        let mut record = Record::new(unsent.severity, &unsent.class, PAYLOAD_VERSION)?;
        record.set_payload(&unsent.payload)?;
        let mut clock = Clock { now: &mut Instant::now, sleep: &mut std::thread::sleep };
        let absence = if self.args.is_of_kernel() { Absence::IsWaitedFor } else { Absence::IsFinal };
        delivery::deliver(&mut clock, self.deadline, absence, || self.client.send(&record))?;
        Ok(record.headers().value(Header::EventId).to_owned())
    }

    fn sent(&self, unsent: &UnsentRecord, event_id: String) -> ExitCode {
        let class = &unsent.class;
        if self.args.is_of_kernel() {
            let message = format!("{} is reported: {class}, event {event_id}", self.log.subject());
            self.log.report(Priority::Info, &message);
        } else {
            let _ = writeln!(io::stdout(), "Successfully sent record to daemon.");
        }
        self.note(Disposition::Sent { class: class.clone(), event_id });
        ExitCode::SUCCESS
    }

    fn failed(&self, reason: &str) -> ExitCode {
        let message = match self.args.is_of_kernel() {
            true => format!("{} is not reported: {reason}", self.log.subject()),
            false => format!("nothing was sent: {reason}"),
        };
        self.log.report(Priority::Error, &message);
        self.note(Disposition::NotSent { reason: reason.to_owned() });
        ExitCode::FAILURE
    }

    /// Writes the result of a crash that the kernel reported into the crash history.
    fn note(&self, disposition: Disposition) {
        if !self.args.is_of_kernel() {
            return;
        }
        let state_dir = &self.settings.state_dir;
        let entry = crash_history::CrashEntry {
            unix_secs: unix_secs(),
            pid: self.crash.pid.unwrap_or_default(),
            executable: self.crash.label().to_owned(),
            disposition,
        };
        let note = || crash_history::add_entry(state_dir, entry, HISTORY_PATIENCE);
        if let Err(error) = as_owner(User::owner_of(state_dir), note) {
            let text = format!("the crash history is not kept: {}: {error}", state_dir.display());
            self.log.report(Priority::Warning, &text);
        }
    }

    /// Does what is left to do without privileges, permanently. Where the crash history is root's own, which is so where
    /// the daemons run as root, root comes back after it.
    fn as_sender<T>(&self, action: impl FnOnce() -> T) -> io::Result<T> {
        if !users::is_root() {
            return Ok(action());
        }
        if User::owner_of(&self.settings.state_dir).is_some_and(|owner| owner.uid == 0) {
            return users::act_as(self.user, action);
        }
        users::become_permanently(self.user)?;
        Ok(action())
    }
}

/// Does something as the owner of a directory, if this is root and the owner is not.
fn as_owner<T>(owner: Option<User>, action: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    match owner.filter(|owner| owner.uid != 0 && users::is_root()) {
        Some(owner) => users::act_as(owner, action)?,
        None => action(),
    }
}

fn left_out_remark(number: u32) -> String {
    match number {
        1 => "1 report of this program was left out before this one.".to_owned(),
        _ => format!("{number} reports of this program were left out before this one."),
    }
}

/// The daemons' steady time, so that no step of the clock lets a crash loop report anew; the wall clock before they have
/// begun any.
fn steady_secs(spool_dir: &Path) -> u64 {
    let Clocks { boot_id, since_boot, since_epoch, is_synchronised } = clocks::read();
    let reading = Reading::new(boot_id, since_boot, since_epoch, is_synchronised);
    let state =
        SpoolDir::open(spool_dir).and_then(|spool| SteadyClock::peek(&spool, &reading)).ok().flatten();
    state.map_or_else(unix_secs, |state| state.at(&reading).secs())
}

fn unix_secs() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
