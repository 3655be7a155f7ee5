//! A classification, or the beginning of some: what filters and retention rules name.

use std::fmt;

use super::rules::{is_classification, is_classification_start};

/// `org.clearlinux/hello/world` or `org.clearlinux/*`. A `*` stands at the end or not at all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClassPattern {
    /// This one.
    Whole(String),
    /// All that begin so; without the `*`.
    Start(String),
}

impl ClassPattern {
    /// What [`ClassPattern::parse`] takes, for messages.
    pub const ALLOWED: &str = "like org.clearlinux/hello/world or org.clearlinux/*";

    /// `None` unless some classification can match.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (start, is_start) = text.strip_suffix('*').map_or((text, false), |start| (start, true));
        let good = if is_start { is_classification_start(start) } else { is_classification(start) };
        if !good || start.contains('*') {
            return None;
        }
        Some(if is_start { Self::Start(start.to_owned()) } else { Self::Whole(start.to_owned()) })
    }

    /// Whether a classification is one of those.
    #[must_use]
    pub fn matches(&self, classification: &str) -> bool {
        match self {
            Self::Whole(class) => class == classification,
            Self::Start(start) => classification.starts_with(start),
        }
    }
}

impl fmt::Display for ClassPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(class) => f.write_str(class),
            Self::Start(start) => write!(f, "{start}*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_itself_or_what_begins_so() {
        for (pattern, class, matches) in [
            ("a/b/c", "a/b/c", true),
            ("a/b/c", "a/b/cc", false),
            ("a/b/*", "a/b/c", true),
            ("a/b*", "a/bb/c", true),
            ("a/b/*", "a/bb/c", false),
            ("*", "a/b/c", true),
        ] {
            let pattern = ClassPattern::parse(pattern).unwrap();
            assert_eq!(pattern.matches(class), matches, "{pattern} {class}");
        }
    }

    #[test]
    fn what_no_classification_can_match_is_refused() {
        for text in [
            "",
            "a/b",
            "a/*/c",
            "*/b/c",
            "a**",
            "a b*",
            "é*",
            "a/b/c/d*",
            "a//*",
            &format!("{}*", "a".repeat(41)),
        ] {
            assert_eq!(ClassPattern::parse(text), None, "{text:?}");
        }
    }
}
