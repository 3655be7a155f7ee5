//! Names in the spool, and what they say. They are taken apart here and nowhere else.
//!
//! ```text
//! ID.USER       a record or a batch of ours: 32 hex digits, and the user id of the sender
//! ID            a record that is to be sent again after it was rejected, where nobody knows who sent it
//! aB3xY9        any other name: a record of the C daemons, or one that somebody moved here
//! .seg-ID       an open segment (`segment.rs`): records of one user that are answered, or none yet; once it is closed it is
//!               called ID.USER
//! .new-NAME     not finished, and never answered; what a killed process left is swept
//! .damaged      a directory of files that gave no record
//! .rejected     a directory of records that a server rejected
//! .copy         a directory of records that only a copy has still to get (`copies`)
//! .DAEMON.lock  the lock of the daemon that works here (`lock.rs`)
//! .clock        the time in which records age (`steady_clock`)
//! .ANYTHING     no record
//! ```

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use telemetry_files::replace::ASIDE_PREFIX;
use telemetry_record::hex_id::HexId;

/// Where files that give no record are moved.
pub const DAMAGED_DIR: &str = ".damaged";

/// Where records go that the server rejected.
pub const REJECTED_DIR: &str = ".rejected";

/// Where records wait that only a copy has still to get.
pub const COPY_DIR: &str = ".copy";

/// Beginning of the names of open segments.
const SEGMENT_PREFIX: &str = ".seg-";

/// What an open segment of this id is called.
pub(super) fn segment_name(id: HexId) -> String {
    format!("{SEGMENT_PREFIX}{id}")
}

/// The id of the open segment of this name; none if it is not one's.
pub(super) fn segment_id(name: &OsStr) -> Option<HexId> {
    name.to_str()?.strip_prefix(SEGMENT_PREFIX)?.parse().ok()
}

/// Whether this is the name of an open segment.
pub fn is_segment(name: &OsStr) -> bool {
    segment_id(name).is_some()
}

/// The file of the time in which records age.
pub const CLOCK_FILE: &str = ".clock";

/// Whether this is no name of a file that telempostd takes: one that is not finished or closed, or state of the spool's own.
pub fn is_hidden(name: &OsStr) -> bool {
    name.as_bytes().starts_with(b".")
}

/// Whether this is the name of a file that is being written, or was when its writer was killed.
pub fn is_unfinished(name: &OsStr) -> bool {
    name.as_bytes().starts_with(ASIDE_PREFIX.as_bytes())
}

/// The user id of the sender of a file's records; none where the name does not say.
pub fn sender_of(name: &OsStr) -> Option<u32> {
    FileName::parse(name)?.sender
}

/// A name of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileName {
    /// The id of the file, and of its record where it holds one in the plain form.
    pub id: HexId,
    /// Who sent what is in it, a user id; none where that is not known.
    pub sender: Option<u32>,
}

impl FileName {
    /// Takes a name apart; none if it is not one of ours.
    pub fn parse(name: &OsStr) -> Option<Self> {
        let name = name.to_str()?;
        match name.split_once('.') {
            Some((id, sender)) => Some(Self { id: id.parse().ok()?, sender: Some(sender.parse().ok()?) }),
            None => Some(Self { id: name.parse().ok()?, sender: None }),
        }
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sender {
            Some(sender) => write!(f, "{}.{sender}", self.id),
            None => self.id.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0de9de8d5f3c6a7d445d75ba01cc3322";

    fn parse(name: &str) -> Option<FileName> {
        FileName::parse(OsStr::new(name))
    }

    #[test]
    fn our_names_are_written_and_parsed_alike() {
        for sender in [None, Some(0), Some(1000), Some(u32::MAX)] {
            let name = FileName { id: ID.parse().unwrap(), sender };
            assert_eq!(parse(&name.to_string()), Some(name));
            assert_eq!(sender_of(OsStr::new(&name.to_string())), sender);
        }
        assert_eq!(parse(&format!("{ID}.1000")).unwrap().to_string(), format!("{ID}.1000"));
    }

    #[test]
    fn other_names_say_nothing() {
        for name in ["", "aB3xY9", "aB3xY9.5", ".", &format!("{ID}.x"), &format!("{ID}."), &format!(".{ID}")]
        {
            assert_eq!(parse(name), None, "{name}");
        }
        for name in [&format!("{ID}.-1"), &format!("{ID}.1.2"), &format!("{ID}.4294967296")] {
            assert_eq!(parse(name), None, "{name}");
        }
        assert_eq!(FileName::parse(OsStr::from_bytes(b"\xff")), None);
    }

    #[test]
    fn what_begins_with_a_dot_is_no_record() {
        for name in [".new-x", ".seg-x", DAMAGED_DIR, REJECTED_DIR, COPY_DIR, ".", ".x"] {
            assert!(is_hidden(OsStr::new(name)), "{name}");
        }
        for name in [ID, "aB3xY9", "x.", ""] {
            assert!(!is_hidden(OsStr::new(name)), "{name}");
        }
        let segment = segment_name(ID.parse().unwrap());
        assert!(is_segment(OsStr::new(&segment)) && is_hidden(OsStr::new(&segment)));
        assert_eq!(segment_id(OsStr::new(&segment)), Some(ID.parse().unwrap()));
        assert!(!is_segment(OsStr::new(".seg-x")) && !is_segment(OsStr::new(ID)));
        assert!(is_unfinished(OsStr::new(".new-x")) && !is_unfinished(OsStr::new(".newx")));
    }
}
