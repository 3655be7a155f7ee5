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
//! Several records, as frames behind a first line: those that became ready in one turn of telemprobd's loop, or those of one
//! user that followed each other closely (a segment). See `batch.rs`.
//!
//! Every record has an id that outlives restarts and retries; it is the idempotency key at the server
//! and the record id in the delivery log. In a batch it stands in the frame. A file of one record that has a name of ours
//! ([`FileName`]) has its id; any other (those of the C daemons) has the head of the SHA-256 of its name and content.

use super::batch::{self, BATCH_MARK, Head, Split};
use super::name::{FileName, is_segment, sender_of};
use crate::limits::RECORDS_PER_FILE;
use sha2::{Digest, Sha256};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use telemetry_record::header::{HeaderBlock, HeaderError};
use telemetry_record::hex_id::HexId;
use telemetry_record::message::Message;

/// Permissions of a spool file: a record is the daemons' user's to read.
pub(super) const MODE: u32 = 0o600;

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
    /// The first line of a batch is not whole, or of a later version than this one knows.
    #[error("the first line is cut short or not known to this version")]
    FirstLine,
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
    encode_frames(BATCH_MARK.to_vec(), records)
}

/// What a segment of this user begins with, and these records.
pub(super) fn encode_segment<'a>(
    sender: u32,
    records: impl IntoIterator<Item = (HexId, &'a Message)>,
) -> Vec<u8> {
    encode_frames(batch::segment_mark(sender), records)
}

/// These bytes, and the frames of these records.
pub(super) fn encode_frames<'a>(
    mut bytes: Vec<u8>,
    records: impl IntoIterator<Item = (HexId, &'a Message)>,
) -> Vec<u8> {
    for (id, message) in records {
        batch::push_frame(&mut bytes, id, &encode_single(message));
    }
    bytes
}

/// Reads the file of this name. Never fails as a whole: what is whole is returned, with what is wrong with the rest.
pub fn decode(name: &OsStr, bytes: &[u8]) -> Decoded {
    match batch::split_head(bytes) {
        Head::Batch(frames) => return decode_frames(sender_of(name), frames),
        Head::Segment(sender, frames) => return decode_frames(sender_of_segment(name, sender), frames),
        Head::CutShort | Head::Unknown => {
            return Decoded { records: Vec::new(), damage: Some(Damage::FirstLine) };
        }
        Head::None => {}
    }
    match decode_single(bytes) {
        Ok(message) => {
            let (id, sender) = (id_of_file(name, bytes), sender_of(name));
            Decoded { records: vec![StoredRecord { id, sender, message }], damage: None }
        }
        Err(damage) => Decoded { records: Vec::new(), damage: Some(damage) },
    }
}

/// Whose a segment is. Once it has the name of a user, that name and its first line must agree.
fn sender_of_segment(name: &OsStr, sender: u32) -> Option<u32> {
    (is_segment(name) || sender_of(name) == Some(sender)).then_some(sender)
}

fn decode_frames(sender: Option<u32>, mut bytes: &[u8]) -> Decoded {
    let mut records = Vec::new();
    let mut damage = bytes.is_empty().then_some(Damage::Empty);
    let mut number = 0;
    while !bytes.is_empty() {
        number += 1;
        if number > RECORDS_PER_FILE {
            damage = Some(Damage::TooMany);
            break;
        }
        let Split::Frame(frame) = batch::split_frame(bytes) else {
            damage = Some(Damage::Frame { number });
            break;
        };
        bytes = frame.rest;
        if !frame.is_whole() {
            damage = Some(Damage::Checksum { number });
            continue;
        }
        match decode_single(frame.record) {
            Ok(message) => records.push(StoredRecord { id: frame.id, sender, message }),
            Err(error) => damage = Some(error),
        }
    }
    Decoded { records, damage }
}

/// What a segment holds whose writer is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Remains {
    /// Whole records of this user, which end at this length.
    Records { sender: u32, length: usize },
    /// Nothing that was ever answered: its first record was being written.
    Unfinished,
    /// No record, though there are bytes.
    Damaged(Damage),
}

/// Finds out what a segment holds. Each append is answered before the next, so that what is cut short was not answered.
pub(super) fn remains_of_segment(bytes: &[u8]) -> Remains {
    // A power cut may leave zeros where the length was written and the bytes were not.
    let written = bytes.len() - bytes.iter().rev().take_while(|byte| **byte == 0).count();
    let bytes = bytes.get(..written).unwrap_or_default();
    let (sender, frames) = match batch::split_head(bytes) {
        Head::Segment(sender, frames) => (sender, frames),
        Head::CutShort => return Remains::Unfinished,
        Head::None if bytes.is_empty() => return Remains::Unfinished,
        _ => return Remains::Damaged(Damage::FirstLine),
    };
    let (mut rest, mut length, mut damage) = (frames, None, None);
    for number in 1.. {
        match batch::split_frame(rest) {
            Split::Frame(frame) => {
                rest = frame.rest;
                match frame.is_whole() {
                    true => length = Some(bytes.len() - rest.len()),
                    false => damage = damage.or(Some(Damage::Checksum { number })),
                }
            }
            Split::CutShort => break,
            Split::Broken => {
                damage = damage.or(Some(Damage::Frame { number }));
                break;
            }
        }
    }
    match (length, damage) {
        (Some(length), _) => Remains::Records { sender, length },
        (None, Some(damage)) => Remains::Damaged(damage),
        (None, None) => Remains::Unfinished,
    }
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

/// The id of a file that holds one record.
fn id_of_file(name: &OsStr, bytes: &[u8]) -> HexId {
    if let Some(name) = FileName::parse(name) {
        return name.id;
    }
    let digest = Sha256::new().chain_update(name.as_bytes()).chain_update([0]).chain_update(bytes);
    let digest = digest.finalize();
    HexId::from_bytes(digest.first_chunk().copied().unwrap_or_default())
}

#[cfg(test)]
mod tests;
