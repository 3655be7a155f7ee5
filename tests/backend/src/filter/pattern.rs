//! Patterns for payloads.

use regex::{Regex, RegexBuilder};

use super::{FilterError, Query};
use crate::limits::{MAX_FILTER_BYTES, MAX_PATTERN_BYTES};

/// A regular expression, in the syntax of the crate `regex`: it takes linear time, whatever it is.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

impl Pattern {
    fn parse(text: &str) -> Result<Self, regex::Error> {
        RegexBuilder::new(text).size_limit(MAX_PATTERN_BYTES).build().map(Self)
    }

    /// That of a parameter. Whoever mistypes one reads what is wrong with it.
    pub(super) fn read(query: Query<'_>, name: &'static str) -> Result<Option<Self>, FilterError> {
        let allowed = "a regular expression in the syntax of the crate regex";
        let whole = query.value(name, &format!("{allowed}, up to {MAX_FILTER_BYTES} bytes"), |text| {
            Some(Self::parse(text).map_err(|error| (text.to_owned(), error.to_string())))
        })?;
        whole.transpose().map_err(|(text, error)| {
            // The rest of it draws where, over several lines.
            let why = error.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            FilterError::new(name, &text, format!("{allowed} ({why})"))
        })
    }

    /// Whether it is found anywhere in a payload.
    #[must_use]
    pub fn matches(&self, payload: &str) -> bool {
        self.0.is_match(payload)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}
