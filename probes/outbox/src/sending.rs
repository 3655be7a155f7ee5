//! Sending for a command: one error that a person can act on.

use std::io;
use std::path::{Path, PathBuf};
use telemetry::{Client, Error, Record};

/// A client of the configuration that was named, or of the system's. A relative path counts from the
/// working directory.
///
/// # Errors
/// As [`Client::with_config_file`] and [`Client::new`].
pub fn client(config_file: Option<&Path>) -> Result<Client, Error> {
    match config_file {
        Some(path) => Client::with_config_file(&absolute(path)),
        None => Client::new(),
    }
}

/// The path from the root on, whatever the working directory will be.
pub fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Sends a record; the error says what to do where something can be done.
///
/// # Errors
/// The text for stderr.
pub fn send(client: &Client, record: &Record) -> Result<(), String> {
    client.send(record).map_err(|error| match &error {
        Error::Socket { source, .. } if is_away(source) => {
            format!("{error}; is it running? `telemctl start` starts it")
        }
        _ => error.to_string(),
    })
}

fn is_away(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}
