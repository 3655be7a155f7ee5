//! What kind of event a record is about: `DOMAIN/PROBE/REST`.

use crate::limits::{CLASSIFICATION_BYTES, CLASSIFICATION_PART_BYTES};

/// Why a text is no classification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClassificationError {
    /// Longer than [`CLASSIFICATION_BYTES`].
    #[error("a classification is no longer than {CLASSIFICATION_BYTES} bytes")]
    TooLong,
    /// Not three parts joined by two slashes.
    #[error("a classification has three parts joined by `/`, as in org.example/probe/rest")]
    Parts,
    /// A part is empty or longer than [`CLASSIFICATION_PART_BYTES`].
    #[error("each part of a classification has 1 to {CLASSIFICATION_PART_BYTES} bytes")]
    PartLength,
    /// A blank, a control character, or one outside ASCII.
    #[error("a classification has no blanks, control characters or characters outside ASCII")]
    Character,
}

/// Checks a classification.
///
/// # Errors
/// [`ClassificationError`] says which rule it breaks.
pub fn check(text: &str) -> Result<(), ClassificationError> {
    if text.len() > CLASSIFICATION_BYTES {
        return Err(ClassificationError::TooLong);
    }
    if text.bytes().any(|byte| !byte.is_ascii_graphic()) {
        return Err(ClassificationError::Character);
    }
    if text.bytes().filter(|byte| *byte == b'/').count() != 2 {
        return Err(ClassificationError::Parts);
    }
    if text.split('/').any(|part| part.is_empty() || part.len() > CLASSIFICATION_PART_BYTES) {
        return Err(ClassificationError::PartLength);
    }
    Ok(())
}

/// Whether `pattern` covers `classification`: the same text, or a head of it when the pattern ends in `/*`.
pub fn matches(pattern: &str, classification: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(head) if head.ends_with('/') => classification.starts_with(head),
        _ => pattern == classification,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ClassificationError as E;

    #[test]
    fn the_rules_one_by_one() {
        let part = "x".repeat(40);
        let long_part = "x".repeat(41);
        for (text, expected) in [
            ("org.clearlinux/hello/world".to_owned(), Ok(())),
            ("a/b/c".to_owned(), Ok(())),
            (format!("{part}/{part}/{part}"), Ok(())),
            (format!("{part}/{part}/{long_part}"), Err(E::TooLong)),
            (format!("a/{long_part}/c"), Err(E::PartLength)),
            ("a//c".to_owned(), Err(E::PartLength)),
            ("/b/c".to_owned(), Err(E::PartLength)),
            ("a/b/".to_owned(), Err(E::PartLength)),
            ("a/b".to_owned(), Err(E::Parts)),
            ("a/b/c/d".to_owned(), Err(E::Parts)),
            (String::new(), Err(E::Parts)),
            ("a/b /c".to_owned(), Err(E::Character)),
            ("a/b\n/c".to_owned(), Err(E::Character)),
            ("a/bé/c".to_owned(), Err(E::Character)),
        ] {
            assert_eq!(check(&text), expected, "{text:?}");
        }
    }

    #[test]
    fn patterns_cover_a_text_or_its_tail() {
        assert!(matches("a/b/c", "a/b/c"));
        assert!(matches("a/b/*", "a/b/c"));
        assert!(matches("a/*", "a/b/c"));
        assert!(!matches("a/b*", "a/b/c"));
        assert!(!matches("a/x/*", "a/b/c"));
        assert!(!matches("a/b", "a/b/c"));
    }
}
