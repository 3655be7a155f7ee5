//! Foreign text that becomes part of a name: cut, and without characters that change how the rest is shown.

use regex::Regex;
use std::sync::LazyLock;

/// A regular expression of ours. It compiles (the tests of its module use it); none would match nothing.
pub(super) type Pattern = LazyLock<Option<Regex>>;

/// The first `bytes` bytes, cut between characters.
pub(super) fn cut(text: &str, bytes: usize) -> &str {
    if text.len() <= bytes {
        return text;
    }
    let end = (0..=bytes).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

/// The first `chars` characters, the last of them `…` where some are missing.
pub(super) fn cut_chars(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        None => text.to_owned(),
        Some(_) => text.chars().take(chars.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// The text with U+FFFD for control characters and for those that turn the direction of a line.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|c| if is_unsafe(c) { '\u{fffd}' } else { c }).collect()
}

fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The text with all matches replaced; `$1` stands for the first group.
pub(super) fn replace(text: &str, pattern: &Pattern, with: &str) -> String {
    match pattern.as_ref() {
        Some(pattern) => pattern.replace_all(text, with).into_owned(),
        None => text.to_owned(),
    }
}

/// What a group of the first match holds.
pub(super) fn group<'a>(text: &'a str, pattern: &Pattern, number: usize) -> Option<&'a str> {
    Some(pattern.as_ref()?.captures(text)?.get(number)?.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(cut("aäb", 2), "a");
        assert_eq!(cut("aäb", 3), "aä");
        assert_eq!(cut("a", 9), "a");
        assert_eq!(cut_chars("äöü", 3), "äöü");
        assert_eq!(cut_chars("äöüß", 3), "äö…");
    }

    #[test]
    fn what_changes_how_the_rest_is_shown_goes() {
        assert_eq!(clean("a\u{202e}b\u{1b}[0m\n\u{feff}"), "a\u{fffd}b\u{fffd}[0m\u{fffd}\u{fffd}");
        assert_eq!(clean("größe<T>"), "größe<T>");
    }
}
