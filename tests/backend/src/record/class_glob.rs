//! Classifications with `*` anywhere: what retention rules name.

use std::fmt;

use super::rules::{MAX_CLASSIFICATION, is_classification};

/// `org.clearlinux/hello/world`, `org.clearlinux/*` or `*/crash/*`. A `*` stands for any characters, `/` among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassGlob(String);

impl ClassGlob {
    /// What [`ClassGlob::parse`] takes, for messages.
    pub const ALLOWED: &str = "like org.clearlinux/hello/world, or with '*' for any characters in it";

    /// `None` unless it is a classification, or has a `*` and nothing that no classification has.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_glob = text.contains('*')
            && text.len() <= MAX_CLASSIFICATION
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        (is_glob || is_classification(text)).then(|| Self(text.to_owned()))
    }

    /// Whether a classification is one of those.
    ///
    /// The part before the first `*` and that after the last have to be its ends; the others are found from left
    /// to right, each as early as it can be.
    #[must_use]
    pub fn matches(&self, classification: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else { return self.0 == classification };
        let (middle, last) =
            rest.rsplit_once('*').map_or((None, rest), |(middle, last)| (Some(middle), last));
        let Some(inner) = classification.strip_prefix(first).and_then(|text| text.strip_suffix(last)) else {
            return false;
        };
        let mut parts = middle.into_iter().flat_map(|middle| middle.split('*'));
        parts.try_fold(inner, |text, part| text.split_once(part).map(|(_, after)| after)).is_some()
    }
}

impl fmt::Display for ClassGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_characters() {
        for (glob, class, matches) in [
            ("a/b/c", "a/b/c", true),
            ("a/b/c", "a/b/cc", false),
            ("a/b/*", "a/b/c", true),
            ("a/*/c", "a/bbb/c", true),
            ("a/*/c", "a/b/d", false),
            ("*/c", "a/b/c", true),
            ("*", "a/b/c", true),
            ("**", "a/b/c", true),
            ("*b*", "a/b/c", true),
            ("*/x/*", "a/b/c", false),
            ("a*b*b*c", "a/b/c", false),
            ("a*b*b*c", "a/b/bc", true),
            ("ab*ba", "aba/b/c", false),
            ("a/b/c*c", "a/b/c", false),
        ] {
            assert_eq!(ClassGlob::parse(glob).unwrap().matches(class), matches, "{glob} {class}");
        }
    }

    proptest::proptest! {
        #[test]
        fn it_agrees_with_a_regular_expression(text in "[ab/*]{1,9}", class in "[ab/]{0,9}") {
            if let Some(glob) = ClassGlob::parse(&text) {
                let pattern = format!("^{}$", regex::escape(&text).replace("\\*", ".*"));
                let expected = regex::Regex::new(&pattern).unwrap().is_match(&class);
                proptest::prop_assert_eq!(glob.matches(&class), expected);
            }
        }
    }

    #[test]
    fn what_no_classification_can_match_is_refused() {
        for text in ["", "a/b", "a b*", "é*", "a/b/c/d", &format!("{}*", "a".repeat(122))] {
            assert_eq!(ClassGlob::parse(text), None, "{text:?}");
        }
    }
}
