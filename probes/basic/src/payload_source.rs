//! A payload from a file or from standard input: bounded, and cut between characters.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use telemetry_record::limits::PAYLOAD_BYTES;
use telemetry_record::payload;

/// Why there is no payload.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// The source cannot be read.
    #[error("{source_name}: {error}")]
    Read {
        /// The file, or `standard input`.
        source_name: String,
        /// What the system said.
        error: io::Error,
    },
    /// The source is no text.
    #[error("{0}: a payload is UTF-8 text")]
    NoText(String),
}

/// Where a payload comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PayloadSource {
    /// Given as it is.
    Text(String),
    /// The head of this file.
    File(PathBuf),
    /// What comes on standard input.
    Stdin,
}

impl PayloadSource {
    /// Reads the payload. No more is read than a record takes; the rest of a pipe is not waited for.
    ///
    /// # Errors
    /// [`PayloadError`].
    pub fn read(&self) -> Result<String, PayloadError> {
        match self {
            PayloadSource::Text(text) => Ok(text.clone()),
            PayloadSource::File(path) => read_file(path),
            PayloadSource::Stdin => read_head("standard input", io::stdin().lock()),
        }
    }
}

fn read_file(path: &Path) -> Result<String, PayloadError> {
    let source_name = path.display().to_string();
    match File::open(path) {
        Ok(file) => read_head(&source_name, file),
        Err(error) => Err(PayloadError::Read { source_name, error }),
    }
}

fn read_head(source_name: &str, source: impl Read) -> Result<String, PayloadError> {
    let mut bytes = Vec::new();
    source
        .take(PAYLOAD_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| PayloadError::Read { source_name: source_name.to_owned(), error })?;
    payload::head(&bytes).map(str::to_owned).ok_or_else(|| PayloadError::NoText(source_name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_up_to_the_limit_and_between_characters() {
        assert_eq!(read_head("x", "hello\n".as_bytes()).unwrap(), "hello\n");
        assert_eq!(read_head("x", "a".repeat(10_000).as_bytes()).unwrap().len(), PAYLOAD_BYTES);
        let shifted = format!("a{}", "é".repeat(5_000));
        assert_eq!(read_head("x", shifted.as_bytes()).unwrap().len(), PAYLOAD_BYTES - 1);
        assert_eq!(read_head("x", io::repeat(b'y')).unwrap().len(), PAYLOAD_BYTES);
    }

    #[test]
    fn what_is_no_text_is_refused() {
        assert!(matches!(read_head("x", [0xff, 0xfe].as_slice()), Err(PayloadError::NoText(_))));
        assert!(matches!(read_head("x", [b'a', 0xc3].as_slice()), Err(PayloadError::NoText(_))));
        assert!(matches!(read_file(Path::new("/nonexistent")), Err(PayloadError::Read { .. })));
    }
}
