//! The spool: records between telemprobd, which stores them, and telempostd, which delivers them.
//! [`mod@file`] is the format of a file, [`SpoolDir`] the directory and its promises.

mod directory;
pub mod file;

pub use directory::{DAMAGED_DIR, REJECTED_DIR, SpoolDir, SpoolEntry, StoredFile};
pub use file::{StoredRecord, sender_of};
