//! A record on its way: what crosses the socket and waits in the spool.

use crate::header::HeaderBlock;
use std::path::PathBuf;

/// A record with the configuration file that its sender named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The configuration file whose server this record goes to; none means the system's.
    pub config: Option<PathBuf>,
    /// The header lines.
    pub headers: HeaderBlock,
    /// The payload; empty when the sender set none.
    pub payload: String,
}
