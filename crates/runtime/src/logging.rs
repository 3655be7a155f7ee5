//! Log lines to stderr: with systemd's priority prefix where its journal reads them, with the program's
//! name otherwise. One line an event, never a payload.
//!
//! A line with values (`log::warn!(event_id = id; "...")`) goes to the journal by its native protocol, each value as a
//! field (`TELEMETRY_EVENT_ID=...`), so that programs need not take the text apart. Lines without any stay with stderr:
//! of those, the journal knows the unit even when the process has ended before the line is read.

use crate::native_journal::{self, Entry, NativeJournal, one_line};
use log::kv::{Key, Value, VisitSource};
use log::{Level, LevelFilter, Log, Metadata, Record};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

struct Logger {
    program: String,
    journal_reads: bool,
    native: Option<NativeJournal>,
}

/// Sends what the `log` macros of this process log, from `info` up, to stderr or to the journal that reads it. A second
/// call changes nothing.
pub fn init(program: &str) {
    let journal_reads = journal_reads_stderr();
    let native = journal_reads.then(|| NativeJournal::connect(Path::new(native_journal::SOCKET)));
    let logger = Logger { program: program.to_owned(), journal_reads, native: native.and_then(Result::ok) };
    if log::set_boxed_logger(Box::new(logger)).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let text = record.args().to_string();
        if self.is_taken_with_fields(record, &text) {
            return;
        }
        // One event is one line, whatever foreign text it quotes.
        let text = one_line(&text);
        let line = if self.journal_reads {
            format!("<{}>{text}\n", syslog_priority(record.level()))
        } else {
            format!("{}: {text}\n", self.program)
        };
        // Nothing can be done about a closed stderr, and a daemon goes on without it.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }

    fn flush(&self) {}
}

impl Logger {
    fn is_taken_with_fields(&self, record: &Record<'_>, message: &str) -> bool {
        let Some(journal) = &self.native else { return false };
        let fields = fields(record);
        if fields.is_empty() {
            return false;
        }
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let priority = syslog_priority(record.level());
        journal.send(&Entry { priority, identifier: &self.program, message, fields: &fields }).is_ok()
    }
}

/// The values of a line, by the names of their fields.
fn fields(record: &Record<'_>) -> Vec<(String, String)> {
    struct Fields(Vec<(String, String)>);
    impl<'kvs> VisitSource<'kvs> for Fields {
        fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), log::kv::Error> {
            self.0.push((format!("TELEMETRY_{}", key.as_str().to_ascii_uppercase()), value.to_string()));
            Ok(())
        }
    }
    let mut fields = Fields(Vec::new());
    // Our values are simple ones, whose visit cannot fail.
    let _ = record.key_values().visit(&mut fields);
    fields.0
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
/// redirected afterwards.
fn journal_reads_stderr() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    std::fs::metadata("/proc/self/fd/2")
        .is_ok_and(|stderr| stream == format!("{}:{}", stderr.dev(), stderr.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixDatagram;

    fn with_journal(path: &Path) -> Logger {
        let native = Some(NativeJournal::connect(path).unwrap());
        Logger { program: "telempostd".to_owned(), journal_reads: true, native }
    }

    #[test]
    fn values_become_fields_and_lines_without_any_stay_with_stderr() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let journal = UnixDatagram::bind(&path).unwrap();
        let logger = with_journal(&path);
        let values = [("event_id", Value::from("ab")), ("status", Value::from(400))];
        let line = Record::builder()
            .level(Level::Warn)
            .args(format_args!("record ab is refused"))
            .key_values(&values)
            .build();
        assert!(logger.is_taken_with_fields(&line, "record ab is refused"));
        let mut bytes = [0; 1000];
        let length = journal.recv(&mut bytes).unwrap();
        let expected = "MESSAGE=record ab is refused\nPRIORITY=4\nSYSLOG_IDENTIFIER=telempostd\n\
                        TELEMETRY_EVENT_ID=ab\nTELEMETRY_STATUS=400\n";
        assert_eq!(std::str::from_utf8(&bytes[..length]).unwrap(), expected);
        assert!(!logger.is_taken_with_fields(&Record::builder().build(), "x"));
        drop(journal);
        assert!(!logger.is_taken_with_fields(&line, "a journal that is gone"));
    }
}
