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
//! and the record id in the journal. In a batch it stands in the frame. Our files are named
//! `ID.USER`: 32 hex digits, and the user id of the sender, all of whose records of one turn are in it.
//! A file of one record that is named so has its name for an id; any other (those of the C daemons) has
//! the head of the SHA-256 of its name and content, and belongs to no user.

use crate::limits::{RECORDS_PER_FILE, SPOOL_RECORD_BYTES};
use sha2::{Digest, Sha256};
use std::ffi::OsStr;
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use telemetry_record::header::{HeaderBlock, HeaderError};
use telemetry_record::hex_id::HexId;
use telemetry_record::message::Message;

const BATCH_MARK: &[u8] = b"#telemetry-records 1\n";
const FRAME_MARK: &str = "#record ";
/// A frame line is 8 + 32 + 1 + 5 + 1 + 16 bytes and its newline.
const FRAME_LINE_BYTES: usize = 64;

/// A record as it lies in a spool file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its id, the same at every reading.
    pub id: HexId,
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
    /// The frame line of a batch can not be read, or its record is cut short.
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

/// Reads the file of this name. Never fails as a whole: what is whole is returned, the rest is told.
pub fn decode(name: &OsStr, bytes: &[u8]) -> Decoded {
    if let Some(frames) = bytes.strip_prefix(BATCH_MARK) {
        return decode_batch(frames);
    }
    match decode_single(bytes) {
        Ok(message) => {
            let id = id_of_file(name, bytes);
            Decoded { records: vec![StoredRecord { id, message }], damage: None }
        }
        Err(damage) => Decoded { records: Vec::new(), damage: Some(damage) },
    }
}

