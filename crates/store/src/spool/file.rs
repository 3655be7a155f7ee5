//! The two forms of a spool file.
//!
//! One record, as the C daemons write it too:
//!
//! ```text
//! [ CFG:PATH\n ]
//! 15 lines NAME: VALUE\n
//! payload
//! \n
//! ```
//!
//! Several records that became ready in one turn of telemprobd's loop, under one sync:
//!
//! ```text
//! #telemetry-records 1\n
//! #record ID LENGTH CHECKSUM\n        32 hex digits, decimal bytes, 16 hex digits
//! LENGTH bytes: a record in the first form
//! #record ...
//! ```
//!
//! The checksum is the head of the SHA-256 of the record's bytes, so that a file that a power cut left
//! half written gives the records that are whole and says which are not.
//!
//! Every record has an id that outlives restarts and retries; it is the idempotency key at the server
//! and the record id in the delivery log. In a batch it stands in the frame. A file of one record that has a name of ours
//! ([`FileName`]) has its id; any other (those of the C daemons) has the head of the SHA-256 of its name and content.

use super::name::{FileName, sender_of};
use crate::limits::{RECORDS_PER_FILE, SPOOL_RECORD_BYTES};
use sha2::{Digest, Sha256};
use std::ffi::OsStr;
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use telemetry_record::header::{HeaderBlock, HeaderError};
use telemetry_record::hex_id::HexId;
use telemetry_record::message::Message;

/// Permissions of a spool file: a record is the daemons' user's to read.
pub(super) const MODE: u32 = 0o600;

const BATCH_MARK: &[u8] = b"#telemetry-records 1\n";
const FRAME_MARK: &str = "#record ";
/// A frame line is 8 + 32 + 1 + 5 + 1 + 16 bytes and its newline.
const FRAME_LINE_BYTES: usize = 64;

/// A record as it lies in a spool file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its id, the same at every reading.
    pub id: HexId,
    /// Who sent it, a user id, by the name of its file; none where that does not say.
    pub sender: Option<u32>,
    /// The record.
    pub message: Message,
}

/// What a file gave.
#[derive(Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The records that are whole, in the order of the file.
    pub records: Vec<StoredRecord>,
    /// Why there are not more, if there should be.
    pub damage: Option<Damage>,
}

/// What is wrong with a spool file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// No bytes at all, or none behind the mark of a batch, as after a power cut without a sync.
    #[error("the file is empty")]
    Empty,
    /// No header lines where a record should begin.
    #[error(transparent)]
    Headers(#[from] HeaderError),
    /// The frame line of a batch cannot be read, or its record is cut short.
    #[error("record {number} of the file is cut short or its frame is broken")]
    Frame {
        /// Position in the file, from 1.
        number: usize,
    },
    /// The bytes of a record are not those that were written.
    #[error("record {number} of the file does not have its checksum")]
    Checksum {
        /// Position in the file, from 1.
        number: usize,
    },
    /// More records than a file may hold.
    #[error("the file holds more than {RECORDS_PER_FILE} records")]
    TooMany,
}

/// The bytes of a file that holds one record.
pub fn encode_single(message: &Message) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1024 + message.payload.len());
    if let Some(config) = &message.config {
        bytes.extend(b"CFG:");
        bytes.extend(config.as_os_str().as_bytes());
        bytes.push(b'\n');
    }
    bytes.extend(message.headers.as_str().as_bytes());
    bytes.extend(message.payload.as_bytes());
    bytes.push(b'\n');
    bytes
}

/// The bytes of a file that holds several records.
pub fn encode_batch<'a>(records: impl IntoIterator<Item = (HexId, &'a Message)>) -> Vec<u8> {
    let mut bytes = BATCH_MARK.to_vec();
    for (id, message) in records {
        let record = encode_single(message);
        let frame = format!("{FRAME_MARK}{id} {} {}\n", record.len(), checksum(&record));
        bytes.extend(frame.as_bytes());
        bytes.extend(record);
    }
    bytes
}

