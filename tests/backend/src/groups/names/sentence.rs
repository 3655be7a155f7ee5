//! Sentences of the kernel, of services and of errors, with placeholders for what differs from one time to the next.

use crate::groups::limits::{LINE_BYTES, SENTENCE_BYTES};
use crate::groups::text::{Pattern, clean, cut, replace};
use regex::Regex;

static QUOTED: Pattern =
    Pattern::new(|| Regex::new(r#""[^"]*"|\B'[^']*'\B|“[^”]*”|‘[^’]*’|`[^`']*[`']"#).ok());
static PATH: Pattern =
    Pattern::new(|| Regex::new(r"/(?:home|tmp|root|var/tmp|run/user)(?:/[^\s:,;)\]]*)?").ok());
static UUID: Pattern = Pattern::new(|| {
    Regex::new(r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b").ok()
});
static HEX: Pattern = Pattern::new(|| Regex::new(r"\b0[xX][0-9a-fA-F]+\b|\((?:ptrval|address|null)\)").ok());
/// At least four hexadecimal digits of which one is decimal and one is not: addresses, ids, hashes.
static LONG: Pattern = Pattern::new(|| {
    Regex::new(
        r"\b(?:[0-9]+[a-fA-F][0-9a-fA-F]{2,}|[a-fA-F]+[0-9][0-9a-fA-F]{2,}|[0-9a-fA-F]{2,}[0-9][a-fA-F]+)\b",
    )
    .ok()
});
static NUMBER: Pattern = Pattern::new(|| Regex::new(r"[0-9]+(?:\.[0-9]+)*").ok());
static NUMBERS: Pattern = Pattern::new(|| Regex::new(r"\(number\)(?:[-.:#/]?\(number\))+").ok());

/// The sentence in one line: paths of people, quoted text, UUIDs, addresses and numbers are `(path)`, `(text)`,
/// `(uuid)`, `(address)`, `(number)`.
#[must_use]
pub fn sentence(text: &str) -> String {
    let text = clean(cut(text.trim(), LINE_BYTES));
    let text = replace(&text, &QUOTED, "(text)");
    let text = replace(&text, &PATH, "(path)");
    let text = replace(&text, &UUID, "(uuid)");
    let text = replace(&text, &HEX, "(address)");
    let text = replace(&text, &LONG, "(address)");
    let text = replace(&text, &NUMBER, "(number)");
    let text = replace(&text, &NUMBERS, "(number)");
    cut(text.split_whitespace().collect::<Vec<_>>().join(" ").as_str(), SENTENCE_BYTES).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_differs_each_time_is_a_placeholder() {
        for (text, expected) in [
            ("worker 123 exited", "worker (number) exited"),
            ("oops at 0x7ffd1234", "oops at (address)"),
            ("at ffff8881044f0000", "at (address)"),
            ("at (address) (null)", "at (address) (address)"),
            ("id 5de9de8d5f3c6a7d lost", "id (address) lost"),
            ("section 81212a96-09ed-4996-9471-8d729c8e69ed", "section (uuid)"),
            ("cannot open \"a b\": 'x' is gone", "cannot open (text): (text) is gone"),
            ("don't and can't", "don't and can't"),
            ("/home/me/a.conf: no", "(path): no"),
            ("(/tmp/x) and /usr/bin/x", "((path)) and /usr/bin/x"),
            ("/run/user/1000/bus", "(path)"),
            ("10.0.0.1:80 is away", "(number) is away"),
            ("a bad face, feed and cabbages", "a bad face, feed and cabbages"),
            ("  two\n lines ", "two\u{fffd} lines"),
            ("", ""),
        ] {
            assert_eq!(sentence(text), expected, "{text}");
        }
    }

    #[test]
    fn it_is_cut() {
        assert!(sentence(&"ä ".repeat(9000)).len() <= SENTENCE_BYTES);
    }

    proptest! {
        #[test]
        fn numbers_make_no_difference(one in any::<u32>(), other in any::<u32>()) {
            prop_assert_eq!(sentence(&format!("cpu {one} of {one}")), sentence(&format!("cpu {other} of {other}")));
            prop_assert_eq!(sentence(&format!("at 0x{one:x}.")), sentence(&format!("at 0x{other:x}.")));
        }

        #[test]
        fn any_text_ends(text in any::<String>()) {
            prop_assert!(sentence(&text).len() <= SENTENCE_BYTES);
        }
    }
}
