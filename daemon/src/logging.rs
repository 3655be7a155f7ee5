//! Log lines to stderr: with systemd's priority prefix where its journal reads them, with the program's
//! name otherwise. One line an event, never a payload.

use log::{Level, LevelFilter, Log, Metadata, Record};
use std::io::Write;
use std::os::unix::fs::MetadataExt;

struct StderrLogger {
    program: String,
    journal_reads: bool,
}

/// Sends the `log` macros of this process to stderr, from `info` up. A second call changes nothing.
pub fn init(program: &str) {
    let logger = StderrLogger { program: program.to_owned(), journal_reads: journal_reads_stderr() };
    if log::set_boxed_logger(Box::new(logger)).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
}

impl Log for StderrLogger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        // A line is one line, whatever text of others is in it.
        let text = record.args().to_string().replace(char::is_control, " ");
        let line = if self.journal_reads {
            format!("<{}>{text}\n", syslog_priority(record.level()))
        } else {
            format!("{}: {text}\n", self.program)
        };
        // Nothing can be done about a stderr that is gone, and a daemon goes on without it.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }

    fn flush(&self) {}
}

/// The priorities of sd-daemon(3).
fn syslog_priority(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}

/// Whether stderr is the stream that `JOURNAL_STREAM` names (systemd.exec(5)), and not one that was
/// redirected since.
fn journal_reads_stderr() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    std::fs::metadata("/proc/self/fd/2")
        .is_ok_and(|stderr| stream == format!("{}:{}", stderr.dev(), stderr.ino()))
}
