//! Spool files whose records name configurations of their own: each waits until those were read, and is then read again.
//!
//! ```text
//!                 asked for              all answered          read again
//!   (unknown) ───────────────▶ Asked ──────────────────▶ Due ───────────▶ (unknown)
//!                                         at once, or in a minute where a file system does not answer
//! ```

use super::record_server::{RecordServer, resolve};
use crate::foreign::{Files, Purpose};
use crate::queue::{FileName, Position};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Instant;
use telemetry_config::limits::CONFIG_FILE_BYTES;
use telemetry_runtime::foreign_files::{FileError, ForeignFile};

/// The bound of a configuration, as it is passed to who reads it.
const CONFIG_BYTES: u32 = CONFIG_FILE_BYTES as u32;

const _: () = assert!(CONFIG_BYTES as u64 == CONFIG_FILE_BYTES);

/// A spool file that waits.
#[derive(Debug)]
struct Waiting {
    modified_ns: i64,
    sender: Option<u32>,
    /// Whose file helper reads for it.
    reader: u32,
    /// Configurations that were asked for and not answered.
    asked: HashSet<PathBuf>,
    /// When it is due; not before those are answered.
    due: Instant,
    known: HashMap<PathBuf, RecordServer>,
}

/// The spool files that wait for configurations.
#[derive(Debug, Default)]
pub(super) struct Configurations {
    waiting: HashMap<FileName, Waiting>,
    due: BTreeSet<(Instant, FileName)>,
}

/// What is known of the configurations that the records of a file name, which is being read.
#[derive(Debug)]
pub(super) enum Known {
    /// Nothing before its time has come.
    NotDue,
    /// These, and others may be asked for.
    These(HashMap<PathBuf, RecordServer>),
}

impl Configurations {
    /// What is known for a file that is read. It does not wait any more, unless it is not due.
    pub(super) fn begin(&mut self, name: &FileName, now: Instant) -> Known {
        match self.waiting.get(name) {
            Some(waiting) if !waiting.asked.is_empty() || waiting.due > now => return Known::NotDue,
            None => return Known::These(HashMap::new()),
            Some(waiting) => self.due.remove(&(waiting.due, name.clone())),
        };
        Known::These(self.waiting.remove(name).map(|waiting| waiting.known).unwrap_or_default())
    }

    /// Has a configuration read for a record of this file, by the file helper of `reader`; the file waits for it.
    pub(super) fn ask(
        &mut self,
        position: &Position,
        path: &Path,
        sender: Option<u32>,
        reader: u32,
        files: &mut Files,
        now: Instant,
    ) {
        let name = &position.name;
        let new = || Waiting {
            modified_ns: position.modified_ns,
            sender,
            reader,
            asked: HashSet::new(),
            due: now,
            known: HashMap::new(),
        };
        let waiting = self.waiting.entry(name.clone()).or_insert_with(new);
        if waiting.asked.contains(path) {
            return;
        }
        let purpose = Purpose::Configuration { file: name.clone(), path: path.to_owned() };
        match files.ask(reader, path, CONFIG_BYTES, purpose, now) {
            Ok(()) => drop(waiting.asked.insert(path.to_owned())),
            Err(no_answer) => waiting.due = waiting.due.max(no_answer.retry),
        }
    }

    /// Nothing more is asked for in this file.
    pub(super) fn end(&mut self, name: &FileName) {
        if let Some(waiting) = self.waiting.get(name).filter(|waiting| waiting.asked.is_empty()) {
            self.due.insert((waiting.due, name.clone()));
        }
    }

    /// A configuration was read, or will not be. Returns the files that wait because of that: of this user nothing more is
    /// tried for some time.
    pub(super) fn answered(
        &mut self,
        name: &FileName,
        path: PathBuf,
        file: &Result<ForeignFile, FileError>,
        now: Instant,
    ) -> Vec<FileName> {
        let Some(waiting) = self.waiting.get_mut(name) else { return Vec::new() };
        let reader = waiting.reader;
        waiting.asked.remove(&path);
        let read = match file {
            Ok(file) => Some(Ok(file.clone())),
            Err(FileError::Io(error)) => Some(Err(Rc::new(copy(error)))),
            Err(FileError::NoAnswer(no_answer)) => {
                waiting.due = waiting.due.max(no_answer.retry);
                None
            }
        };
        if let Some(read) = read {
            let server = resolve(&path, read, waiting.sender);
            waiting.known.insert(path, server);
        }
        waiting.due = waiting.due.max(now);
        self.end(name);
        if !matches!(file, Err(FileError::NoAnswer(_))) {
            return Vec::new();
        }
        let of_user = self.waiting.iter().filter(|(_, waiting)| waiting.reader == reader);
        of_user.map(|(name, _)| name.clone()).collect()
    }

    /// A file is gone.
    pub(super) fn forget(&mut self, name: &FileName) {
        if let Some(waiting) = self.waiting.remove(name) {
            self.due.remove(&(waiting.due, name.clone()));
        }
    }

    /// The files that are due, each with its time of writing, but those that cannot be read at the moment.
    pub(super) fn due(&self, now: Instant, can_be_read: impl Fn(&FileName) -> bool) -> Vec<(FileName, i64)> {
        let due = self.due.iter().take_while(|(due, _)| *due <= now).map(|(_, name)| name);
        let due = due.filter(|name| can_be_read(name));
        due.filter_map(|name| Some((name.clone(), self.waiting.get(name)?.modified_ns))).collect()
    }

    /// When the next file is due; none if that is now.
    pub(super) fn next_due(&self, now: Instant) -> Option<Instant> {
        self.due.iter().map(|(due, _)| *due).find(|due| *due > now)
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

/// The same error, for each record that it meets.
fn copy(error: &std::io::Error) -> std::io::Error {
    match error.raw_os_error() {
        Some(number) => std::io::Error::from_raw_os_error(number),
        None => std::io::Error::new(error.kind(), error.to_string()),
    }
}
