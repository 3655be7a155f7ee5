//! The file of `--config` as its sections: INI.
//!
//! ```text
//!  # a comment, as is a line that begins with ;
//!  [settings]            options, see `config_file`
//!  [pull web{01..40}]    machines that are asked, see `pull`
//!  url = https://web{}.example.org:9899
//! ```

mod range;

pub use range::{Names, RangeFault};

use std::fmt;

/// A section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section<'a> {
    /// What is between the brackets.
    pub name: &'a str,
    /// Its line, from 1.
    pub line: usize,
    /// Its keys, as they follow each other.
    pub keys: Vec<Key<'a>>,
}

/// A key with its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key<'a> {
    /// Its line, from 1.
    pub line: usize,
    /// Its name.
    pub name: &'a str,
    /// Its value.
    pub value: &'a str,
}

/// A line that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineFault {
    /// Which, from 1.
    pub line: usize,
    /// What is wrong, and what to do.
    pub what: String,
}

impl LineFault {
    /// Of this line.
    #[must_use]
    pub fn new(line: usize, what: impl Into<String>) -> Self {
        Self { line, what: what.into() }
    }
}

impl fmt::Display for LineFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for LineFault {}

impl Section<'_> {
    /// The name of what a section of this kind is about: `web` of `[pull web]`. None: it is of another kind.
    #[must_use]
    pub fn about(&self, kind: &str) -> Option<&str> {
        let rest = self.name.strip_prefix(kind)?;
        (rest.is_empty() || rest.starts_with([' ', '\t'])).then_some(rest.trim())
    }
}

/// All sections of a text, in their order. What stands before the first one is of no section, and left out.
///
/// # Errors
/// The first line that is none.
pub fn read(text: &str) -> Result<Vec<Section<'_>>, LineFault> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    for (number, line) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            sections.push(Section { name: name.trim(), line: number, keys: Vec::new() });
            continue;
        }
        let Some((name, value)) = line.split_once('=') else {
            return Err(LineFault::new(number, "must be KEY=VALUE, a [section] or a comment"));
        };
        if let Some(section) = sections.last_mut() {
            section.keys.push(Key { line: number, name: name.trim(), value: value.trim() });
        }
    }
    Ok(sections)
}

/// Of some names the one that differs least from what was written, if that is little.
#[must_use]
pub fn nearest<'a>(written: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |name: &str| {
        let mut row: Vec<usize> = (0..=name.chars().count()).collect();
        for (at, one) in written.chars().enumerate() {
            let mut above_left = at;
            let mut left = at + 1;
            let mut next = vec![left];
            for (place, other) in row.iter().skip(1).zip(name.chars()) {
                left = (above_left + usize::from(one != other)).min(place + 1).min(left + 1);
                above_left = *place;
                next.push(left);
            }
            row = next;
        }
        row.last().copied().unwrap_or(usize::MAX)
    };
    names
        .map(|name| (distance(name), name))
        .min()
        .filter(|(distance, _)| *distance <= 3)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_have_their_lines() {
        let text = "\u{feff}; a comment\nlost=1\n[settings]\r\na = b = c\n# x\n\n[ pull web{1..2} ]\nurl=\n[pull]\n[pullover x]";
        let sections = read(text).unwrap();
        let shown: Vec<_> =
            sections.iter().map(|section| (section.name, section.line, section.keys.len())).collect();
        assert_eq!(
            shown,
            [("settings", 3, 1), ("pull web{1..2}", 7, 1), ("pull", 9, 0), ("pullover x", 10, 0)]
        );
        assert_eq!(sections[0].keys, [Key { line: 4, name: "a", value: "b = c" }]);
        let about: Vec<_> = sections.iter().map(|section| section.about("pull")).collect();
        assert_eq!(about, [None, Some("web{1..2}"), Some(""), None]);
        assert_eq!(
            read("[a]\nb\n").unwrap_err().to_string(),
            "line 2: must be KEY=VALUE, a [section] or a comment"
        );
    }

    #[test]
    fn the_nearest_name_is_near() {
        let names = ["url", "fingerprint", "interval"];
        for (written, expected) in [
            ("fingerprnt", Some("fingerprint")),
            ("urls", Some("url")),
            ("Interval", Some("interval")),
            ("password", None),
        ] {
            assert_eq!(nearest(written, names.into_iter()), expected, "{written}");
        }
    }
}
