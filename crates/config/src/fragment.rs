//! First stage: the text of a configuration file as keys with values and line numbers.
//!
//! ```text
//! # a comment; so is a line that begins with ;
//! [settings]
//! key = value        blanks around both are ignored, \s in a value is a blank
//! ```

use crate::keys::{self, Key};
use crate::{ConfigError, ConfigWarning, WarningKind};
use serde_ini::parse::{Item, Parser};
use std::collections::HashMap;
use std::path::Path;

/// The section whose keys count.
const SECTION: &str = "settings";

/// The keys that a file sets.
#[derive(Debug, Default)]
pub(super) struct Fragment {
    values: HashMap<&'static str, (String, usize)>,
}

impl Fragment {
    /// Reads the text of the file at `path` (for messages).
    pub(super) fn parse(path: &Path, text: &str) -> Result<(Self, Vec<ConfigWarning>), ConfigError> {
        let mut fragment = Self::default();
        let mut warnings = Vec::new();
        let mut section = String::new();
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            let warning = |kind| ConfigWarning { path: path.to_owned(), line: number, kind };
            let item = Parser::from_str(line.trim()).next().transpose().map_err(|error| {
                ConfigError::Syntax { path: path.to_owned(), line: number, reason: error.to_string() }
            })?;
            match item {
                None | Some(Item::Empty | Item::Comment { .. }) => {}
                Some(Item::Section { name }) => section = name,
                Some(Item::Value { key, value }) if section == SECTION => match keys::find(&key) {
                    Some(known) => {
                        let value = value.replace("\\s", " ");
                        if fragment.values.insert(known.name, (value, number)).is_some() {
                            warnings.push(warning(WarningKind::Repeated { key: known.name }));
                        }
                    }
                    None => {
                        warnings.push(warning(WarningKind::Unknown { nearest: keys::nearest(&key), key }))
                    }
                },
                Some(Item::Value { key, .. }) => {
                    warnings.push(warning(WarningKind::OutsideSection { key }));
                }
            }
        }
        Ok((fragment, warnings))
    }

    /// The value that counts for a key, and the line that set it (none for a default).
    pub(super) fn get(&self, key: Key) -> (String, Option<usize>) {
        match self.values.get(key.name) {
            Some((value, line)) => (value.clone(), Some(*line)),
            None => (key.default.replace("\\s", " "), None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<(Fragment, Vec<String>), String> {
        Fragment::parse(Path::new("/f.conf"), text)
            .map(|(fragment, warnings)| (fragment, warnings.iter().map(ToString::to_string).collect()))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn blanks_comments_and_escapes() {
        let text = "; c\n  # c\n[settings]\n\n  spool_dir\t=  /a b \r\ntidheader=X:\\s1\n";
        let (fragment, warnings) = parse(text).unwrap();
        assert_eq!(warnings, [""; 0]);
        assert_eq!(fragment.get(keys::SPOOL_DIR), ("/a b".to_owned(), Some(5)));
        assert_eq!(fragment.get(keys::TIDHEADER), ("X: 1".to_owned(), Some(6)));
        assert_eq!(fragment.get(keys::RECORD_EXPIRY), ("1200".to_owned(), None));
    }

    #[test]
    fn what_has_no_effect_is_said() {
        let text = "cainfo=/x\n[settings]\nspool_dri=/x\ncolour_of_sky=1\nserver=a\nserver=b\n[o]\nk=v\n";
        let (fragment, warnings) = parse(text).unwrap();
        assert_eq!(fragment.get(keys::SERVER).0, "b");
        assert_eq!(
            warnings,
            [
                "/f.conf:1: `cainfo` stands outside [settings] and has no effect",
                "/f.conf:3: unknown key `spool_dri`; did you mean `spool_dir`?",
                "/f.conf:4: unknown key `colour_of_sky`",
                "/f.conf:6: `server` is set twice; the last one counts",
                "/f.conf:8: `k` stands outside [settings] and has no effect",
            ]
        );
    }

    #[test]
    fn broken_lines_are_named() {
        assert!(parse("[settings]\nserver\n").unwrap_err().starts_with("/f.conf:2: "));
        assert!(parse("[settings\n").unwrap_err().starts_with("/f.conf:1: "));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "[\\[\\]=#;a-z\\n\\\\ s]{0,200}") {
            let _ = parse(&text);
        }
    }
}