/// Reads the file of this name. Never fails as a whole: what is whole is returned, with what is wrong with the rest.
pub fn decode(name: &OsStr, bytes: &[u8]) -> Decoded {
    if let Some(frames) = bytes.strip_prefix(BATCH_MARK) {
        return decode_batch(sender_of(name), frames);
    }
    match decode_single(bytes) {
        Ok(message) => {
            let (id, sender) = (id_of_file(name, bytes), sender_of(name));
            Decoded { records: vec![StoredRecord { id, sender, message }], damage: None }
        }
        Err(damage) => Decoded { records: Vec::new(), damage: Some(damage) },
    }
}

fn decode_batch(sender: Option<u32>, mut bytes: &[u8]) -> Decoded {
    let mut records = Vec::new();
    let mut damage = bytes.is_empty().then_some(Damage::Empty);
    let mut number = 0;
    while !bytes.is_empty() {
        number += 1;
        if number > RECORDS_PER_FILE {
            damage = Some(Damage::TooMany);
            break;
        }
        let Some((id, expected, record, rest)) = split_frame(bytes) else {
            damage = Some(Damage::Frame { number });
            break;
        };
        bytes = rest;
        if checksum(record) != expected {
            damage = Some(Damage::Checksum { number });
            continue;
        }
        match decode_single(record) {
            Ok(message) => records.push(StoredRecord { id, sender, message }),
            Err(error) => damage = Some(error),
        }
    }
    Decoded { records, damage }
}

/// Splits the first frame off: id, checksum, the record's bytes, and what follows.
fn split_frame(bytes: &[u8]) -> Option<(HexId, &str, &[u8], &[u8])> {
    let line_end = bytes.iter().take(FRAME_LINE_BYTES).position(|byte| *byte == b'\n')?;
    let (line, rest) = bytes.split_at_checked(line_end)?;
    let rest = rest.get(1..)?;
    let mut fields = std::str::from_utf8(line).ok()?.strip_prefix(FRAME_MARK)?.split(' ');
    let id = fields.next()?.parse().ok()?;
    let length: usize = fields.next()?.parse().ok()?;
    let checksum = fields.next()?;
    if fields.next().is_some() || length > SPOOL_RECORD_BYTES {
        return None;
    }
    let (record, rest) = rest.split_at_checked(length)?;
    Some((id, checksum, record, rest))
}

fn decode_single(bytes: &[u8]) -> Result<Message, Damage> {
    if bytes.is_empty() {
        return Err(Damage::Empty);
    }
    let (config, rest) = match bytes.strip_prefix(b"CFG:") {
        Some(rest) => {
            let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            let (path, rest) = rest.split_at_checked(end).unwrap_or_default();
            (Some(PathBuf::from(OsStr::from_bytes(path))), rest.get(1..).unwrap_or_default())
        }
        None => (None, bytes),
    };
    // The C daemons store what firmware says as it is, in any encoding.
    let text = String::from_utf8_lossy(rest);
    let (headers, payload) = HeaderBlock::parse_head(&text)?;
    let payload = payload.strip_suffix('\n').unwrap_or(payload).to_owned();
    Ok(Message { config, headers, payload })
}

fn checksum(record: &[u8]) -> String {
    hex_head::<8>(&Sha256::digest(record))
}

/// The id of a file that holds one record.
fn id_of_file(name: &OsStr, bytes: &[u8]) -> HexId {
    if let Some(name) = FileName::parse(name) {
        return name.id;
    }
    let digest = Sha256::new().chain_update(name.as_bytes()).chain_update([0]).chain_update(bytes);
    let digest = digest.finalize();
    HexId::from_bytes(digest.first_chunk().copied().unwrap_or_default())
}

fn hex_head<const BYTES: usize>(digest: &[u8]) -> String {
    let mut text = String::with_capacity(2 * BYTES);
    for byte in digest.iter().take(BYTES) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests;
