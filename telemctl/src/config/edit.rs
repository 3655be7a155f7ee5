//! The text of a configuration file with one value changed, and everything else as it was.

use telemetry_config::{SECTION, without_byte_order_mark};

/// The text in which the key has this value (as it stands in a file). The line that counts is changed; where there is none,
/// one is added: below a comment that shows the key's default, else at the end of the section.
pub(super) fn with_value(text: &str, key: &str, value: &str) -> String {
    let mut lines: Vec<String> = without_byte_order_mark(text).lines().map(str::to_owned).collect();
    let assignment = format!("{key}={value}");
    match find_edit(&lines, key) {
        Edit::ChangeLine(index) => {
            if let Some(line) = lines.get_mut(index) {
                *line = assignment;
            }
        }
        Edit::InsertLine(index) => lines.insert(index, assignment),
        Edit::AppendSection => {
            if !lines.is_empty() {
                lines.push(String::new());
            }
            lines.extend([format!("[{SECTION}]"), assignment]);
        }
    }
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

/// What is done to the file, by the index of a line.
#[derive(Debug, PartialEq, Eq)]
enum Edit {
    /// This line has the value that counts.
    ChangeLine(usize),
    /// Before this line.
    InsertLine(usize),
    /// The file has no such section.
    AppendSection,
}

fn find_edit(lines: &[String], key: &str) -> Edit {
    let (mut set, mut shown, mut end) = (None, None, None);
    let mut is_in_section = false;
    for (index, line) in lines.iter().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            is_in_section = line.strip_prefix('[').and_then(|name| name.strip_suffix(']')) == Some(SECTION);
        }
        if !is_in_section {
            continue;
        }
        let key_of = |line: &str| line.split_once('=').is_some_and(|(name, _)| name.trim() == key);
        if key_of(line) {
            set = Some(index);
        } else if line.strip_prefix('#').is_some_and(key_of) {
            shown = Some(index + 1);
        }
        if !line.is_empty() {
            end = Some(index + 1);
        }
    }
    match (set, shown.or(end)) {
        (Some(index), _) => Edit::ChangeLine(index),
        (None, Some(index)) => Edit::InsertLine(index),
        (None, None) => Edit::AppendSection,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::Path;
    use telemetry_config::Configuration;
    use telemetry_config::server::CAINFO;

    #[test]
    fn one_line_is_changed_or_added() {
        for (text, expected) in [
            ("", "[settings]\ncainfo=/x\n"),
            ("# c\n", "# c\n\n[settings]\ncainfo=/x\n"),
            ("[settings]\n", "[settings]\ncainfo=/x\n"),
            ("\u{feff}[settings]\n", "[settings]\ncainfo=/x\n"),
            ("[settings]\na=1\n\n[o]\ncainfo=/o\n", "[settings]\na=1\ncainfo=/x\n\n[o]\ncainfo=/o\n"),
            ("[settings]\n# c\n cainfo = /a\n# d\n", "[settings]\n# c\ncainfo=/x\n# d\n"),
            ("[settings]\ncainfo=/a\ncainfo=/b\n", "[settings]\ncainfo=/a\ncainfo=/x\n"),
            (
                "[settings]\n# CA\n#cainfo=\n\n#server=\n",
                "[settings]\n# CA\n#cainfo=\ncainfo=/x\n\n#server=\n",
            ),
            ("cainfo=/o\n[settings]\nb=1", "cainfo=/o\n[settings]\nb=1\ncainfo=/x\n"),
            ("[o]\n[settings]\n[p]\n[settings]\nb=1\n", "[o]\n[settings]\n[p]\n[settings]\nb=1\ncainfo=/x\n"),
        ] {
            assert_eq!(with_value(text, "cainfo", "/x"), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn the_value_holds_afterwards_and_no_other_changes(
            lines in prop::collection::vec("(#|;)?(cainfo|server|x) ?=[a-z/]{0,3}|\\[(settings|o)\\]|[ \t]*|# .{0,5}", 0..12)
        ) {
            let text = lines.join("\n");
            let path = Path::new("/f.conf");
            let edited = with_value(&text, "cainfo", "/new");
            let before = Configuration::parse(path, &text).unwrap();
            let after = Configuration::parse(path, &edited).unwrap();
            prop_assert_eq!(after.shown(&CAINFO).0, "/new");
            let server = &telemetry_config::server::SERVER;
            prop_assert_eq!(after.shown(server).0, before.shown(server).0);
            let kept = edited.lines().filter(|line| *line != "cainfo=/new").count();
            prop_assert!(kept + 1 >= text.lines().count(), "{edited:?}");
        }
    }
}
