//! What one client has sent so far: bytes in, the bytes of a message out, or why there is none. No file
//! descriptor, no clock.
//!
//! ```text
//!              size known          all there
//!  (no size) ─────────────▶ (size) ─────────▶ whole
//!      │ impossible size
//!      └─────────────────▶ refused
//! ```

use telemetry_record::wire::{self, WireError};

/// The bytes of one client.
#[derive(Debug, Default)]
pub(crate) struct Session {
    received: Vec<u8>,
}

impl Session {
    /// Adds what was read. Returns the bytes of the message once it is whole; what follows it is ignored. Nothing is
    /// kept beyond the size that a message may have.
    ///
    /// # Errors
    /// No message has the size that these bytes begin with.
    pub(crate) fn add<'a>(&'a mut self, bytes: &'a [u8]) -> Result<Option<&'a [u8]>, WireError> {
        // Usual: one read brings the whole message, and nothing is copied.
        if self.received.is_empty()
            && let Some(message) = whole(bytes)?
        {
            return Ok(Some(message));
        }
        self.received.extend_from_slice(bytes);
        whole(&self.received)
    }

    /// Whether the client has sent anything.
    pub(crate) fn has_begun(&self) -> bool {
        !self.received.is_empty()
    }
}

/// The message that these bytes begin with, if all of it is there.
fn whole(bytes: &[u8]) -> Result<Option<&[u8]>, WireError> {
    Ok(wire::message_size(bytes)?.and_then(|size| bytes.get(..size)))
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
        assert_eq!(Session::default().add(&size.to_ne_bytes()), Err(WireError::TooLarge));
    }

    #[test]
    fn what_follows_a_message_is_ignored() {
        let message = encoded("x");
        let bytes = [message.as_slice(), &[0xff; 100]].concat();
        assert_eq!(Session::default().add(&bytes), Ok(Some(message.as_slice())));
        let mut session = Session::default();
        assert_eq!(session.add(&bytes[..10]), Ok(None));
        assert_eq!(session.add(&bytes[10..]), Ok(Some(message.as_slice())));
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
                prop_assert_eq!(session.add(&bytes[from..cut]), Ok(None));
                from = cut;
            }
            prop_assert_eq!(session.add(&bytes[from..]), Ok(Some(bytes.as_slice())));
        }

        #[test]
        fn noise_never_panics_and_never_grows_past_a_message(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..5000), 1..12)) {
            let mut session = Session::default();
            for piece in pieces {
                if session.add(&piece) != Ok(None) { break; }
                prop_assert!(session.received.len() <= MESSAGE_BYTES);
            }
        }
    }
}
