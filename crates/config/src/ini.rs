//! First stage: the text of a configuration file as lines that assign a value to a key.
//!
//! ```text
//! # a comment; so is a line that begins with ;
//! [settings]
//! key = value        blanks around both are ignored, \s in a value is a blank
//! ```

use crate::ConfigError;
use crate::limits::KEY_BYTES;
use serde_ini::parse::{Item, Parser};
use std::path::Path;

/// The section whose keys count.
pub const SECTION: &str = "settings";

/// A line that assigns a value to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    /// Line number, from 1.
    pub(crate) line: usize,
    /// Whether it stands in [`SECTION`].
    pub(crate) is_in_section: bool,
    /// The section that it stands in, where that is another one, cut at [`KEY_BYTES`]; empty before the first.
    pub(crate) other_section: Option<String>,
    /// What stands left of the `=`; no known key is as long as what is cut off here.
    pub(crate) key: String,
    /// What stands right of it, without the blanks around it.
    pub(crate) value: String,
}

/// Reads the text of the file at `path` (for messages); `keep` says which lines are worth their memory.
///
/// # Errors
/// [`ConfigError::Syntax`]: a line is no comment, section or assignment.
pub(crate) fn assignments(
    path: &Path,
    text: &str,
    keep: impl Fn(&Assignment) -> bool,
) -> Result<Vec<Assignment>, ConfigError> {
    let mut kept = Vec::new();
    let mut other_section = Some(String::new());
    for (index, text) in without_byte_order_mark(text).lines().enumerate() {
        let line = index + 1;
        let item = Parser::from_str(text.trim()).next().transpose().map_err(|error| ConfigError::Syntax {
            path: path.to_owned(),
            line,
            reason: error.to_string(),
        })?;
        match item {
            None | Some(Item::Empty | Item::Comment { .. }) => {}
            Some(Item::Section { name }) => other_section = (name != SECTION).then(|| shortened(name)),
            Some(Item::Value { key, value }) => {
                let is_in_section = other_section.is_none();
                let (key, value) = (shortened(key), value.replace("\\s", " "));
                let other_section = other_section.clone();
                let assignment = Assignment { line, is_in_section, other_section, key, value };
                kept.extend(Some(assignment).filter(&keep));
            }
        }
    }
    Ok(kept)
}

/// The last value of each of these keys in [`SECTION`], with its line, at a cost of some nanoseconds a line: a stranger wrote the
/// text, and nothing else of it is kept. It says the same as [`assignments`].
///
/// # Errors
/// As [`assignments`].
pub(crate) fn last_values<const N: usize>(
    path: &Path,
    text: &str,
    keys: [&'static str; N],
) -> Result<Vec<Assignment>, ConfigError> {
    let mut last: [Option<(usize, &[u8])>; N] = [None; N];
    let mut is_in_section = false;
    for (index, line) in without_byte_order_mark(text).as_bytes().split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        match line.first() {
            None | Some(b'#' | b';') => continue,
            Some(b'[') if line.ends_with(b"]") => {
                is_in_section = line.get(1..line.len() - 1) == Some(SECTION.as_bytes());
                continue;
            }
            _ => {}
        }
        match line.iter().position(|byte| *byte == b'=').map(|at| line.split_at(at)) {
            Some((key, value)) if is_in_section => {
                let of_key = keys.iter().position(|known| known.as_bytes() == key.trim_ascii());
                if let Some(place) = of_key.and_then(|place| last.get_mut(place)) {
                    *place = Some((index + 1, value.get(1..).unwrap_or_default().trim_ascii()));
                }
            }
            Some(_) => {}
            // What is wrong with it, in the words that other configurations get.
            None => {
                // Not as the first line, where a mark would count.
                let text = format!("\n{}", String::from_utf8_lossy(line));
                assignments(path, &text, |_| false).map_err(at_line(index + 1))?;
            }
        }
    }
    let kept = keys.iter().zip(last).filter_map(|(key, last)| last.map(|last| (key, last)));
    Ok(kept
        .map(|(key, (line, value))| Assignment {
            line,
            is_in_section: true,
            other_section: None,
            key: (*key).to_owned(),
            value: String::from_utf8_lossy(value).replace("\\s", " "),
        })
        .collect())
}

