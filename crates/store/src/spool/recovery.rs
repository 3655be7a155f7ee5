//! Segments whose writer is gone: killed, or its machine was. Whoever comes first closes them: telemprobd when it starts,
//! telempostd at each scan of the spool, `telemctl spool split`.
//!
//! ```text
//! locked                                   its writer lives: nothing is done
//! whole records                            cut behind the last of them, and renamed to ID.USER
//! nothing, zeros, a first record cut short removed: never answered
//! anything else                            set aside in .damaged
//! ```
//!
//! A kill between two of these steps leaves what the next one who comes finishes.

use super::SpoolDir;
use super::directory::is_owned_as_records;
use super::file::{self, Remains};
use super::name::{DAMAGED_DIR, FileName, is_segment, segment_id};
use crate::limits::SPOOL_FILE_BYTES;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, renameat};
use nix::sys::stat::Mode;
use std::ffi::{OsStr, OsString};
use std::fs::{File, TryLockError};
use std::io;
use telemetry_files::bounded_file;
use telemetry_files::replace::remove;

/// What was done with a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// Nothing: its writer lives, or it is gone.
    LeftAlone,
    /// It holds records, and has this name now.
    Closed(OsString),
    /// It held nothing that was ever answered, and is removed.
    Removed,
    /// It holds no record, though it holds something, and was set aside.
    SetAside {
        /// What is wrong with it.
        damage: String,
    },
}

/// Closes a segment if nobody writes it.
///
/// # Errors
/// As the system says; then the next one who comes finds it.
pub fn recover(spool: &SpoolDir, name: &OsStr) -> io::Result<Recovery> {
    let Some(id) = segment_id(name) else { return Ok(Recovery::LeftAlone) };
    let Some(file) = open_abandoned(spool, name)? else { return Ok(Recovery::LeftAlone) };
    let set_aside = |damage: String| {
        let damaged = spool.make_state_dir(DAMAGED_DIR)?;
        renameat(spool, name, &damaged, id.to_string().as_str())?;
        Ok(Recovery::SetAside { damage })
    };
    let metadata = file.metadata()?;
    if metadata.len() > SPOOL_FILE_BYTES {
        return set_aside("larger than any spool file".to_owned());
    }
    match file::remains_of_segment(&bounded_file::read_all(&file, SPOOL_FILE_BYTES)?) {
        Remains::Records { sender, length } => {
            if metadata.len() != length as u64 {
                file.set_len(length as u64)?;
                // It is as old as its last record.
                file.set_modified(metadata.modified()?)?;
            }
            let closed = FileName { id, sender: Some(sender) }.to_string();
            renameat(spool, name, spool, closed.as_str())?;
            Ok(Recovery::Closed(closed.into()))
        }
        Remains::Unfinished => remove(spool, name).map(|()| Recovery::Removed),
        Remains::Damaged(damage) => set_aside(damage.to_string()),
    }
}

/// The segment of this name, locked; none if its writer lives, it is gone, or it is no file of the daemon's user.
fn open_abandoned(spool: &SpoolDir, name: &OsStr) -> io::Result<Option<File>> {
    let flags = OFlag::O_RDWR | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let file = match openat(spool, name, flags, Mode::empty()) {
        Err(Errno::ENOENT | Errno::ELOOP | Errno::EISDIR) => return Ok(None),
        file => File::from(file?),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() || !is_owned_as_records(spool, &metadata)? {
        return Ok(None);
    }
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    // Its writer may have closed it between opening and locking.
    Ok(spool.is_called(name, &file.metadata()?).then_some(file))
}

/// Closes all segments that nobody writes, and reports what was done with each.
///
/// # Errors
/// The directory cannot be read.
pub fn recover_all(spool: &SpoolDir, mut report: impl FnMut(&OsStr, io::Result<Recovery>)) -> io::Result<()> {
    for name in spool.names(is_segment)? {
        report(&name, recover(spool, &name));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
