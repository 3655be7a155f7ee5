//! sd-journal(3): the only place that knows libsystemd. What comes out of it are plain values.
#![allow(unsafe_code)]

use super::limits::FIELD_BYTES;
use super::position::{Start, is_same_entry};
use std::os::fd::BorrowedFd;
use std::path::Path;
use systemd::journal::{Journal, JournalWaitResult, OpenDirectoryOptions, OpenFilesOptions, OpenOptions};
use systemd::{Error, Result};
use telemetry_journal::entry::Entry;

/// Which entries are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filter {
    /// Those of this boot, 32 hexadecimal digits.
    pub(super) boot: String,
    /// Besides exits of processes, all that were logged as errors.
    pub(super) all_errors: bool,
}

/// The journal from a position on.
pub(super) struct Reader {
    journal: Journal,
    /// The entry after which reading began, until the next one is there.
    after: Option<String>,
}

impl Reader {
    /// Opens the journal files of this directory, or the system's.
    pub(super) fn open(directory: Option<&Path>, filter: &Filter) -> Result<Self> {
        let mut journal = match directory {
            Some(directory) => {
                OpenDirectoryOptions::default().open_directory(directory.as_os_str().as_encoded_bytes())?
            }
            None => OpenOptions::default().open()?,
        };
        // Begins to watch the files, before any is read.
        journal.fd()?;
        journal.set_data_threshold(FIELD_BYTES)?;
        select(&mut journal, filter)?;
        Ok(Self { journal, after: None })
    }

    /// Goes to where reading begins. Returns the cursor of the entry before it, where it is known.
    pub(super) fn seek(&mut self, start: Start<'_>) -> Result<Option<String>> {
        self.after = None;
        match start {
            Start::Head => self.journal.seek_head()?,
            Start::After(cursor) => {
                self.journal.seek_cursor(cursor)?;
                self.after = Some(cursor.to_owned());
            }
            Start::Tail => {
                self.journal.seek_tail()?;
                if self.journal.previous()? == 0 {
                    // From an empty tail there is no way on.
                    self.journal.seek_head()?;
                } else {
                    self.after = Some(self.journal.cursor()?);
                }
            }
        }
        Ok(self.after.clone())
    }

    /// The next entry, if there is one by now.
    pub(super) fn next(&mut self) -> Result<Option<Entry>> {
        while self.journal.next()? > 0 {
            // An entry that cannot be read is one of a damaged file, which says so elsewhere.
            let Ok(cursor) = self.journal.cursor() else { continue };
            // Where the entry is gone, the next one stands in its position.
            if self.after.take().is_some_and(|after| is_same_entry(&after, &cursor)) {
                continue;
            }
            let Ok(realtime_us) = self.journal.timestamp_usec() else { continue };
            return Ok(Some(Entry::read(cursor, realtime_us, |name| field(&mut self.journal, name))));
        }
        Ok(None)
    }

    /// Takes what happened to the files. Whether there are others now.
    pub(super) fn process(&mut self) -> Result<bool> {
        Ok(matches!(self.journal.process()?, JournalWaitResult::Invalidate))
    }

    /// Readable when something happened to the files. Those on a file system of another machine are not watched.
    pub(super) fn fd(&self) -> Result<BorrowedFd<'_>> {
        let fd = self.journal.fd()?;
        // SAFETY: the descriptor is the journal's, which keeps it open as long as it lives, and so as long as `self` is
        // borrowed; it is not -1, since that is returned as an error.
        Ok(unsafe { BorrowedFd::borrow_raw(fd) })
    }

    /// Size of the files that are read, in bytes. libsystemd leaves out a file in which it meets damage, in silence: then
    /// this becomes less.
    pub(super) fn usage_bytes(&self) -> Result<u64> {
        self.journal.usage()
    }
}

/// Whether a file can be opened.
pub(super) fn try_open(file: &Path) -> Result<()> {
    open_file(file).map(|_| ())
}

/// Whether the entries of a file can be read to the last.
pub(super) fn try_read(file: &Path, filter: &Filter) -> Result<()> {
    let mut journal = open_file(file)?;
    select(&mut journal, filter)?;
    journal.seek_head()?;
    while journal.next()? > 0 {}
    match journal.usage()? {
        0 => Err(Error::from_raw_os_error(libc::EBADMSG)),
        _ => Ok(()),
    }
}

fn open_file(file: &Path) -> Result<Journal> {
    OpenFilesOptions::default().open_files([file.as_os_str().as_encoded_bytes()])
}

/// Matches of one field are alternatives, those of different fields have to be met together.
fn select(journal: &mut Journal, filter: &Filter) -> Result<()> {
    let boot = filter.boot.as_str();
    journal.match_add("_BOOT_ID", boot)?.match_add("EXIT_CODE", "exited")?;
    if filter.all_errors {
        journal.match_or()?.match_add("_BOOT_ID", boot)?;
        for priority in ["0", "1", "2", "3"] {
            journal.match_add("PRIORITY", priority)?;
        }
    }
    Ok(())
}

/// The beginning of a field, if the entry has it and it can be read.
fn field(journal: &mut Journal, name: &str) -> Option<Vec<u8>> {
    let field = journal.get_data(name).ok()??;
    let value = field.value()?;
    Some(value.get(..FIELD_BYTES).unwrap_or(value).to_vec())
}
