//! Why a record is not taken. Every message names the header, and says what is allowed.

use std::fmt;

use crate::limits::{MAX_PAYLOAD_BYTES, MAX_QUOTED_CHARS};

/// A record that breaks a rule. Nothing of it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A header that this record's format version requires is not there.
    Missing {
        /// The header.
        name: &'static str,
        /// The record's format version.
        version: u8,
    },
    /// A header has a value that no rule allows.
    Wrong {
        /// The header.
        name: &'static str,
        /// The value, shortened.
        given: String,
        /// What would be right.
        allowed: &'static str,
    },
    /// A header is there twice, perhaps in two spellings.
    Twice {
        /// The header.
        name: &'static str,
    },
    /// The telemetry id is missing or not that of this collector.
    ForeignTid,
    /// The payload is over [`MAX_PAYLOAD_BYTES`].
    PayloadTooLong,
    /// The body is no JSON object. Holds where it goes wrong.
    NotAnObject(String),
}

impl Refusal {
    /// A [`Refusal::Wrong`] that repeats the beginning of the value.
    #[must_use]
    pub fn wrong(name: &'static str, given: &str, allowed: &'static str) -> Self {
        Self::Wrong { name, given: quoted(given), allowed }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { name, version } => {
                write!(f, "{name} is missing; record format version {version} requires it")
            }
            Self::Wrong { name, given, allowed } => write!(f, "{name} is {given}; allowed: {allowed}"),
            Self::Twice { name } => write!(f, "{name} is given twice; allowed: once, in one spelling"),
            Self::ForeignTid => {
                write!(f, "X-Telemetry-TID is not right; allowed: the one id that this collector serves")
            }
            Self::PayloadTooLong => write!(f, "payload is too long; allowed: {MAX_PAYLOAD_BYTES} bytes"),
            Self::NotAnObject(reason) => {
                write!(f, "body is not right ({reason}); allowed: a JSON object of strings")
            }
        }
    }
}

impl std::error::Error for Refusal {}

/// A foreign value for a message: in quotes, shortened, control characters escaped.
#[must_use]
pub fn quoted(value: &str) -> String {
    match value.char_indices().nth(MAX_QUOTED_CHARS) {
        Some((end, _)) => format!("{:?} and more", value.get(..end).unwrap_or_default()),
        None => format!("{value:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_value_is_short_and_on_one_line() {
        assert_eq!(quoted("a\nb"), "\"a\\nb\"");
        assert_eq!(quoted(&"é".repeat(64)), format!("\"{}\"", "é".repeat(64)));
        assert_eq!(quoted(&"é".repeat(65)), format!("\"{}\" and more", "é".repeat(64)));
    }
}
