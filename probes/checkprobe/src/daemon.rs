//! The loop: it waits for runs that end, for the next that is due, for signals and for the consent to be withdrawn.

use crate::definition::{self, Definition};
use crate::error::CheckError;
use crate::plan::{Plan, Report};
use crate::record;
use crate::result::Measured;
use crate::runner::{self, Run};
use crate::settings::Settings;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::Duration;
use telemetry::{Client, Record};
use telemetry_config::consent;
use telemetry_files::{Attributes, Durability, replace_path};
use telemetry_outbox::sending;
use telemetry_runtime::consent_watch::{self, ConsentWatch};
use telemetry_runtime::signals::{Signal, Signals};
use telemetry_runtime::{clocks, readiness};
use telemetry_store::check_states::{self, CheckStates, State};

/// What the end of a runner takes that has answered.
const A_MOMENT: Duration = Duration::from_secs(1);

/// Between two attempts to end what is left of runners that were killed.
const STRAYS: Duration = Duration::from_secs(5);

/// How long a record that telemprobd did not take waits for the next try.
const RETRY: Duration = Duration::from_secs(60);

/// How long ending all that runs may take when it is stopped.
const END: Duration = Duration::from_secs(5);

/// Records that wait for telemprobd; of more, the oldest goes.
const WAITING: usize = 256;

/// A runner that is to end, and its check.
struct Ending {
    pid: Pid,
    name: String,
    since: Duration,
}

/// A daemon at work.
struct Daemon<'a> {
    settings: &'a Settings,
    client: Client,
    plan: Plan,
    running: Vec<Run>,
    /// Runners that have answered or were killed, and have not ended yet.
    ending: Vec<Ending>,
    /// When what runners left behind that were killed is ended again; none: there is nothing.
    strays_at: Option<Duration>,
    /// Records that telemprobd does not have, oldest first, and when that is tried again.
    waiting: Vec<Record>,
    retry_at: Option<Duration>,
    /// What each check last printed.
    outputs: BTreeMap<String, String>,
    /// Whether what is kept is older, which is logged once.
    is_unsaved: bool,
}

/// Runs checks until it is stopped, or consent is withdrawn.
///
/// # Errors
/// [`CheckError`].
pub(crate) fn run(settings: &Settings, file: Option<&Path>) -> Result<(), CheckError> {
    // A wrong value is an error whether or not somebody agreed.
    let client = sending::client(file)?;
    consent::check(&settings.etc_dir)?;
    let definitions = definitions(settings);
    if definitions.is_empty() {
        log::info!("no check is defined in {}", settings.definitions().display());
        // It has done what there is to do, which is no failure of its start.
        readiness::ready();
        return Ok(());
    }
    let signals = Signals::watch().map_err(CheckError::Process)?;
    let consent = ConsentWatch::new(&settings.etc_dir).map_err(CheckError::Process)?;
    runner::adopt_strays().map_err(CheckError::Process)?;
    make_directory(&settings.state_dir)?;
    let kept = CheckStates::read(&settings.state_dir).unwrap_or_else(|error| {
        log::warn!("{}: {error}; all checks begin anew", check_states::path(&settings.state_dir).display());
        None
    });
    let boot_id = clocks::read().boot_id.to_string();
    let plan = Plan::new(definitions, kept.unwrap_or_default(), &boot_id, clocks::since_boot());
    let mut daemon = Daemon {
        settings,
        client,
        plan,
        running: Vec::new(),
        ending: Vec::new(),
        strays_at: None,
        waiting: Vec::new(),
        retry_at: None,
        outputs: BTreeMap::new(),
        is_unsaved: false,
    };
    daemon.save();
    readiness::ready();
    let ended = daemon.follow(&signals, &consent);
    readiness::stopping();
    daemon.end();
    ended
}

/// The checks that are defined; what is wrong is logged.
fn definitions(settings: &Settings) -> Vec<Definition> {
    let (files, mut faults) = definition::read(&settings.definitions());
    let (definitions, more) = definition::parse(&files);
    faults.extend(more);
    for fault in &faults {
        log::error!("{}/{fault}", settings.definitions().display());
    }
    definitions
}

