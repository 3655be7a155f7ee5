//! One function within a line: `fn+0x1/0x2`, `fn file.c:12 [inline]`, `fn (file.c:12)`, `0xffffffffc0101000`.

/// Longest name of a function, in bytes: `KSYM_NAME_LEN` of the kernel.
const NAME_BYTES: usize = 512;

/// What a word of a trace says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Symbol<'a> {
    /// A function, with offset and size.
    Function(&'a str),
    /// No symbol.
    Address,
    /// A word that may be a function, if what follows it says so.
    Name(&'a str),
}

/// Reads a word.
pub(super) fn read(word: &str) -> Option<Symbol<'_>> {
    if let Some(digits) = word.strip_prefix("0x") {
        return (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .then_some(Symbol::Address);
    }
    // Byte by byte: most lines of an oops come by here.
    match word.bytes().position(|byte| byte == b'+') {
        Some(plus) => {
            let (name, offsets) = word.split_at_checked(plus)?;
            (is_name(name) && is_offset_and_size(offsets.as_bytes())).then_some(Symbol::Function(name))
        }
        None => is_plain_name(word).then_some(Symbol::Name(word)),
    }
}

fn is_name(name: &str) -> bool {
    let is_part =
        |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'[' | b']' | b'(' | b')' | b'=' | b',' | b';');
    !name.is_empty() && name.len() <= NAME_BYTES && name.bytes().all(is_part) && !name.ends_with(':')
}

/// A name without an offset is taken for one only where it looks like C's.
fn is_plain_name(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'$');
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '.')
        && name.len() <= NAME_BYTES
        && name.bytes().all(is_part)
}

/// `+0x1/0x2`
fn is_offset_and_size(text: &[u8]) -> bool {
    let Some(offset) = text.strip_prefix(b"+0x") else { return false };
    let offset_digits = offset.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let Some(size) = offset.get(offset_digits..).and_then(|rest| rest.strip_prefix(b"/0x")) else {
        return false;
    };
    offset_digits > 0 && !size.is_empty() && size.iter().all(u8::is_ascii_hexdigit)
}

/// `net/core/dev.c:12`, `file.c:12:5`, `./include/linux/a.h:12`, `arch/x86/entry/entry_64.S:?`
pub(super) fn is_source_line(word: &str) -> bool {
    const ENDINGS: [&str; 7] = [".c", ".h", ".S", ".rs", ".inc", ".cc", ".s"];
    let word = word.trim_end_matches(')');
    let Some((path, numbers)) = word.split_once(':') else { return false };
    let is_number = |byte: u8| byte.is_ascii_digit() || matches!(byte, b':' | b'?');
    ENDINGS.iter().any(|ending| path.ends_with(ending))
        && !numbers.is_empty()
        && numbers.bytes().all(is_number)
}

/// The name of a module: `mod`, of `[mod]`, `[mod 5bd0...]`, `[mod(O)]`.
pub(super) fn module_name(text: &str) -> Option<&str> {
    let text = text.split_once('(').map_or(text, |(name, _)| name);
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (!text.is_empty() && text.len() <= 64 && text.bytes().all(is_part)).then_some(text)
}

/// A function without what compilers add to its name: `.isra.0`, `.constprop.0`, `.part.1`, `.cold`, `.llvm.123`.
pub(in crate::log) fn without_suffixes(function: &str) -> &str {
    const SUFFIXES: [&str; 8] =
        [".isra", ".constprop", ".part", ".cold", ".llvm", ".localalias", ".lto_priv", ".plt"];
    // What begins with a dot is a descriptor of POWER.
    let first = function.strip_prefix('.').unwrap_or(function);
    let mut points = memchr::memchr_iter(b'.', first.as_bytes());
    let is_end = |at: &usize| {
        first.get(*at..).is_some_and(|rest| SUFFIXES.iter().any(|suffix| rest.starts_with(suffix)))
    };
    points.find(is_end).and_then(|end| first.get(..end)).filter(|name| !name.is_empty()).unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_traces() {
        for (word, expected) in [
            ("fn+0x1/0x2", Some(Symbol::Function("fn"))),
            (".fn+0x1/0x2", Some(Symbol::Function(".fn"))),
            ("_RNvCs123_4core3fmt+0x0/0x10", Some(Symbol::Function("_RNvCs123_4core3fmt"))),
            ("0xffffffffc0101000", Some(Symbol::Address)),
            ("fn", Some(Symbol::Name("fn"))),
            ("fn+0x1", None),
            ("+0x1/0x2", None),
            ("fn:", None),
            ("0xzz", None),
            ("", None),
        ] {
            assert_eq!(read(word), expected, "{word}");
        }
    }

    #[test]
    fn what_compilers_add_is_taken_off() {
        for name in ["fn", "fn.isra.0", "fn.constprop.0.isra.3", "fn.part.1.cold", "fn.llvm.123", ".fn"] {
            assert_eq!(without_suffixes(name), "fn", "{name}");
        }
        assert_eq!(without_suffixes("a.b"), "a.b");
        assert_eq!(without_suffixes(".cold"), "cold");
    }

    #[test]
    fn source_lines() {
        for word in ["net/core/dev.c:12", "dev.c:12:5)", "arch/x86/entry/entry_64.S:?", "rust/kernel/a.rs:1"]
        {
            assert!(is_source_line(word), "{word}");
        }
        for word in ["", "dev.c", "dev.c:", "12:00:05", "a:1", "dev.c:x"] {
            assert!(!is_source_line(word), "{word}");
        }
    }
}
