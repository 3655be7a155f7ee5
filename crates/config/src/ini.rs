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
}
