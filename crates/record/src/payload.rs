//! What a payload may be: text without control characters, but for white space.

/// Whether this text may be a payload. Its length is another matter
/// ([`PAYLOAD_BYTES`](crate::limits::PAYLOAD_BYTES)).
pub fn is_text(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() && !c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_text_and_other_control_characters_are_not() {
        assert!(is_text("a\tb\r\n\u{b}\u{c} \u{85}ü"));
        for wrong in ["a\u{0}b", "\u{1b}[0m", "\u{7f}", "\u{9b}"] {
            assert!(!is_text(wrong), "{wrong:?}");
        }
    }
}
