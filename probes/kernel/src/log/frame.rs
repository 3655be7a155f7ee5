//! One line of a call trace.
//!
//! ```text
//!  fn+0x1/0x2                              x86 since 4.10, arm64
//!  ? fn.isra.0+0x1/0x2 [module]            "?": on the stack, but not by the unwinder's word
//!  [<ffffffff8100>] fn+0x1/0x2             before
//!  <IRQ>  [<ffffffff8100>] ? fn+0x1/0x2 [module]
//!  fn+0x1/0x2 [module 5bd0...] (P)         build-id of the module; arm64 since 6.12 says how it was found
//!  0xffffffffc0101000                      no symbol
//! ```

/// A function on the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Its name; none if the kernel had none.
    pub function: Option<&'a str>,
    /// Its module; none is the kernel itself.
    pub module: Option<&'a str>,
    /// Whether the kernel's unwinder stands for it.
    pub is_certain: bool,
}

/// Longest name of a function, in bytes: `KSYM_NAME_LEN` of the kernel.
const NAME_BYTES: usize = 512;

/// Reads a line of a call trace; none if it is something else.
pub(super) fn parse(line: &str) -> Option<Frame<'_>> {
    let mut rest = line.trim();
    while let Some(after) = after_mark(rest).or_else(|| after_address(rest)) {
        rest = after.trim_start();
    }
    let (is_certain, symbol) = match rest.strip_prefix("? ") {
        Some(symbol) => (false, symbol),
        None => (true, rest),
    };
    let mut words = symbol.split_whitespace();
    let symbol = words.next()?;
    let function = function_of(symbol)?;
    let mut module = None;
    for word in words {
        match (word.strip_prefix('['), &module) {
            (Some(name), None) => module = Some(module_name(name.trim_end_matches(']'))?),
            // The build-id behind a module's name, and arm64's (P).
            (None, _) if word.ends_with(']') || word.starts_with('(') || is_mark(word) => {}
            // Some old kernels put two frames on a line.
            (Some(_), Some(_)) => break,
            (None, _) => return None,
        }
    }
    Some(Frame { function, module, is_certain })
}

/// Whether this is `<IRQ>`, `</TASK>`, `<<EOE>>` or the like.
pub(super) fn is_mark(text: &str) -> bool {
    let name = text.trim_matches(['<', '>', '/', '#']);
    text.starts_with('<')
        && text.ends_with('>')
        && !name.is_empty()
        && name.len() <= 16
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

fn after_mark(text: &str) -> Option<&str> {
    let (word, rest) = text.split_once(char::is_whitespace)?;
    is_mark(word).then_some(rest)
}

/// What follows `[<ffffffff8100>]`, or `[c000000000123456]` (POWER).
fn after_address(text: &str) -> Option<&str> {
    let (address, rest) = text.strip_prefix('[')?.split_once(']')?;
    let digits = address.trim_start_matches('<').trim_end_matches('>');
    (digits.len() >= 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(rest)
}

/// The function of `fn+0x1/0x2`, or none within for a bare address; none without if it is neither.
fn function_of(symbol: &str) -> Option<Option<&str>> {
    if let Some(digits) = symbol.strip_prefix("0x") {
        return (digits.len() >= 5 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(None);
    }
    // Byte by byte: most lines of an oops come by here.
    let plus = symbol.bytes().position(|byte| byte == b'+')?;
    let (name, offsets) = symbol.split_at_checked(plus)?;
    let is_name = !name.is_empty()
        && name.len() <= NAME_BYTES
        && name.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'[' | b']' | b'(' | b')'));
    (is_name && is_offset_and_size(offsets.as_bytes())).then_some(Some(name))
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

fn module_name(text: &str) -> Option<&str> {
    let is_name = !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    is_name.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> Option<String> {
        parse(line).map(|frame| {
            let mark = if frame.is_certain { "" } else { "? " };
            let function = frame.function.unwrap_or("???");
            format!("{mark}{function} {}", frame.module.unwrap_or("kernel"))
        })
    }

    #[test]
    fn frames_of_all_styles() {
        for (line, expected) in [
            (" fn+0x1/0x2", "fn kernel"),
            (" ? fn.isra.0+0x1a/0x2f [e1000e]", "? fn.isra.0 e1000e"),
            (" [<ffffffff81001122>] fn+0x1/0x2", "fn kernel"),
            (" <IRQ>  [<ffffffff81001122>] ? fn+0x1/0x2 [mod_a]", "? fn mod_a"),
            (" [<ffffffff81001122>] fn+0x1/0x2  <EOI>", "fn kernel"),
            (" <EOI>  [<ffffffff81001122>] fn+0x1/0x2", "fn kernel"),
            (" fn+0x1/0x2 [mod 5bd06c33ac1d33f1b4f0a6e7d6f1c5b6f3f3c9a1]", "fn mod"),
            (" el0t_64_sync+0x190/0x194 (P)", "el0t_64_sync kernel"),
            (" do_one+0x10/0x20 [lkdtm] (L)", "do_one lkdtm"),
            (" 0xffffffffc0101000", "??? kernel"),
            (" [c000000012345678] [c0000000001234ab] fn+0x1c/0x40 (unreliable)", "fn kernel"),
            ("__pfx_fn+0x0/0x10", "__pfx_fn kernel"),
            ("_RNvCs123_4core3fmt+0x0/0x10", "_RNvCs123_4core3fmt kernel"),
        ] {
            assert_eq!(shown(line).as_deref(), Some(expected), "{line}");
        }
    }

    #[test]
    fn other_lines_are_no_frames() {
        for line in [
            "",
            "Modules linked in: a b",
            "RIP: 0010:fn+0x1/0x2",
            "RAX: 0000000000000000",
            "Code: 48 89",
            "fn+0x1",
            "fn+0x/0x",
            "+0x1/0x2",
            "e1000e: eth0 fn+0x1/0x2 is wrong",
            " fn+0x1/0x2 something",
            "0x12",
            "<TASK>",
            "[<zzzz>] fn",
            " fn+0x1/0x2 [../../etc]",
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    #[test]
    fn marks() {
        assert!(
            ["<IRQ>", "</TASK>", "<<EOE>>", "<#DB>", "<NMI>", "<ENTRY_TRAMPOLINE>"]
                .iter()
                .all(|text| is_mark(text))
        );
        assert!(!["<>", "IRQ", "<irq>", "<a b>", "</>"].iter().any(|text| is_mark(text)));
    }
}
