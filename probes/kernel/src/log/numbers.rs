//! A sentence without the numbers in it, by which the same failure is known again.

/// Adds the text with numbers as `#`, but not in names and source lines: `CPU#1` is `CPU##`, while `x86_64`, `fn.c:525` and
/// `fn+0x1/0x2` stay.
pub(super) fn push_without_numbers(shown: &mut String, text: &str) {
    let mut rest = text;
    loop {
        let end = memchr::memchr(b' ', rest.as_bytes()).unwrap_or(rest.len());
        let (word, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if is_place(word) {
            shown.push_str(word);
        } else {
            push_word(shown, word);
        }
        let Some(next) = after.strip_prefix(' ') else { return };
        shown.push(' ');
        rest = next;
    }
}

/// `fn+0x1/0x2`, `mm/a.c:5`
fn is_place(word: &str) -> bool {
    let bytes = word.as_bytes();
    let mut pluses = memchr::memchr_iter(b'+', bytes);
    let is_of_function = |at: usize| bytes.get(at..).is_some_and(|rest| rest.starts_with(b"+0x"));
    pluses.any(is_of_function)
        || memchr::memchr(b'.', bytes).is_some() && word.trim_end_matches(['.', ',', '!']).contains('.')
}

fn push_word(shown: &mut String, word: &str) {
    let (mut copied, mut at, mut in_name) = (0, 0, false);
    while let Some(rest) = word.as_bytes().get(at..)
        && let Some(byte) = rest.first()
    {
        if byte.is_ascii_digit() && !in_name {
            shown.push_str(word.get(copied..at).unwrap_or_default());
            shown.push('#');
            at += rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            copied = at;
        } else {
            in_name = byte.is_ascii_alphanumeric() || *byte == b'_';
            at += 1;
        }
    }
    shown.push_str(word.get(copied..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without_numbers(text: &str) -> String {
        let mut shown = String::new();
        push_without_numbers(&mut shown, text);
        shown
    }

    #[test]
    fn the_same_failure_has_the_same_words() {
        for (one, other) in [
            (
                "WARNING: CPU: 0 PID: 12 at mm/a.c:5 fn+0x1/0x2",
                "WARNING: CPU: 3 PID: 4567 at mm/a.c:5 fn+0x1/0x2",
            ),
            ("WARNING: mm/a.c:5 at fn+0x1/0x2, CPU#0: a/12", "WARNING: mm/a.c:5 at fn+0x1/0x2, CPU#7: a/9"),
            (
                "BUG: soft lockup - CPU#0 stuck for 26s! [a:12]",
                "BUG: soft lockup - CPU#1 stuck for 52s! [a:13]",
            ),
            (
                "INFO: task a:1 blocked for more than 120 seconds.",
                "INFO: task a:2 blocked for more than 241 seconds.",
            ),
            ("Oops: 0000 [#1] SMP", "Oops: 0000 [#2] SMP"),
        ] {
            assert_eq!(without_numbers(one), without_numbers(other));
        }
        assert_ne!(without_numbers("at mm/a.c:5 fn+0x1/0x2"), without_numbers("at mm/a.c:6 fn+0x1/0x2"));
    }
}
