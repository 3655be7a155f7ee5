//! Foreign text: what of it may be a name, and the numbers in it.

use std::borrow::Cow;

/// A foreign name as it may stand in a record, in JSON and in XML: U+FFFD stands for what is not UTF-8, and for each control
/// character or other character that XML does not have. A name is one line.
pub fn name(bytes: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(bytes);
    if text.contains(is_no_character) { Cow::Owned(text.replace(is_no_character, "\u{fffd}")) } else { text }
}

/// Control characters, the separators of lines and paragraphs, and what is no character at all.
fn is_no_character(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}')
}

/// The lines that have an end: what is behind the last one was cut, and a number in it may be another.
pub(crate) fn whole_lines(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'))
}

/// A decimal number of digits alone.
pub(crate) fn whole(word: &str) -> Option<u64> {
    let is_number = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { word.parse().ok() } else { None }
}

/// A decimal number with a fraction, as the kernel writes it: no sign, no exponent.
pub(crate) fn real(word: &str) -> Option<f64> {
    let is_number = word.starts_with(|c: char| c.is_ascii_digit())
        && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    // Of more digits than a double has room for it would be infinite.
    if is_number { word.parse().ok().filter(|number: &f64| number.is_finite()) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_one_line_of_characters() {
        for (bytes, expected) in [
            (&b"plain \xc3\xa4"[..], "plain ä"),
            (b"a\nb\x1b[2J\x7f", "a\u{fffd}b\u{fffd}[2J\u{fffd}"),
            (b"\xff\xfea", "\u{fffd}\u{fffd}a"),
            (b"\xc2\x85\xe2\x80\xa8", "\u{fffd}\u{fffd}"),
            (b"\xef\xbf\xbe", "\u{fffd}"),
            (b"", ""),
        ] {
            assert_eq!(name(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn numbers_are_digits() {
        assert_eq!((real("9.5"), real("1e5"), real(&"9".repeat(400))), (Some(9.5), None, None));
        for (word, expected) in
            [("0", Some(0)), ("18446744073709551615", Some(u64::MAX)), ("18446744073709551616", None)]
        {
            assert_eq!(whole(word), expected);
        }
        for word in ["", "-1", "+1", "1e3", "0x1F", "1 ", "ä"] {
            assert_eq!((whole(word), real(word)), (None, None), "{word}");
        }
        assert_eq!(
            (real("0.10"), real("12"), real("1.2.3"), real(".5")),
            (Some(0.1), Some(12.0), None, None)
        );
    }

    proptest! {
        #[test]
        fn no_name_breaks_a_line_or_an_xml_text(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let name = name(&bytes);
            prop_assert!(!name.contains(char::is_control));
            prop_assert!(name.lines().count() <= 1);
        }
    }
}
