//! Which dumps are of one crash, and what is missing of it.
//!
//! A store keeps the end of the log in parts, the newest lines in part 1, which is written first. A store may hold several
//! crashes, of several starts of the machine, each of which may have a `Panic#1`: what distinguishes them is the order in
//! which they were written, in which the parts of one crash grow.
//!
//! ```text
//!   written  ───▶   Oops#1: 1 2 3   Panic#2: 1 2 3   (restart)   Oops#1: 1 2
//!   text     ───▶           3 2 1            3 2 1                       2 1
//! ```

use super::dump::Dump;
use super::joined;
use super::limits::{NAMED_PARTS, PART_RECORDS, PART_SECS};
use super::name::Store;
use std::fmt::Write;

/// The dumps of one crash, the highest part, which has the oldest lines, first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crash {
    parts: Vec<Dump>,
}

/// Puts dumps, in any order, together to crashes. Those that are whole come first, since an oops is reported of the first dump
/// that has it; the older ones come before the newer ones.
pub fn crashes(mut dumps: Vec<Dump>) -> Vec<Crash> {
    dumps.sort_by(|a, b| a.order().cmp(&b.order()));
    let mut crashes: Vec<Crash> = Vec::new();
    for dump in dumps {
        match crashes.last_mut() {
            Some(crash) if crash.parts.last().is_some_and(|last| dump.is_next_part_after(last)) => {
                crash.parts.push(dump);
            }
            _ => crashes.push(Crash { parts: vec![dump] }),
        }
    }
    crashes.iter_mut().for_each(|crash| crash.parts.reverse());
    crashes.sort_by_key(|crash| (!crash.notes().is_empty(), crash.time_secs()));
    crashes
}

impl Dump {
    /// Where it stands among the dumps of all crashes.
    fn order(&self) -> (&Option<Store>, Option<u32>, (u64, u64), &str) {
        (&self.store, self.count, self.written(), &self.label)
    }

    /// What grows from one part of a dump to the next: the time, and the number of the record, which holds the time where
    /// the store has one of its own.
    fn written(&self) -> (u64, u64) {
        match self.store {
            Some(Store::Efi | Store::Erst) => (0, self.id),
            _ => (self.time_secs, self.id),
        }
    }

    fn is_next_part_after(&self, last: &Self) -> bool {
        let (Some(last_part), Some(part)) = (last.part, self.part) else { return false };
        let is_near = match self.store {
            Some(Store::Erst) => self.id.abs_diff(last.id) <= PART_RECORDS,
            _ => self.time_secs.abs_diff(last.time_secs) <= PART_SECS,
        };
        let is_same_reason = match (&last.reason, &self.reason) {
            (Some(last), Some(this)) => last == this,
            _ => true,
        };
        self.store.is_some()
            && self.store == last.store
            && self.count == last.count
            && is_same_reason
            && is_near
            && part > last_part
    }
}

impl Crash {
    /// Its dumps, the highest part first.
    pub fn dumps(&self) -> &[Dump] {
        &self.parts
    }

    /// When it was, in Unix seconds.
    pub fn time_secs(&self) -> u64 {
        self.parts.iter().map(|dump| dump.time_secs).min().unwrap_or(0)
    }

    /// What it is called to a person.
    pub fn label(&self) -> String {
        match self.parts.as_slice() {
            [only] => only.label.clone(),
            [first, .., last] => format!("{} to {} ({} parts)", last.label, first.label, self.parts.len()),
            [] => String::new(),
        }
    }

    /// Whether there is any text of it.
    pub fn is_readable(&self) -> bool {
        self.parts.iter().any(|dump| dump.text.is_ok())
    }

    /// What a reader has to know: what is missing of it, as sentences.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let last = self.parts.iter().filter_map(|dump| dump.part).max().unwrap_or(1);
        notes.extend(self.missing(last));
        for dump in &self.parts {
            let part = match dump.part {
                Some(part) => format!("part {part} of {last}"),
                None => "the dump".to_owned(),
            };
            if let Err(error) = dump.text {
                notes.push(format!("{part} cannot be read: {error}"));
            }
            if dump.is_cut {
                notes.push(format!("{part} cannot be unpacked to its end"));
            }
            let gap = dump
                .text
                .as_ref()
                .ok()
                .filter(|_| dump.store.is_none())
                .and_then(|text| joined::missing(text));
            if let Some((part, last)) = gap {
                notes.push(format!("part {part} of {last} is missing"));
            }
            if dump.bad_blocks > 0 {
                notes.push(format!("{part} has {} blocks of damaged memory", dump.bad_blocks));
            }
        }
        // Each has a few words; a payload has room for these, and for a report.
        notes.truncate(NAMED_PARTS);
        notes
    }

    fn missing(&self, last: u32) -> Option<String> {
        let has = |part: u32| self.parts.iter().any(|dump| dump.part == Some(part));
        let is_in_parts = self.parts.iter().any(|dump| dump.part.is_some());
        let missing: Vec<_> = (1..=last).filter(|part| is_in_parts && !has(*part)).collect();
        let (&first, rest) = missing.split_first()?;
        if rest.is_empty() {
            return Some(format!("part {first} of {last} is missing"));
        }
        let mut text = format!("parts {first}");
        for part in rest.iter().take(NAMED_PARTS - 1) {
            let _ = write!(text, ", {part}");
        }
        if rest.len() >= NAMED_PARTS {
            let _ = write!(text, " and {} more", rest.len() - (NAMED_PARTS - 1));
        }
        let _ = write!(text, " of {last} are missing");
        Some(text)
    }

    /// Its text, oldest lines first, in pieces that follow each other without a gap.
    pub fn pieces(&self) -> Vec<Vec<&str>> {
        let mut pieces = vec![Vec::new()];
        let mut before = None;
        for dump in &self.parts {
            let follows = match (before, dump.part) {
                (Some(before), Some(part)) => part + 1 == before,
                _ => false,
            };
            if !follows {
                pieces.push(Vec::new());
            }
            let text = dump.text.as_deref().ok();
            if let Some(piece) = pieces.last_mut() {
                piece.extend(text);
            }
            before = dump.part.filter(|_| text.is_some() && !dump.is_cut);
        }
        pieces.retain(|piece| !piece.is_empty());
        pieces
    }
}

#[cfg(test)]
mod tests;
