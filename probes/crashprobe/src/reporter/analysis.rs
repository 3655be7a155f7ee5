//! The part of a crash's way for which the process is held: a slot, the worker, and what its broker does meanwhile.

use super::{Reporter, as_owner};
use crate::broker::{self, WorkerResult};
use crate::core_source;
use crate::deadline::Deadline;
use crate::fcntl;
use crate::limits::SLOTS;
use crate::link::WorkerIo;
use crate::opener::Opener;
use crate::packages;
use crate::process::{CrashedProcess, Target, Unreachable};
use crate::record;
use crate::slots::{Slot, Slots};
use crate::system_journal::Priority;
use crate::users::{self, User};
use crate::worker::{Task, Worker};
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};
use telemetry_crash::privacy::Privacy;
use telemetry_outbox::UnsentRecord;

/// A slot to work in.
enum Room {
    /// A slot; none where no limit is kept.
    Free(Option<Slot>),
    /// All are taken.
    Full,
}

impl Reporter<'_> {
    /// What a worker finds; none if the limit of reports leaves the crash out. Whether it does is asked while the worker is
    /// at work already, unless others have to be waited for first.
    pub(super) fn analysed(&self, work: impl FnOnce(WorkerIo)) -> Result<Option<UnsentRecord>, String> {
        let at_once = Deadline::after(Instant::now(), Duration::ZERO);
        let (result, remarks) = match self.room(at_once) {
            Room::Free(_slot) => {
                let (worker, mut opener) = self.start(work)?;
                let Some(remarks) = self.admitted() else { return Ok(None) };
                (self.served(worker, &mut opener)?, remarks)
            }
            Room::Full => {
                let Some(remarks) = self.admitted() else { return Ok(None) };
                (self.later(work)?, remarks)
            }
        };
        self.log_faults(&result);
        Ok(Some(record::from_result(result, &self.crash, remarks, self.filters)))
    }

    /// Waits for a slot, until the time limit.
    fn later(&self, work: impl FnOnce(WorkerIo)) -> Result<WorkerResult, String> {
        match self.room(self.deadline) {
            Room::Free(_slot) => {
                let (worker, mut opener) = self.start(work)?;
                self.served(worker, &mut opener)
            }
            Room::Full => {
                let _ = core_source::release_stdin();
                let reason = format!("{SLOTS} other crashes were analysed until the time limit.");
                Ok(WorkerResult { report: None, cut_short: Some(reason), other_process: false })
            }
        }
    }

    /// A slot among the handlers of the kernel; without one, should `run_dir` not be there, since a report is worth
    /// more than the limit.
    fn room(&self, deadline: Deadline) -> Room {
        if !self.args.is_of_kernel() {
            return Room::Free(None);
        }
        let run_dir = &self.settings.run_dir;
        match as_owner(User::owner_of(run_dir), || Slots::new(run_dir).take(deadline)) {
            Ok(Some(slot)) => Room::Free(Some(slot)),
            Ok(None) => Room::Full,
            Err(error) => {
                let text = format!("the limit of {SLOTS} handlers is not kept: {error}");
                self.log.report(Priority::Warning, &text);
                Room::Free(None)
            }
        }
    }

    fn start(&self, work: impl FnOnce(WorkerIo)) -> Result<(Worker, Opener), String> {
        let core = core_source::open(self.args.core_file.as_deref())?;
        let root = &self.args.root;
        let is_of_process = self.args.is_of_kernel() && self.args.core_file.is_none();
        let mut process = if is_of_process { self.process() } else { None };
        let memory = process.as_mut().and_then(|process| process.memory.take());
        let opener = if is_of_process {
            Opener::of_process(process, self.user).map_err(|error| format!("/: {error}"))?
        } else {
            let written = core.file().metadata().map_or(i64::MAX, |core| core.mtime());
            Opener::of_core(root, written).map_err(|error| format!("{}: {error}", root.display()))?
        };
        let privacy = if self.filters { Privacy::Filters } else { Privacy::Off };
        let executable = self.crash.executable.clone();
        let task = Task { report: self.crash.report(Vec::new()), executable, privacy, core, process: memory };
        let user = users::is_root().then_some(self.user);
        let worker = Worker::start(task, user, work).map_err(|error| format!("fork: {error}"))?;
        Ok((worker, opener))
    }

    fn served(&self, worker: Worker, opener: &mut Opener) -> Result<WorkerResult, String> {
        let mut result = broker::serve(worker, opener, self.deadline);
        if let Some(report) = &mut result.report {
            // The process is gone by now. Who reads the machine's lists has no need to be root.
            let is_own = |path: &str| opener.has_own(path);
            if users::is_root() {
                let found = users::act_as(self.user, || packages::complete(report, &is_own));
                found.map_err(|error| error.to_string())?;
            } else {
                packages::complete(report, &is_own);
            }
            packages::complete_by_rpm(report, &is_own);
        }
        Ok(result)
    }

    fn process(&self) -> Option<CrashedProcess> {
        let target = Target {
            pid: self.args.pid()?,
            tid: self.args.tid(),
            pidfd: self.args.pidfd().and_then(|number| fcntl::duplicate(number).ok()),
            is_open_to_its_user: self.args.is_open_to_its_user(),
        };
        let unreachable = |error: Unreachable| {
            let text = format!("{error}: {} is read from its core alone", self.log.subject());
            self.log.report(Priority::Warning, &text);
        };
        CrashedProcess::open(&target).map_err(unreachable).ok()
    }

    fn log_faults(&self, result: &WorkerResult) {
        if result.other_process {
            let text = format!("/proc is that of another process than {}", self.log.subject());
            self.log.report(Priority::Warning, &text);
        }
        if let Some(reason) = &result.cut_short {
            let text = format!("the report of {} is not whole: {reason}", self.log.subject());
            self.log.report(Priority::Warning, &text);
        }
    }
}
