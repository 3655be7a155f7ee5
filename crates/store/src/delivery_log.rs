//! The list of records that left the spool, and the payloads kept beside it.
//!
//! `LOG_DIR/journal` has a line an entry, its fields separated by the byte 0x1E:
//!
//! ```text
//! RECORD_ID RS UNIX_SECONDS RS CLASSIFICATION RS EVENT_ID RS BOOT_ID \n
//! ```
//!
//! With retention on, `LOG_DIR/records/RECORD_ID` holds the payload and a newline.

use crate::limits::{DELIVERY_LOG_FILE_BYTES, DELIVERY_LOG_KEPT, DELIVERY_LOG_PRUNE_PAST};
use crate::spool::name::is_unfinished;
use std::fmt;
use std::fs::{DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use telemetry_files::replace::{remove, replace};
use telemetry_files::{
    Attributes, Durability, bounded_file, names_in, open_directory_below, open_to_append, replace_path,
};

/// Permissions of the log and of the payloads: administrators in the daemons' group may read them.
const MODE: u32 = 0o640;

/// The directory of the kept payloads.
const RECORDS_DIR: &str = "records";

const SEPARATOR: char = '\u{1e}';

/// A record that left the spool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryEntry {
    /// 32 hex digits; also the idempotency key under which the server got it.
    pub record_id: String,
    /// When it left, in seconds since the epoch.
    pub unix_secs: i64,
    /// Its classification.
    pub classification: String,
    /// Its event id.
    pub event_id: String,
    /// The boot that it left in.
    pub boot_id: String,
}

impl DeliveryEntry {
    /// Reads a line; none if it is no entry.
    pub fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split(SEPARATOR).map(str::to_owned);
        let entry = Self {
            record_id: fields.next()?,
            unix_secs: fields.next()?.trim().parse().ok()?,
            classification: fields.next()?,
            event_id: fields.next()?,
            boot_id: fields.next()?,
        };
        // The id names a file below: no path may come of it.
        let plain = entry.record_id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (plain && !entry.record_id.is_empty() && fields.next().is_none()).then_some(entry)
    }
}

impl fmt::Display for DeliveryEntry {
    /// The line, without its newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { record_id, unix_secs, classification, event_id, boot_id } = self;
        let rs = SEPARATOR;
        write!(f, "{record_id}{rs}{unix_secs}{rs}{classification}{rs}{event_id}{rs}{boot_id}")
    }
}

/// The delivery log of one `log_dir`.
#[derive(Clone, Debug)]
pub struct DeliveryLog {
    log_dir: PathBuf,
    file: PathBuf,
}

impl DeliveryLog {
    /// The log in `log_dir`. Nothing is opened or made yet.
    pub fn new(log_dir: &Path) -> Self {
        Self { log_dir: log_dir.to_owned(), file: log_dir.join("journal") }
    }

    /// All entries, oldest first. Lines that are no entries are passed over; no file is no entries.
    ///
    /// # Errors
    /// The file cannot be read, or is larger than it can be.
    pub fn entries(&self) -> io::Result<Vec<DeliveryEntry>> {
        let file = match bounded_file::open_regular_nofollow(&self.file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            file => file?,
        };
        let bytes = bounded_file::read_all(&file, DELIVERY_LOG_FILE_BYTES)?;
        Ok(String::from_utf8_lossy(&bytes).lines().filter_map(DeliveryEntry::parse).collect())
    }

    /// The kept payload of an entry, as it lies in the file; none if none was kept.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn kept_payload(&self, entry: &DeliveryEntry) -> io::Result<Option<Vec<u8>>> {
        let below = Path::new(RECORDS_DIR).join(&entry.record_id);
        match bounded_file::open_regular_below(&self.log_dir, &below) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            file => bounded_file::read_all(&file?, DELIVERY_LOG_FILE_BYTES).map(Some),
        }
    }

    /// Keeps a payload beside the log.
    ///
    /// # Errors
    /// As the system says.
    pub fn keep_payload(&self, record_id: &str, payload: &str) -> io::Result<()> {
        let directory = match self.records_dir()? {
            Some(directory) => directory,
            None => {
                DirBuilder::new().recursive(true).mode(0o750).create(self.log_dir.join(RECORDS_DIR))?;
                self.records_dir()?.ok_or(io::ErrorKind::NotFound)?
            }
        };
        let bytes = format!("{payload}\n");
        replace(directory, record_id, bytes.as_bytes(), Attributes::new(MODE), Durability::Atomic).map(drop)
    }

    /// The directory of the kept payloads; none if there is none. A link of that name is not followed.
    fn records_dir(&self) -> io::Result<Option<File>> {
        match open_directory_below(&self.log_dir, Path::new(RECORDS_DIR)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            directory => directory.map(Some),
        }
    }

    /// Appends entries in one write. They are not synced: a power cut may take the latest, as telempostd(1) says.
    ///
    /// # Errors
    /// As the system says.
    pub fn append(&self, entries: &[DeliveryEntry]) -> io::Result<()> {
        let text: String = entries.iter().map(|entry| format!("{entry}\n")).collect();
        open_to_append(&self.file, MODE)?.write_all(text.as_bytes())
    }

    /// Once more than 150 entries are there, keeps the newest 100 and their payloads. Returns how many
    /// entries are there afterwards.
    ///
    /// # Errors
    /// As the system says; the log is then whole, pruned or not.
    pub fn prune(&self) -> io::Result<usize> {
        let entries = match self.entries() {
            // Past any size that it has when it is kept well: begin anew rather than never again.
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Vec::new(),
            Ok(entries) if entries.len() <= DELIVERY_LOG_PRUNE_PAST => return Ok(entries.len()),
            entries => entries?,
        };
        let (old, kept) = entries.split_at(entries.len().saturating_sub(DELIVERY_LOG_KEPT));
        let text: String = kept.iter().map(|entry| format!("{entry}\n")).collect();
        replace_path(&self.file, text.as_bytes(), Attributes::new(MODE), Durability::Atomic)?;
        if let Some(directory) = self.records_dir()? {
            // Whoever wrote the log may have written anything there.
            let mut names = old.iter().map(|entry| &entry.record_id).filter(|name| !name.contains('/'));
            names.try_for_each(|name| remove(&directory, name))?;
            sweep_unfinished(&directory)?;
        }
        Ok(kept.len())
    }
}