fn decode_batch(mut bytes: &[u8]) -> Decoded {
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
            Ok(message) => records.push(StoredRecord { id, message }),
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

/// The name of a new file of this sender.
pub(super) fn new_name(id: HexId, sender: u32) -> String {
    format!("{id}.{sender}")
}

/// The user id of the sender of a file's records, as our names tell it.
pub fn sender_of(name: &OsStr) -> Option<u32> {
    split_name(name).and_then(|(_, sender)| sender)
}

/// The id and the sender in a name of ours. The id alone names a record that nobody in particular sent.
fn split_name(name: &OsStr) -> Option<(HexId, Option<u32>)> {
    let name = name.to_str()?;
    match name.split_once('.') {
        Some((id, sender)) => Some((id.parse().ok()?, Some(sender.parse().ok()?))),
        None => Some((name.parse().ok()?, None)),
    }
}

/// The id of a file that holds one record.
fn id_of_file(name: &OsStr, bytes: &[u8]) -> HexId {
    if let Some((id, _)) = split_name(name) {
        return id;
    }
    let digest = Sha256::new().chain_update(name.as_bytes()).chain_update([0]).chain_update(bytes);
    let digest = digest.finalize();
    HexId::from_bytes(digest.first_chunk().copied().unwrap_or_default())
}

fn hex_head<const BYTES: usize>(digest: &[u8]) -> String {
    let mut text = String::with_capacity(2 * BYTES);
    for byte in digest.iter().take(BYTES) {
        // Writing to a String can not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use telemetry_record::header::Header;

    fn message(payload: &str, config: Option<&str>) -> Message {
        Message {
            config: config.map(PathBuf::from),
            headers: HeaderBlock::from_values(Header::ALL.map(Header::name)),
            payload: payload.to_owned(),
        }
    }

    fn id(n: u8) -> HexId {
        HexId::from_bytes([n; 16])
    }

    fn decode_as(name: &str, bytes: &[u8]) -> Decoded {
        decode(OsStr::new(name), bytes)
    }

    #[test]
    fn the_single_form_is_that_of_the_contract() {
        let plain = message("hello\n", None);
        let lines = plain.headers.as_str().to_owned();
        assert_eq!(encode_single(&plain), format!("{lines}hello\n\n").into_bytes());
        let with_config = message("hello", Some("/etc/t.conf"));
        assert_eq!(encode_single(&with_config), format!("CFG:/etc/t.conf\n{lines}hello\n").into_bytes());
        for message in [plain, with_config, message("", None)] {
            let decoded = decode_as("aB3xY9", &encode_single(&message));
            assert_eq!((decoded.records[0].message.clone(), decoded.damage), (message, None));
        }
    }

    #[test]
    fn ids_come_from_our_names_and_from_foreign_content() {
        let bytes = encode_single(&message("x", None));
        let id_of = |name, bytes: &[u8]| decode_as(name, bytes).records[0].id;
        assert_eq!(
            id_of("0de9de8d5f3c6a7d445d75ba01cc3322", &bytes).to_string(),
            "0de9de8d5f3c6a7d445d75ba01cc3322"
        );
        assert_eq!(
            id_of("0de9de8d5f3c6a7d445d75ba01cc3322.1000", &bytes).to_string(),
            "0de9de8d5f3c6a7d445d75ba01cc3322"
        );
        assert_eq!(id_of("aB3xY9", &bytes), id_of("aB3xY9", &bytes));
        assert_ne!(id_of("aB3xY9", &bytes), id_of("aB3xYA", &bytes));
        assert_ne!(id_of("aB3xY9", &bytes), id_of("aB3xY9", &encode_single(&message("y", None))));
    }

    #[test]
    fn names_tell_the_sender() {
        let sender = |name: &str| sender_of(OsStr::new(name));
        assert_eq!(sender(&new_name(id(7), 1000)), Some(1000));
        for none in [
            "0de9de8d5f3c6a7d445d75ba01cc3322",
            "aB3xY9",
            "aB3xY9.5",
            "0de9de8d5f3c6a7d445d75ba01cc3322.x",
            "",
        ] {
            assert_eq!(sender(none), None, "{none}");
        }
    }

    #[test]
    fn a_batch_gives_its_records_with_their_ids() {
        let (a, b) = (message("a", None), message("b\n#record x\n", Some("/c")));
        let bytes = encode_batch([(id(1), &a), (id(2), &b)]);
        let decoded = decode_as("any", &bytes);
        assert_eq!(decoded.damage, None);
        let expected = [(id(1), a), (id(2), b)].map(|(id, message)| StoredRecord { id, message });
        assert_eq!(decoded.records, expected);
    }

    #[test]
    fn damage_costs_only_what_it_hit() {
        let records = [message("first", None), message("second", None), message("third", None)];
        let bytes = encode_batch((1..).map(id).zip(&records));
        let at = |text: &[u8]| bytes.windows(text.len()).position(|window| window == text).unwrap();

        let mut flipped = bytes.clone();
        flipped[at(b"second")] = b'S';
        let decoded = decode_as("x", &flipped);
        assert_eq!(decoded.damage, Some(Damage::Checksum { number: 2 }));
        assert_eq!(decoded.records.iter().map(|r| r.id).collect::<Vec<_>>(), [id(1), id(3)]);

        let decoded = decode_as("x", &bytes[..at(b"third")]);
        assert_eq!(decoded.damage, Some(Damage::Frame { number: 3 }));
        assert_eq!(decoded.records.len(), 2);

        let mut zeroed = bytes.clone();
        let from = at(b"second");
        zeroed[from..].fill(0);
        let decoded = decode_as("x", &zeroed);
        assert!(decoded.damage.is_some());
        assert_eq!(decoded.records.len(), 1);

        assert_eq!(decode_as("x", b"").damage, Some(Damage::Empty));
        assert_eq!(decode_as("x", BATCH_MARK).damage, Some(Damage::Empty));
        assert!(matches!(decode_as("x", &[0; 900]).damage, Some(Damage::Headers(_))));
        assert!(matches!(decode_as("x", b"CFG:/only").damage, Some(Damage::Headers(_))));
    }

    #[test]
    fn a_batch_without_end_is_bounded() {
        let record = message("x", None);
        let bytes = encode_batch((0..100).map(|n| (id(n), &record)));
        let decoded = decode_as("x", &bytes);
        assert_eq!((decoded.records.len(), decoded.damage), (RECORDS_PER_FILE, Some(Damage::TooMany)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..300), batch in any::<bool>()) {
            if batch {
                bytes.splice(..0, [BATCH_MARK, FRAME_MARK.as_bytes()].concat());
            }
            let _ = decode(OsStr::new("x"), &bytes);
        }

        #[test]
        fn cutting_a_batch_anywhere_never_changes_a_record(cut in 0_usize..4000) {
            let records = [message("first", None), message("second\n\n", Some("/c")), message("", None)];
            let bytes = encode_batch((1..).map(id).zip(&records));
            let cut = cut.min(bytes.len());
            let decoded = decode(OsStr::new("x"), &bytes[..cut]);
            if cut >= BATCH_MARK.len() {
                for (found, expected) in decoded.records.iter().zip(&records) {
                    prop_assert_eq!(&found.message, expected);
                }
                prop_assert!(cut == bytes.len() || decoded.records.len() < 3);
            }
        }
    }
}
