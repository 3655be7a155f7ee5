//! The spool: records between telemprobd, which stores them, and telempostd, which delivers them.
//!
//! [`name`] says what a name means, [`mod@file`] what is in a file. [`SpoolDir`] is the directory to whoever may read it,
//! [`Writer`] to telemprobd, with a [`Segment`] for records that follow each other closely, [`Reader`] to telempostd.
//! [`Census`] counts what waits. [`recovery`] closes segments whose writer is gone. [`mod@split`] is the way back to the C client, and [`mod@copies`] what one
//! of the servers has still to get.

mod batch;
mod census;
pub mod copies;
mod directory;
pub mod file;
mod lock;
pub mod name;
mod reader;
pub mod recovery;
mod segment;
pub mod split;
mod writer;

pub use census::Census;
pub use copies::CopyFolder;
pub use directory::{SpoolDir, SpoolEntry};
pub use file::StoredRecord;
pub use lock::{Daemon, SpoolLock, SpoolLockError};
pub use name::{COPY_DIR, DAMAGED_DIR, REJECTED_DIR, sender_of};
pub use reader::Reader;
pub use segment::Segment;
pub use telemetry_files::Durability;
pub use writer::{StoredFile, Writer};

#[cfg(test)]
mod tests;
