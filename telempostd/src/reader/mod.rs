//! What is read of a spool file.

pub(crate) mod record_server;
