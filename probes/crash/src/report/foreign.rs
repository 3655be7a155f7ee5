//! Text that the crashed program chose: paths, names of functions, files and modules.

use telemetry_record::harmless::is_harmful;
use telemetry_record::header::cut;

/// Stands where text was left out.
pub(super) const CUT: &str = "(...)";

/// What is read of a text, in bytes: the longest path. Names have no limit of their own.
const LOOKED_AT_BYTES: usize = 4096;

/// The text as a part of one line: what ends a line anywhere, moves a cursor or turns the direction of writing
/// becomes a blank, and blanks around it go.
/// Text beyond the longest path is not read.
pub(super) fn clean(text: &str) -> String {
    let clean: String =
        cut(text, LOOKED_AT_BYTES).chars().map(|c| if is_harmful(c) { ' ' } else { c }).collect();
    clean.trim().to_owned()
}

/// Clean text of at most this many bytes; a longer one loses its middle, since a path is known by both of its ends.
pub(super) fn line(text: &str, limit: usize) -> String {
    cut_middle(&clean(text), limit)
}

/// Clean text that may stand before or within the brackets of a frame line and be found there again.
pub(super) fn without_brackets(text: &str) -> String {
    clean(text).replace('[', "(").replace(']', ")")
}

/// The text, or its beginning and the mark of the cut.
pub(super) fn cut_end(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    format!("{}{CUT}", cut(text, limit.saturating_sub(CUT.len())))
}

/// The text, or its beginning, the mark of the cut, and its end, which is the longer part.
pub(super) fn cut_middle(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let kept = limit.saturating_sub(CUT.len());
    let first = kept / 3;
    format!("{}{CUT}{}", cut(text, first), tail(text, kept.saturating_sub(first)))
}

fn tail(text: &str, bytes: usize) -> &str {
    let begin = text.len().saturating_sub(bytes);
    let begin = (begin..=text.len()).find(|begin| text.is_char_boundary(*begin)).unwrap_or(text.len());
    text.get(begin..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_line_or_turns_it() {
        for (text, cleaned) in [
            ("plain ü", "plain ü"),
            ("a\nBacktrace (TID 1):\r\n#0 x", "a Backtrace (TID 1):  #0 x"),
            ("a\u{1b}[31m\u{7f}\u{85}b", "a [31m  b"),
            ("a\u{2028}b\u{2029}c\u{202e}d\u{2066}e", "a b c d e"),
            (" \t\n ", ""),
        ] {
            assert_eq!(clean(text), cleaned);
        }
        assert_eq!(without_brackets("a[1]\n"), "a(1)");
    }

    #[test]
    fn long_text_is_cut_on_character_boundaries() {
        for (limit, end, middle) in [
            (20, "/usr/bin/äöü", "/usr/bin/äöü"),
            (15, "/usr/bin/äöü", "/usr/bin/äöü"),
            (14, "/usr/bin/(...)", "/us(...)äöü"),
            (9, "/usr(...)", "/(...)ü"),
            (5, "(...)", "(...)"),
            (0, "(...)", "(...)"),
        ] {
            assert_eq!(cut_end("/usr/bin/äöü", limit), end);
            assert_eq!(line("/usr/bin/äöü", limit), middle);
        }
        assert_eq!(cut_end("äöü12345", 8), "ä(...)");
    }
}
