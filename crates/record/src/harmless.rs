//! Text of foreign origin for people: no escape sequence, cursor move, turn of the direction of writing or invisible
//! character comes through, in a terminal, a log or a file that somebody reads.

use std::borrow::Cow;

/// What stands beside the control characters: Unicode's format characters (Cf), its line and paragraph separators (Zl,
/// Zp), and what else of the block of tags no terminal shows. From UnicodeData.txt 16.0.
const FORMAT_CHARACTERS: [(char, char); 20] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{6dd}', '\u{6dd}'),
    ('\u{70f}', '\u{70f}'),
    ('\u{890}', '\u{891}'),
    ('\u{8e2}', '\u{8e2}'),
    ('\u{180e}', '\u{180e}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{fff9}', '\u{fffb}'),
    ('\u{110bd}', '\u{110bd}'),
    ('\u{110cd}', '\u{110cd}'),
    ('\u{13430}', '\u{1343f}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0001}', '\u{e0001}'),
    ('\u{e0002}', '\u{e0fff}'),
];

/// Whether a character does something, or hides, instead of being shown: control characters, C1's among them, and format
/// characters.
pub fn is_harmful(c: char) -> bool {
    let is_in = |(first, last): (char, char)| (first..=last).contains(&c);
    c.is_control() || (!c.is_ascii() && FORMAT_CHARACTERS.into_iter().any(is_in))
}

/// Text of several lines: newlines and tabs stay, other harmful characters are shown as `\u{1b}`.
pub fn lines(text: &str) -> Cow<'_, str> {
    escape(text, |c| is_harmful(c) && c != '\n' && c != '\t')
}

/// A part of one line: every harmful character is shown as `\u{1b}`.
pub fn word(text: &str) -> Cow<'_, str> {
    escape(text, is_harmful)
}

/// A part of one line in which a blank stands for each control character, which is most often an end of line, and other
/// harmful ones are shown as `\u{202e}`.
pub fn line(text: &str) -> String {
    escape(&text.replace(char::is_control, " "), is_harmful).into_owned()
}

/// The text of a JSON value, with harmful characters as JSON escapes them (`\u202e`): it means the same.
pub fn json(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if is_harmful(c) && c != '\n' {
            let mut units = [0; 2];
            escaped.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            escaped.push(c);
        }
    }
    escaped
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
    use proptest::prelude::*;

    #[test]
    fn harmful_characters_are_shown_and_not_obeyed() {
        for (text, as_lines, as_word) in [
            ("plain ü", "plain ü", "plain ü"),
            ("a\tb\n", "a\tb\n", "a\\u{9}b\\u{a}"),
            ("\u{1b}[31mred\r", "\\u{1b}[31mred\\u{d}", "\\u{1b}[31mred\\u{d}"),
            ("\u{9b}2J\u{7f}", "\\u{9b}2J\\u{7f}", "\\u{9b}2J\\u{7f}"),
            ("gpj.\u{202e}exe", "gpj.\\u{202e}exe", "gpj.\\u{202e}exe"),
            ("a\u{200b}b\u{2028}", "a\\u{200b}b\\u{2028}", "a\\u{200b}b\\u{2028}"),
            ("\u{e0041}日本 🙂", "\\u{e0041}日本 🙂", "\\u{e0041}日本 🙂"),
        ] {
            assert_eq!(lines(text), as_lines);
            assert_eq!(word(text), as_word);
        }
        assert_eq!(line("a\nb\u{202e}"), "a b\\u{202e}");
        assert_eq!(json("{\n \"\u{202e}\u{e0001}\u{7f}ü\" }"), "{\n \"\\u202e\\udb40\\udc01\\u007fü\" }");
    }

    #[test]
    fn every_kind_is_harmful_and_letters_are_not() {
        // Bidirectional marks, embeddings, overrides and isolates; zero widths; joiners; separators; marks of order; C0, C1.
        for c in "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}\
                  \u{200b}\u{200c}\u{200d}\u{2060}\u{feff}\u{ad}\u{2028}\u{2029}\u{fff9}\u{180e}\u{0}\u{85}\u{9f}\u{7f}"
            .chars()
        {
            assert!(is_harmful(c), "{c:?}");
        }
        for c in " ~aä€\u{a0}\u{300}ا日🙂\u{fffd}\u{2027}\u{202f}".chars() {
            assert!(!is_harmful(c), "{c:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_harmful_is_left(text in "\\PC{0,20}|.{0,20}|[\u{200b}-\u{206f}\u{0}-\u{a0}\u{e0000}-\u{e0fff}]{0,20}") {
            prop_assert!(!word(&text).contains(is_harmful));
            prop_assert!(!line(&text).contains(is_harmful));
            prop_assert!(!lines(&text).contains(|c| is_harmful(c) && c != '\n' && c != '\t'));
            prop_assert!(!json(&text).contains(|c| is_harmful(c) && c != '\n'));
        }
    }
}
