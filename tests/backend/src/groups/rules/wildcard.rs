//! Patterns whose only special character is `*`, which stands for any characters, or none.

/// A pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wildcard {
    text: String,
}

impl Wildcard {
    pub(super) fn new(text: &str) -> Self {
        Self { text: text.to_owned() }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it stands for this text. What stands between two `*` is taken where it first is, since a later `*` may
    /// take up the rest: no text is read twice.
    pub(super) fn matches(&self, text: &str) -> bool {
        let Some((start, middle)) = self.text.split_once('*') else { return self.text == text };
        let Some(mut rest) = text.strip_prefix(start) else { return false };
        let (middle, end) = middle.rsplit_once('*').map_or(("", middle), |(middle, end)| (middle, end));
        let Some(head) = rest.strip_suffix(end) else { return false };
        rest = head;
        for part in middle.split('*').filter(|part| !part.is_empty()) {
            let Some((_, behind)) = rest.split_once(part) else { return false };
            rest = behind;
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