/// Removes payloads that a killed process left unfinished: no entry leads to them.
fn sweep_unfinished(directory: &File) -> io::Result<()> {
    for name in names_in(directory)?.iter().filter(|name| is_unfinished(name)) {
        remove(directory, name)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn entry(n: usize) -> DeliveryEntry {
        DeliveryEntry {
            record_id: format!("{n:032x}"),
            unix_secs: 1_522_691_281 + n as i64,
            classification: "org.clearlinux/hello/world".to_owned(),
            event_id: "5de9de8d5f3c6a7d445d75ba01cc3322".to_owned(),
            boot_id: "60c014cd-4693-40f1-b334-548cd932949b".to_owned(),
        }
    }

    #[test]
    fn a_line_is_that_of_the_contract() {
        let line = "000000000000000000000000000000ff\u{1e}1522691536\u{1e}org.clearlinux/hello/world\
                    \u{1e}5de9de8d5f3c6a7d445d75ba01cc3322\u{1e}60c014cd-4693-40f1-b334-548cd932949b";
        assert_eq!(entry(255).to_string(), line);
        assert_eq!(DeliveryEntry::parse(line), Some(entry(255)));
    }

    #[test]
    fn what_is_no_entry_is_passed_over() {
        for line in [
            "",
            "a",
            "a\u{1e}1\u{1e}c\u{1e}e",
            "a\u{1e}x\u{1e}c\u{1e}e\u{1e}b",
            "../x\u{1e}1\u{1e}c\u{1e}e\u{1e}b",
        ] {
            assert_eq!(DeliveryEntry::parse(line), None, "{line:?}");
        }
        let dir = tempfile::tempdir().unwrap();
        let log = DeliveryLog::new(dir.path());
        assert_eq!(log.entries().unwrap(), []);
        fs::write(dir.path().join("journal"), format!("noise \u{fffd}\n{}\n\n", entry(1))).unwrap();
        assert_eq!(log.entries().unwrap(), [entry(1)]);
    }

    #[test]
    fn pruning_starts_past_150_and_keeps_100_with_their_payloads() {
        let dir = tempfile::tempdir().unwrap();
        let log = DeliveryLog::new(dir.path());
        let entries: Vec<_> = (0..150).map(entry).collect();
        log.append(&entries).unwrap();
        for entry in &entries {
            log.keep_payload(&entry.record_id, "p").unwrap();
        }
        assert_eq!(log.prune().unwrap(), 150);
        // Of a telempostd that was killed.
        fs::write(dir.path().join("records/.new-7"), "half").unwrap();
        log.append(&[entry(150)]).unwrap();
        assert_eq!(log.prune().unwrap(), 100);
        let kept = log.entries().unwrap();
        assert_eq!((&kept[0], &kept[99]), (&entry(51), &entry(150)));
        assert_eq!(log.kept_payload(&entry(50)).unwrap(), None);
        assert_eq!(log.kept_payload(&entry(51)).unwrap().unwrap(), b"p\n");
        assert_eq!(fs::read_dir(dir.path().join("records")).unwrap().count(), 99);
    }

    #[test]
    fn nothing_is_read_written_or_removed_through_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (log_dir, elsewhere) = (dir.path().join("log"), dir.path().join("elsewhere"));
        fs::create_dir(&log_dir).unwrap();
        fs::create_dir(&elsewhere).unwrap();
        let log = DeliveryLog::new(&log_dir);
        let first = entry(1);
        fs::write(elsewhere.join(&first.record_id), "secret").unwrap();
        std::os::unix::fs::symlink(&elsewhere, log_dir.join(RECORDS_DIR)).unwrap();
        assert!(log.kept_payload(&first).is_err());
        assert!(log.keep_payload("new", "x").is_err());
        let entries: Vec<_> = (0..=DELIVERY_LOG_PRUNE_PAST).map(entry).collect();
        log.append(&entries).unwrap();
        assert!(log.prune().is_err());
        assert_eq!(fs::read_to_string(elsewhere.join(&first.record_id)).unwrap(), "secret");
        assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 1);
        // Of the file itself, and by a name that leads elsewhere.
        fs::remove_file(log_dir.join(RECORDS_DIR)).unwrap();
        fs::remove_file(log_dir.join("journal")).unwrap();
        fs::create_dir(log_dir.join(RECORDS_DIR)).unwrap();
        let outside = DeliveryEntry { record_id: format!("../../elsewhere/{}", first.record_id), ..entry(0) };
        assert!(log.kept_payload(&outside).is_err());
        log.append(&[outside]).unwrap();
        log.append(&entries).unwrap();
        log.prune().unwrap();
        assert!(elsewhere.join(&first.record_id).exists());
        fs::rename(log_dir.join("journal"), elsewhere.join("journal")).unwrap();
        std::os::unix::fs::symlink(elsewhere.join("journal"), log_dir.join("journal")).unwrap();
        assert!(log.entries().is_err());
    }
}
