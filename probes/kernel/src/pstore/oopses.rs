//! The oopses in the text of a crash.

use super::crash::Crash;
use super::header::Header;
use super::limits::OOPSES;
use crate::log::{Line, Oops, Privacy, Scanner};
use sha2::{Digest, Sha256};

impl Crash {
    /// Gives the oopses in it to `take`, in the order in which they ended, and returns how many there were. Lines before a
    /// gap and behind it are never reported as one oops.
    pub fn each_oops(&self, mut take: impl FnMut(&Oops)) -> usize {
        let (mut found, mut count, mut sequence) = (Vec::new(), 0, 0);
        for piece in self.pieces() {
            let mut scanner = Scanner::default();
            let mut header: Option<Header> = None;
            for text in piece.iter().flat_map(|text| text.lines()) {
                sequence += 1;
                // In a text that systemd-pstore joined.
                if let Some(next) = Header::parse(text) {
                    if !header.is_some_and(|before| next.follows(&before)) {
                        scanner.finish(&mut found);
                    }
                    header = Some(next);
                } else if let Some(line) = Line::of_text(text, sequence) {
                    scanner.push(&line, &mut found);
                }
                for oops in found.drain(..) {
                    count += 1;
                    take(&oops);
                }
                if count >= OOPSES {
                    return count;
                }
            }
            scanner.finish(&mut found);
            count += found.len();
            found.drain(..).for_each(|oops| take(&oops));
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
