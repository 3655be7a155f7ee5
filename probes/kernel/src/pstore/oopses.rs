//! The oopses in the text of a crash.

use super::crash::Crash;
use super::joined;
use super::limits::OOPSES;
use crate::log::{LINE_BYTES, Line, Oops, Privacy, Reader, Scanner};
use sha2::{Digest, Sha256};

impl Crash {
    /// Gives the oopses in it to `take`, in the order in which they ended, and returns how many there were. Lines before a
    /// gap and behind it are never reported as one oops.
    pub fn each_oops(&self, mut take: impl FnMut(&Oops)) -> usize {
        let (mut found, mut count, mut sequence) = (Vec::new(), 0, 0);
        let pieces = self.pieces();
        for lines in pieces.iter().flat_map(|piece| joined::runs(piece)) {
            let (mut reader, mut scanner) = (Reader::default(), Scanner::default());
            let mut push = |line: &Line<'_>| {
                scanner.push(&Line { sequence: sequence + line.sequence, ..*line }, &mut found);
            };
            for line in &lines {
                reader.push(
                    line.as_bytes().get(..LINE_BYTES).unwrap_or(line.as_bytes()),
                    line.len(),
                    &mut push,
                );
            }
            // A dump may begin and end anywhere, and be of nothing but a program's lines.
            let _ = reader.finish(&mut push);
            sequence += lines.len() as u64;
            scanner.finish(&mut found);
            for oops in found.drain(..).take(OOPSES - count) {
                count += 1;
                take(&oops);
            }
            if count >= OOPSES {
                return count;
            }
        }
        count
    }
}

/// What distinguishes an oops from others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// Of one with a time, in any log.
    Fingerprint(String),
    /// Of one without: its words, which may be the same at another crash.
    Words(String),
}

impl Mark {
    /// Of this oops.
    pub fn new(oops: &Oops) -> Self {
        oops.fingerprint().map_or_else(
            || Self::Words(content_id(oops.payload(Privacy::Everything, &[]).as_bytes())),
            Self::Fingerprint,
        )
    }
}

/// What distinguishes a content from others: 32 hexadecimal digits.
pub fn content_id(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