/// The same fault, at this line.
fn at_line(line: usize) -> impl Fn(ConfigError) -> ConfigError {
    move |error| match error {
        ConfigError::Syntax { path, reason, .. } => ConfigError::Syntax { path, line, reason },
        other => other,
    }
}

fn shortened(mut name: String) -> String {
    name.truncate(name.floor_char_boundary(KEY_BYTES));
    name
}

/// What editors of other systems put before a text, which says nothing in UTF-8.
pub(crate) const BYTE_ORDER_MARK: char = '\u{feff}';

/// The text without a mark at its beginning, which would make the first line one of no known form.
pub fn without_byte_order_mark(text: &str) -> &str {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Vec<Assignment>, String> {
        assignments(Path::new("/f.conf"), text, |_| true).map_err(|error| error.to_string())
    }

    #[test]
    fn blanks_comments_and_escapes() {
        let text = "; c\n  # c\n[settings]\n\n  spool_dir\t=  /a b \r\ntidheader=X:\\s1\n[other]\nk=\n";
        let read = parse(text).unwrap();
        let read: Vec<_> =
            read.iter().map(|a| (a.line, a.is_in_section, a.key.as_str(), a.value.as_str())).collect();
        let expected = [(5, true, "spool_dir", "/a b"), (6, true, "tidheader", "X: 1"), (8, false, "k", "")];
        assert_eq!(read, expected);
    }

    #[test]
    fn a_mark_before_the_text_hides_no_section() {
        let read = parse("\u{feff}[settings]\nk=\u{feff}v\n[Other]\nk=\n").unwrap();
        assert!(read[0].is_in_section && read[0].line == 2 && read[0].value == "\u{feff}v");
        assert_eq!(read[1].other_section.as_deref(), Some("Other"));
    }

    #[test]
    fn broken_lines_are_named() {
        assert!(parse("[settings]\nserver\n").unwrap_err().starts_with("/f.conf:2: "));
        assert!(parse("[settings\n").unwrap_err().starts_with("/f.conf:1: "));
    }

    #[test]
    fn no_key_is_kept_beyond_its_bound() {
        let long = "ä".repeat(20_000);
        let read = parse(&format!("[settings]\n{long}=1\n")).unwrap();
        assert_eq!(read[0].key, long[..KEY_BYTES]);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "[\\[\\]=#;a-z\\n\\\\ s]{0,200}") {
            let _ = parse(&text);
        }
    }

    /// What the general reader makes of the last values.
    fn last_of_all(text: &str, keys: [&'static str; 3]) -> Result<Vec<Assignment>, String> {
        let all = parse(text)?;
        let last = |key: &&str| all.iter().rfind(|found| found.is_in_section && found.key == *key).cloned();
        Ok(keys.iter().filter_map(last).collect())
    }

    const KEYS: [&str; 3] = ["server", "cainfo", "tidheader"];

    proptest! {
        #[test]
        fn the_quick_reader_says_what_the_general_one_does(
            lines in prop::collection::vec(prop::sample::select(vec![
                "[settings]", " [settings] ", "[other]", "[settings ]", "[]", "server=http://h/", "server = a=b ", "\tcainfo=\\s",
                "server=", "tidheader=X-A:\\s1", "# c", "; c", "", "serve=1", "servers=1", "=", "x=[settings]", "colour = red",
                "\u{feff}[settings]", "server=\r", "cainfo=ä",
            ]), 0..30)
        ) {
            let text = lines.join("\n");
            let quick = last_values(Path::new("/f.conf"), &text, KEYS).map_err(|error| error.to_string());
            prop_assert_eq!(quick, last_of_all(&text, KEYS));
        }

        #[test]
        fn any_text_is_read_quickly_too(text in any::<String>()) {
            if let Ok(read) = last_values(Path::new("/f.conf"), &text, KEYS) {
                prop_assert!(read.len() <= KEYS.len());
            }
        }
    }

    #[test]
    fn the_quick_reader_names_the_line_that_is_none() {
        let error = last_values(Path::new("/f.conf"), "[settings]\nserver=a\nnonsense\n", KEYS).unwrap_err();
        assert_eq!(error.to_string(), parse("[settings]\nserver=a\nnonsense\n").unwrap_err());
    }
}
