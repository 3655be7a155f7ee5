//! What a payload may be: text without control characters, but for white space.

use crate::limits::PAYLOAD_BYTES;

/// What is kept of these bytes as a payload: all, or what fits, cut between characters. What is cut away is not looked at,
/// whatever it is; none if the rest is no UTF-8.
pub fn head(bytes: &[u8]) -> Option<&str> {
    let Some(kept) = bytes.get(..PAYLOAD_BYTES).filter(|_| bytes.len() > PAYLOAD_BYTES) else {
        return std::str::from_utf8(bytes).ok();
    };
    match std::str::from_utf8(kept) {
        Ok(text) => Some(text),
        // The cut went through a character.
        Err(error) if error.error_len().is_none() => {
            kept.get(..error.valid_up_to()).and_then(|whole| std::str::from_utf8(whole).ok())
        }
        Err(_) => None,
    }
}

/// Whether this text may be a payload. Its length is another matter
/// ([`PAYLOAD_BYTES`]).
pub fn is_text(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() && !c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_judged_by_what_is_kept_of_it() {
        let filled = |count: usize, tail: &[u8]| [vec![b'x'; count], tail.to_vec()].concat();
        for (bytes, kept) in [
            (filled(PAYLOAD_BYTES, b""), Some(PAYLOAD_BYTES)),
            (filled(PAYLOAD_BYTES, b"\xff"), Some(PAYLOAD_BYTES)),
            (filled(PAYLOAD_BYTES - 1, b"\xc3\xa9"), Some(PAYLOAD_BYTES - 1)),
            (filled(PAYLOAD_BYTES - 1, b"\xc3"), None),
            (filled(PAYLOAD_BYTES - 1, b"\xffx"), None),
            (filled(0, b"\xff"), None),
            (filled(0, b""), Some(0)),
        ] {
            assert_eq!(head(&bytes).map(str::len), kept, "{} bytes", bytes.len());
        }
    }

    #[test]
    fn white_space_is_text_and_other_control_characters_are_not() {
        assert!(is_text("a\tb\r\n\u{b}\u{c} \u{85}ü"));
        for wrong in ["a\u{0}b", "\u{1b}[0m", "\u{7f}", "\u{9b}"] {
            assert!(!is_text(wrong), "{wrong:?}");
        }
    }
}
