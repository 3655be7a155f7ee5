//! Patterns whose only special character is `*`, which stands for any characters, or none.

/// A pattern, parted at its stars: it is asked of every frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wildcard {
    text: String,
    /// What stands before the first star, or the whole.
    start: String,
    /// What stands between stars and behind the last; none where there is no star.
    behind: Option<(Vec<String>, String)>,
}

impl Wildcard {
    pub(super) fn new(text: &str) -> Self {
        let mut parts = text.split('*').map(str::to_owned);
        let start = parts.next().unwrap_or_default();
        let mut between: Vec<String> = parts.collect();
        let behind = between.pop().map(|end| {
            between.retain(|part| !part.is_empty());
            (between, end)
        });
        Self { text: text.to_owned(), start, behind }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it stands for this text. What stands between two `*` is taken where it first is, since a later `*` may
    /// take up the rest: no text is read twice.
    pub(super) fn matches(&self, text: &str) -> bool {
        let Some((between, end)) = &self.behind else { return self.start == text };
        let Some(rest) = text.strip_prefix(self.start.as_str()) else { return false };
        let Some(mut rest) = rest.strip_suffix(end.as_str()) else { return false };
        for part in between {
            let Some((_, after)) = rest.split_once(part.as_str()) else { return false };
            rest = after;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_star_is_anything() {
        for (pattern, text, expected) in [
            ("abort", "abort", true),
            ("abort", "aborted", false),
            ("*", "", true),
            ("*", "x", true),
            ("a*", "a", true),
            ("a*b", "ab", true),
            ("a*b", "axxb", true),
            ("a*a", "a", false),
            ("*sort*", "qsort_r", true),
            ("*a*b*", "xaxbx", true),
            ("*a*b*", "xbxax", false),
            ("a*bc*d", "abcbcd", true),
            ("a**b", "axb", true),
            ("", "", true),
            ("", "x", false),
            ("<*>", "<ä>", true),
        ] {
            assert_eq!(Wildcard::new(pattern).matches(text), expected, "{pattern} {text}");
        }
    }

    proptest! {
        #[test]
        fn it_is_what_the_expression_says(pattern in "[ab*]{0,8}", text in "[ab]{0,12}") {
            let expression = format!("^{}$", pattern.replace('*', ".*"));
            let expected = regex::Regex::new(&expression).unwrap().is_match(&text);
            prop_assert_eq!(Wildcard::new(&pattern).matches(&text), expected);
        }
    }
}
