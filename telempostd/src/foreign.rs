//! What is read of files that any user of this machine may have put there: the configuration of a record (`CFG:`) and the
//! certificates that it names. telemprobd has judged the first, but it may have been replaced since, so that both are read
//! anew at each use, by a process that may hang in the daemon's place.

use crate::queue::FileName;
use std::path::PathBuf;
use telemetry_runtime::foreign_files::{Answer, ForeignFiles};

/// What a file is read for.
#[derive(Clone, Debug)]
pub(crate) enum Purpose {
    /// The configuration that records of a spool file name.
    Configuration {
        /// The spool file.
        file: FileName,
        /// The configuration.
        path: PathBuf,
    },
    /// Certificates for the request of this tag.
    Certificates(u64),
}

/// Reads such files.
pub(crate) type Files = ForeignFiles<Purpose>;

/// One that was read, or will not be.
pub(crate) type Read = Answer<Purpose>;
