//! What a helper sends for each thing that it asked: eight numbers in the machine's order.
//!
//! ```text
//! place u64 | kind u64 | six numbers u64      kind 0: the answer; 1: somebody waits for it already; 2: hidden by a sandbox;
//!                                             3: an error, the first number is the system's
//! ```

use super::question::Answer;
use crate::error::SensorError;
use nix::errno::Errno;
use std::io;

/// Numbers of an answer.
pub(super) const NUMBERS: usize = 6;

/// Length of a packet.
pub(super) const PACKET_BYTES: usize = (NUMBERS + 2) * 8;

const ANSWER: u64 = 0;
const STILL_HANGS: u64 = 1;
const HIDDEN: u64 = 2;
const ERRNO: u64 = 3;

/// An answer, and to which question.
#[derive(Debug, PartialEq)]
pub(super) struct Packet {
    pub(super) place: usize,
    pub(super) answer: Result<Answer, SensorError>,
}

/// What is sent of what was asked; none where somebody waits for it already.
pub(super) fn packet(place: usize, asked: Option<Result<Answer, Option<Errno>>>) -> [u8; PACKET_BYTES] {
    let nothing = [0; NUMBERS];
    let (kind, numbers) = match asked {
        None => (STILL_HANGS, nothing),
        Some(Ok(answer)) => (ANSWER, answer),
        Some(Err(None)) => (HIDDEN, nothing),
        Some(Err(Some(errno))) => (ERRNO, [u64::from((errno as i32).cast_unsigned()), 0, 0, 0, 0, 0]),
    };
    let mut bytes = [0; PACKET_BYTES];
    let all = [place as u64, kind].into_iter().chain(numbers);
    for (slot, number) in bytes.chunks_exact_mut(8).zip(all) {
        slot.copy_from_slice(&number.to_ne_bytes());
    }
    bytes
}

impl Packet {
    pub(super) fn parse(bytes: &[u8; PACKET_BYTES]) -> Self {
        let mut numbers =
            bytes.chunks_exact(8).filter_map(|bytes| bytes.try_into().ok()).map(u64::from_ne_bytes);
        let mut next = || numbers.next().unwrap_or(0);
        let (place, kind) = (usize::try_from(next()).unwrap_or(usize::MAX), next());
        let answer: Answer = std::array::from_fn(|_| next());
        let errno = answer.first().and_then(|errno| i32::try_from(*errno).ok()).unwrap_or(libc::EIO);
        let answer = match kind {
            ANSWER => Ok(answer),
            STILL_HANGS => Err(SensorError::StillHangs),
            HIDDEN => Err(SensorError::Hidden),
            _ => Err(SensorError::Other(io::Error::from_raw_os_error(errno).to_string())),
        };
        Self { place, answer }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_what_is_read() {
        let answer = [u64::MAX, 2, 3, 4, 5, 6];
        for (asked, expected) in [
            (Some(Ok(answer)), Ok(answer)),
            (None, Err(SensorError::StillHangs)),
            (Some(Err(None)), Err(SensorError::Hidden)),
            (
                Some(Err(Some(Errno::ESTALE))),
                Err(SensorError::Other("Stale file handle (os error 116)".to_owned())),
            ),
        ] {
            assert_eq!(Packet::parse(&packet(7, asked)), Packet { place: 7, answer: expected });
        }
    }
}
