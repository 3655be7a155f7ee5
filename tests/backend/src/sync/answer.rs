//! Reads the answer to a lease: all of it, or nothing.

use std::fmt;

use sha2::{Digest, Sha256};

use super::id::{hex, is_id};
use super::losses::MAX_LOSSES;
use super::message::{MAX_LINE_BYTES, VERSION};
use super::wire::{End, Head, Item};

/// A batch, as it was sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    pub(super) head: Head,
    pub(super) items: Vec<Entry>,
    pub(super) sha256: String,
}

/// An item, or a line that is none.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Entry {
    Item(Item),
    Invalid { line: String, reason: String },
}

/// Why an answer is thrown away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerFault {
    /// It does not come to its end.
    Cut,
    /// A line that is too long.
    Long,
    /// Its first line.
    Head(String),
    /// More items than were asked for, or than it says.
    Count,
    /// Something stands behind its end.
    Behind,
    /// What was received is not what was sent.
    Digest,
}

impl fmt::Display for AnswerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut => f.write_str("the batch is cut off"),
            Self::Long => write!(f, "the batch has a line of more than {MAX_LINE_BYTES} bytes"),
            Self::Head(reason) => write!(f, "the first line of the batch is wrong: {reason}"),
            Self::Count => {
                f.write_str("the batch has not as many items as it says, or more than were asked for")
            }
            Self::Behind => f.write_str("something stands behind the end of the batch"),
            Self::Digest => f.write_str("the batch is not as it was sent: its digest is another"),
        }
    }
}

/// Reads a batch of up to so many items. An item that is none is kept as such: one bad item holds up no others.
///
/// # Errors
/// [`AnswerFault`]: nothing of it is to be used.
pub fn read_answer(bytes: &[u8], max_items: u64) -> Result<Batch, AnswerFault> {
    let (first, mut rest) = line(bytes)?;
    let head: Head = serde_json::from_slice(first).map_err(|error| AnswerFault::Head(place(&error)))?;
    check(&head)?;
    if head.items > max_items {
        return Err(AnswerFault::Count);
    }
    let mut items = Vec::new();
    for _ in 0..head.items {
        let (item, behind) = line(rest)?;
        // An end where an item should be.
        if serde_json::from_slice::<End>(item).is_ok() {
            return Err(AnswerFault::Count);
        }
        items.push(entry(item));
        rest = behind;
    }
    let before_end = bytes.get(..bytes.len() - rest.len()).unwrap_or_default();
    let (last, behind) = line(rest)?;
    let end: End = serde_json::from_slice(last).map_err(|_| AnswerFault::Count)?;
    if !behind.is_empty() {
        return Err(AnswerFault::Behind);
    }
    if end.end != head.items {
        return Err(AnswerFault::Count);
    }
    let sha256 = hex(&Sha256::digest(before_end));
    if end.sha256 != sha256 {
        return Err(AnswerFault::Digest);
    }
    Ok(Batch { head, items, sha256 })
}

fn check(head: &Head) -> Result<(), AnswerFault> {
    let fault = |reason: &str| Err(AnswerFault::Head(reason.to_owned()));
    if head.version != VERSION {
        return fault("it is of another version");
    }
    if !is_id(&head.buffer) || head.lease.as_deref().is_some_and(|lease| !is_id(lease)) {
        return fault("buffer and lease must be 32 lower-case hexadecimal digits");
    }
    if head.lease.is_none() && head.items > 0 {
        return fault("there are items without a lease");
    }
    if head.losses.len() > MAX_LOSSES || head.losses.iter().any(|losses| !is_id(&losses.buffer)) {
        return fault("losses must be of buffers, up to 1000");
    }
    Ok(())
}

fn line(bytes: &[u8]) -> Result<(&[u8], &[u8]), AnswerFault> {
    let bounded = bytes.get(..bytes.len().min(MAX_LINE_BYTES + 1)).unwrap_or_default();
    let Some(end) = bounded.iter().position(|byte| *byte == b'\n') else {
        return Err(if bounded.len() > MAX_LINE_BYTES { AnswerFault::Long } else { AnswerFault::Cut });
    };
    let (line, behind) = bytes.split_at_checked(end).ok_or(AnswerFault::Cut)?;
    Ok((line, behind.get(1..).unwrap_or_default()))
}

fn entry(line: &[u8]) -> Entry {
    match serde_json::from_slice(line) {
        Ok(item) => Entry::Item(item),
        Err(error) => {
            Entry::Invalid { line: String::from_utf8_lossy(line).into_owned(), reason: place(&error) }
        }
    }
}

/// Where it goes wrong, without repeating foreign text.
fn place(error: &serde_json::Error) -> String {
    format!("column {}", error.column())
}
