//! What one client has sent so far: bytes in, a message or a refusal out. No file descriptor, no clock.
//!
//! ```text
//!              size known          all there
//!  (no size) ─────────────▶ (size) ─────────▶ Complete
//!      │ impossible size      │ wrong content
//!      └──────────▶ Refused ◀─┘
//! ```

use telemetry_record::message::Message;
use telemetry_record::wire::{self, WireError};

/// The bytes of one client.
#[derive(Debug, Default)]
pub(crate) struct Session {
    received: Vec<u8>,
}

/// Where a client stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// More bytes are to come.
    Incomplete,
    /// The message is whole. What follows it does not count.
    Complete(Message),
    /// It will never be a message.
    Refused(WireError),
}

impl Session {
    /// Takes what was read. Nothing is kept past the size that the message may have.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Progress {
        // Usual: one read brings one message, and nothing is copied.
        let (all, rest) = if self.received.is_empty() {
            (bytes, bytes)
        } else {
            self.received.extend_from_slice(bytes);
            (self.received.as_slice(), [].as_slice())
        };
        let progress = match wire::message_size(all) {
            Err(error) => Progress::Refused(error),
            Ok(Some(size)) if all.len() >= size => {
                let message = all.get(..size).unwrap_or(all);
                wire::decode(message).map_or_else(Progress::Refused, Progress::Complete)
            }
            Ok(_) => Progress::Incomplete,
        };
        if progress == Progress::Incomplete {
            self.received.extend_from_slice(rest);
        }
        progress
    }

    /// Whether the client has sent anything.
    pub(crate) fn has_begun(&self) -> bool {
        !self.received.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use telemetry_record::header::{Header, HeaderBlock};
    use telemetry_record::limits::MESSAGE_BYTES;

    fn encoded(payload: &str) -> Vec<u8> {
        let headers = HeaderBlock::from_values(Header::ALL.map(Header::name));
        wire::encode(None, &headers, payload).unwrap()
    }

    #[test]
    fn a_size_too_large_is_refused_at_once() {
        let size = MESSAGE_BYTES as u32 + 1;
        assert_eq!(Session::default().take(&size.to_ne_bytes()), Progress::Refused(WireError::TooLarge));
    }

    #[test]
    fn what_follows_a_message_does_not_count() {
        let mut bytes = encoded("x");
        bytes.extend([0xff; 100]);
        assert!(matches!(Session::default().take(&bytes), Progress::Complete(_)));
    }

    proptest! {
        #[test]
        fn a_message_in_any_pieces_is_the_same_message(cuts in prop::collection::vec(0_usize..600, 0..20)) {
            let bytes = encoded("hello\n");
            let mut session = Session::default();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut % bytes.len()).collect();
            cuts.sort_unstable();
            let mut from = 0;
            for cut in cuts {
                prop_assert_eq!(session.take(&bytes[from..cut]), Progress::Incomplete);
                from = cut;
            }
            let expected = wire::decode(&bytes).unwrap();
            prop_assert_eq!(session.take(&bytes[from..]), Progress::Complete(expected));
        }

        #[test]
        fn noise_never_panics_and_never_grows_past_a_message(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..5000), 1..12)) {
            let mut session = Session::default();
            for piece in pieces {
                if session.take(&piece) != Progress::Incomplete { break; }
                prop_assert!(session.received.len() <= MESSAGE_BYTES);
            }
        }
    }
}
