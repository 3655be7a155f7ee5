//! One record to telemprobd, and what exactly came back.
//!
//! [`telemetry::Client`] takes an end of file without an answer for success, since the C daemon gave no
//! answers (CONTRACT 3). A telemprobd that is killed leaves the same end of file. Here the two are kept
//! apart: a record is answered when the four bytes are there.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use telemetry::Record;
use telemetry_record::wire;

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 0: it is stored.
    Stored,
    /// A negative errno value.
    Refused(i32),
    /// No daemon, or it ended before it answered.
    None,
}

/// The bytes of a record of this class and payload, without a configuration of its own.
///
/// # Panics
/// It cannot be made.
pub fn message(class: &str, payload: &str) -> Vec<u8> {
    message_for(None, class, payload)
}

/// The same, of a record with this configuration.
///
/// # Panics
/// It cannot be made.
pub fn message_for(config: Option<&Path>, class: &str, payload: &str) -> Vec<u8> {
    let mut record = Record::new(1, class, 1).unwrap();
    record.set_payload(payload).unwrap();
    wire::encode(config, record.headers(), payload).unwrap()
}

/// Sends a message and waits for its answer, longer than a program would.
pub fn exchange(socket: &Path, message: &[u8]) -> Answer {
    answer_of(socket, message).map_or(Answer::None, |answer| match i32::from_ne_bytes(answer) {
        0 => Answer::Stored,
        errno => Answer::Refused(errno),
    })
}

fn answer_of(socket: &Path, message: &[u8]) -> std::io::Result<[u8; 4]> {
    let mut connection = UnixStream::connect(socket)?;
    connection.set_read_timeout(Some(test_harness::DEADLINE))?;
    // One that is refused at once may be closed before all is written; its answer is there all the same.
    let written = connection.write_all(message);
    let mut answer = [0; 4];
    connection.read_exact(&mut answer).or_else(|error| written.and(Err(error)))?;
    Ok(answer)
}
