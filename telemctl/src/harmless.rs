//! Text of foreign origin for a terminal: no escape sequence, title change or cursor move comes through.

use std::borrow::Cow;

/// Text of several lines: newlines and tabs stay, other control characters are shown as `\u{1b}`.
pub(crate) fn lines(text: &str) -> Cow<'_, str> {
    escape(text, |c| c.is_control() && c != '\n' && c != '\t')
}

/// A part of one line: every control character is shown as `\u{1b}`.
pub(crate) fn word(text: &str) -> Cow<'_, str> {
    escape(text, char::is_control)
}

fn escape(text: &str, is_harmful: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_harmful(c) {
            escaped.extend(c.escape_unicode());
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_not_obeyed() {
        for (text, as_lines, as_word) in [
            ("plain ü", "plain ü", "plain ü"),
            ("a\tb\n", "a\tb\n", "a\\u{9}b\\u{a}"),
            ("\u{1b}[31mred\r", "\\u{1b}[31mred\\u{d}", "\\u{1b}[31mred\\u{d}"),
            ("\u{9b}2J\u{7f}", "\\u{9b}2J\\u{7f}", "\\u{9b}2J\\u{7f}"),
        ] {
            assert_eq!(lines(text), as_lines);
            assert_eq!(word(text), as_word);
        }
    }
}
