//! What is reported of a crash in the system journal.

use super::crash::Crash;
use crate::system_journal::{Event, LogPaths, Priority, SystemJournal};

/// The journal, and the crash that is reported there.
pub(super) struct CrashLog {
    journal: SystemJournal,
    executable: String,
    pid: Option<i32>,
    signal: Option<i32>,
}

impl CrashLog {
    /// Opens the journal while there are rights to do so.
    pub(super) fn new(crash: &Crash) -> Self {
        Self {
            journal: SystemJournal::open(&LogPaths::default()),
            executable: crash.label().to_owned(),
            pid: crash.pid,
            signal: crash.signal,
        }
    }

    /// The crash, as a sentence begins.
    pub(super) fn subject(&self) -> String {
        let name = if self.executable.is_empty() { "a program" } else { &self.executable };
        match self.pid {
            Some(pid) => format!("the crash of {name} (pid {pid})"),
            None => format!("the crash of {name}"),
        }
    }

    /// Reports something about the crash.
    pub(super) fn report(&self, priority: Priority, message: &str) {
        let number = |number: Option<i32>| number.map(|number| number.to_string()).unwrap_or_default();
        let (pid, signal) = (number(self.pid), number(self.signal));
        let fields = [
            ("TELEMETRY_EXECUTABLE", self.executable.as_str()),
            ("TELEMETRY_PID", &pid),
            ("TELEMETRY_SIGNAL", &signal),
        ];
        let known: Vec<_> = fields.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        self.journal.log(&Event { priority, message, fields: &known });
    }
}