fn make_directory(state_dir: &Path) -> Result<(), CheckError> {
    let path = state_dir.join(check_states::DIRECTORY);
    match fs::create_dir(&path) {
        Err(source) if source.kind() != io::ErrorKind::AlreadyExists => {
            Err(CheckError::File { path, source })
        }
        _ => Ok(()),
    }
}

impl Daemon<'_> {
    fn follow(&mut self, signals: &Signals, consent: &ConsentWatch) -> Result<(), CheckError> {
        loop {
            if let Err(reason) = consent::check(&self.settings.etc_dir) {
                consent_watch::log_end(&reason);
                return Ok(());
            }
            let now = clocks::since_boot();
            self.start_due(now);
            self.retry(now);
            poll_runs(&self.running, &[signals.as_fd(), consent.as_fd()], self.time_left(now));
            consent.drain();
            for signal in std::iter::from_fn(|| signals.next()) {
                match signal {
                    Signal::Stop => return Ok(()),
                    Signal::Reload => self.reload(),
                    Signal::ChildEnded => {}
                }
            }
            self.take_results();
        }
    }

    /// Until something is due.
    fn time_left(&self, now: Duration) -> Duration {
        let deadlines = self.running.iter().map(|run| run.deadline);
        let next = deadlines.chain(self.plan.next_due()).chain(self.retry_at).chain(self.strays_at).min();
        next.map_or(Duration::from_secs(3600), |next| next.saturating_sub(now))
    }

    fn start_due(&mut self, now: Duration) {
        for definition in self.plan.take_due(now) {
            if let Some(ending) = self.ending.iter().find(|ending| ending.name == definition.name) {
                self.pass_over(&definition.name, now.saturating_sub(ending.since), now);
                continue;
            }
            match Run::start(&definition, &self.settings.state_dir, now) {
                Ok(run) => self.running.push(run),
                Err(error) => {
                    let measured = Measured {
                        text: format!("no process can be started: {error}"),
                        ..Measured::default()
                    };
                    self.note(&definition.name, measured);
                }
            }
        }
    }

    /// A check is not run while its last run goes on, however that hangs: there would be ever more of them.
    fn pass_over(&mut self, name: &str, ending_for: Duration, now: Duration) {
        // It does not run, so that nothing says how quick it is.
        self.plan.postpone(name, now + A_MOMENT);
        if ending_for >= A_MOMENT {
            let text = format!("its last run hangs since {} s and cannot be ended", ending_for.as_secs());
            self.note(name, Measured::verdict(State::Unknown, text));
        }
    }

    fn take_results(&mut self) {
        let now = clocks::since_boot();
        let mut index = 0;
        let mut is_stray = self.strays_at.is_some_and(|at| at <= now);
        while let Some(run) = self.running.get_mut(index) {
            let measured = match run.take() {
                Some(measured) => measured,
                None if now >= run.deadline => {
                    is_stray = true;
                    run.kill()
                }
                None => {
                    index += 1;
                    continue;
                }
            };
            let run = self.running.swap_remove(index);
            if !run.has_ended {
                self.ending.push(Ending { pid: run.pid, name: run.name.clone(), since: now });
            }
            self.note(&run.name, measured);
        }
        is_stray |= self.reap();
        if is_stray {
            let running = self.running.iter().map(|run| run.pid);
            let runners: Vec<_> = running.chain(self.ending.iter().map(|ending| ending.pid)).collect();
            let are_gone = runner::end_strays(&runners);
            self.strays_at = (!are_gone).then(|| now + STRAYS);
        }
    }

    /// Takes note of runners and others that have ended; true if one of them may have left something behind: it was killed, or
    /// is a runner that has not answered yet.
    fn reap(&mut self) -> bool {
        let mut is_stray = false;
        while let Ok(status) = waitpid(None::<Pid>, Some(WaitPidFlag::WNOHANG)) {
            let Some(ended) = status.pid() else { break };
            self.ending.retain(|ending| ending.pid != ended);
            is_stray |= matches!(status, WaitStatus::Signaled(..));
            // Its answer, if it gave one at the last moment, is taken next time.
            if let Some(run) = self.running.iter_mut().find(|run| run.pid == ended) {
                run.has_ended = true;
                is_stray = true;
            }
        }
        is_stray
    }

    fn note(&mut self, name: &str, measured: Measured) {
        self.outputs.insert(name.to_owned(), measured.text.clone());
        let now_unix_secs = clocks::read().since_epoch.as_secs();
        let reports = self.plan.take_result(name, measured, clocks::since_boot(), now_unix_secs);
        for report in &reports {
            self.report(report);
        }
        self.save();
    }

    fn report(&mut self, report: &Report) {
        let Some((definition, kept)) = self.plan.find(&report.name) else { return };
        let Some(state) = kept.state else { return };
        let payload = record::payload(definition, kept, report.reason, &report.measured);
        let made = Record::new(record::severity(state), record::CLASS, record::PAYLOAD_VERSION)
            .and_then(|mut record| record.set_payload(&payload).map(|()| record));
        match made {
            Ok(record) => {
                log::info!("{} is {}", report.name, state.word());
                self.waiting.push(record);
                let surplus = self.waiting.len().saturating_sub(WAITING);
                self.waiting.drain(..surplus);
                self.send();
            }
            Err(error) => log::error!("{}: no record can be made: {error}", report.name),
        }
    }

    fn send(&mut self) {
        while let Some(record) = self.waiting.first() {
            if let Err(error) = sending::send(&self.client, record) {
                if self.retry_at.is_none() {
                    log::warn!("{error}; it is tried again");
                }
                self.retry_at = Some(clocks::since_boot() + RETRY);
                return;
            }
            self.waiting.remove(0);
        }
        self.retry_at = None;
    }

    fn retry(&mut self, now: Duration) {
        if self.retry_at.is_some_and(|at| at <= now) {
            self.send();
        }
    }

    fn reload(&mut self) {
        readiness::reloading();
        let now_unix_secs = clocks::read().since_epoch.as_secs();
        self.plan.replace(definitions(self.settings), clocks::since_boot(), now_unix_secs);
        let plan = &self.plan;
        self.outputs.retain(|name, _| plan.find(name).is_some());
        self.save();
        readiness::ready();
    }

    /// Numbers for everybody, and what was printed for the group of this user alone.
    fn save(&mut self) {
        let state_dir = &self.settings.state_dir;
        let states = self.plan.states(clocks::read().since_epoch.as_secs());
        let outputs = state_dir.join(check_states::DIRECTORY).join("output.json");
        let written = states.write(state_dir).and_then(|()| {
            let text = serde_json::to_vec_pretty(&self.outputs)?;
            replace_path(&outputs, &text, Attributes::new(0o640), Durability::Atomic).map(drop)
        });
        let was_unsaved = std::mem::replace(&mut self.is_unsaved, written.is_err());
        if let Err(error) = written
            && !was_unsaved
        {
            log::warn!(
                "{}: {error}; what is kept is older",
                state_dir.join(check_states::DIRECTORY).display()
            );
        }
    }

    /// Nothing that was started goes on.
    fn end(&mut self) {
        let deadline = clocks::since_boot() + END;
        while !runner::end_strays(&[]) && clocks::since_boot() < deadline {}
        self.running.clear();
        self.save();
    }
}

/// Waits until one of these can be read, or the time is up.
pub(crate) fn poll_runs(running: &[Run], others: &[BorrowedFd<'_>], time: Duration) {
    let mut sources: Vec<_> = others.iter().map(|other| PollFd::new(*other, PollFlags::POLLIN)).collect();
    sources.extend(running.iter().map(|run| PollFd::new(run.as_fd(), PollFlags::POLLIN)));
    // Rounded up, so that it does not wake before its time.
    let time = PollTimeout::try_from(time + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX);
    let _ = poll(&mut sources, time);
}
