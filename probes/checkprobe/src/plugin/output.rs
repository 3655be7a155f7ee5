//! What a plugin prints.
//!
//! ```text
//! TEXT | PERFORMANCE DATA          the first line
//! more text                        is not used
//! more text | MORE DATA
//! MORE DATA
//! ```

use super::perfdata::{self, Item};

/// Longest text that is kept, in bytes.
const TEXT_BYTES: usize = 256;

/// What was printed, as far as it is used.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Output {
    /// The first line, harmless and short.
    pub text: String,
    /// Performance data that is as it should be.
    pub items: Vec<Item>,
}

/// Reads what was printed: of any bytes.
pub fn parse(bytes: &[u8]) -> Output {
    let printed = String::from_utf8_lossy(bytes);
    let (first, rest) = printed.split_once('\n').unwrap_or((&printed, ""));
    let (text, data) = first.split_once('|').unwrap_or((first, ""));
    let more = rest.split_once('|').map_or("", |(_, more)| more);
    let items = std::iter::once(data).chain(more.lines()).flat_map(perfdata::parse);
    Output { text: cut(line(text).trim()).to_owned(), items: items.take(perfdata::ITEMS).collect() }
}

/// One line without the sequences by which terminals are controlled; U+FFFD stands for other control characters.
fn line(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut characters = text.trim().chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\u{1b}' => {
                if characters.next_if_eq(&'[').is_some() {
                    // Up to its last character, which is a letter or the like.
                    while characters.next_if(|c| matches!(c, ' '..='?')).is_some() {}
                }
                characters.next_if(|c| matches!(c, '@'..='~'));
            }
            '\t' => shown.push(' '),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => shown.push('\u{fffd}'),
            c => shown.push(c),
        }
    }
    shown
}

fn cut(text: &str) -> &str {
    let end = (0..=TEXT_BYTES.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_and_data_of_one_line_and_of_several() {
        let output = parse(b"DISK OK - free space: / 3326 MB (56%); | /=2643MB;5948;5958;0;5968 \n/ 15272 MB (77%);\n/boot 68 MB | /boot=68MB;88;93;0;98\n/home=69357MB;253404;253409;0;253414\n");
        assert_eq!(output.text, "DISK OK - free space: / 3326 MB (56%);");
        let labels: Vec<_> = output.items.iter().map(|item| item.label.as_str()).collect();
        assert_eq!(labels, ["/", "/boot", "/home"]);
        assert_eq!(parse(b""), Output::default());
        assert_eq!(parse(b"| a=1\n").text, "");
    }

    #[test]
    fn no_escape_and_no_control_character_comes_through() {
        for (bytes, expected) in [
            (&b"\x1b[31;1mred\x1b[0m"[..], "red"),
            (b"a\x1bMb\x07\x7f", "ab\u{fffd}\u{fffd}"),
            (b"\xff\xfe", "\u{fffd}\u{fffd}"),
            (b"a\tb\r\n", "a b"),
            (b"\x1b[", ""),
        ] {
            assert_eq!(parse(bytes).text, expected, "{bytes:?}");
        }
        assert_eq!(parse("ä".repeat(500).as_bytes()).text.len(), TEXT_BYTES);
    }

    proptest! {
        #[test]
        fn any_bytes_give_one_short_line(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let output = parse(&bytes);
            prop_assert!(output.text.len() <= TEXT_BYTES);
            prop_assert!(!output.text.contains(char::is_control));
            prop_assert!(output.items.len() <= perfdata::ITEMS);
        }
    }
}
