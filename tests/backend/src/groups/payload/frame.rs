//! A line of a backtrace.
//!
//! ```text
//! #0 draw(Window*) - [editor] - window.cpp:77 (inlined)
//! #2 ??? - [libplug.so.1] +0x1234 (by frame pointer)
//! #2 ? vfs_read - [kernel]
//!  |  |             |        `- free text
//!  |  function      module
//!  number
//! ```
//!
//! It is what `^(#\d+ )(.+)( - \[(.*)\](.*))$` matches: the last bracket counts.

/// A frame, as a payload has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Its number; the largest one where it is larger.
    pub number: u64,
    /// The function, as it stands there: with its arguments, with `? ` before it, `???` where it has no name.
    pub function: &'a str,
    /// What is within the bracket.
    pub module: &'a str,
    /// What is behind the bracket.
    pub rest: &'a str,
}

/// The function of a frame without a name.
pub const UNNAMED: &str = "???";

impl<'a> Frame<'a> {
    /// Reads a line without its end; none if it is no frame.
    #[must_use]
    pub fn parse(line: &'a str) -> Option<Self> {
        let (digits, rest) = line.strip_prefix('#')?.split_once(' ')?;
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) || line.contains('\n') {
            return None;
        }
        let (head, free) = rest.rsplit_once(']')?;
        let (function, module) = head.rsplit_once(" - [")?;
        let number = digits.parse().unwrap_or(u64::MAX);
        (!function.is_empty()).then_some(Self { number, function, module, rest: free })
    }

    /// The name without the kernel's mark for one that may be left over on the stack; none if it has no name.
    #[must_use]
    pub fn name(&self) -> Option<&'a str> {
        let name = self.function.strip_prefix("? ").unwrap_or(self.function);
        (!name.starts_with(UNNAMED)).then_some(name)
    }

    /// Whether the kernel only found the address on the stack.
    #[must_use]
    pub fn is_uncertain(&self) -> bool {
        self.function.starts_with("? ")
    }

    /// Whether a signal interrupted this function: the one that runs its handler is the frame before.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.rest.ends_with(" (by signal frame)")
    }

    /// Whether the compiler put it into the next one.
    #[must_use]
    pub fn is_inlined(&self) -> bool {
        self.rest.ends_with(" (inlined)")
    }

    /// The address in the module, as the linker gave it.
    #[must_use]
    pub fn offset(&self) -> Option<u64> {
        let hex = self.rest.trim_start().strip_prefix("+0x")?.split(' ').next()?;
        u64::from_str_radix(hex, 16).ok()
    }

    /// File and line.
    #[must_use]
    pub fn source(&self) -> Option<&'a str> {
        let source = self.rest.strip_prefix(" - ")?;
        let end = source.rfind(" (").unwrap_or(source.len());
        source.get(..end).filter(|source| !source.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use regex::Regex;

    #[test]
    fn the_parts_of_a_frame() {
        let line = "#0 draw(Window*) - [editor] - window.cpp:77 (inlined)";
        let frame = Frame::parse(line).unwrap();
        assert_eq!((frame.number, frame.name(), frame.module), (0, Some("draw(Window*)"), "editor"));
        assert_eq!((frame.source(), frame.offset(), frame.is_inlined()), (Some("window.cpp:77"), None, true));
        let frame = Frame::parse("#12 ??? - [libplug.so.1] +0x12ab (by frame pointer)").unwrap();
        assert_eq!((frame.number, frame.name(), frame.offset()), (12, None, Some(0x12ab)));
        assert_eq!((frame.source(), frame.is_interrupted()), (None, false));
        let frame = Frame::parse("#2 ? vfs_read - [kernel]").unwrap();
        assert!(frame.is_uncertain());
        assert_eq!(frame.name(), Some("vfs_read"));
        assert!(Frame::parse("#5 main() - [editor] (by signal frame)").unwrap().is_interrupted());
        assert_eq!(Frame::parse("#0 a - [x] - [y] - f.c:1").unwrap().function, "a - [x]");
        assert_eq!(Frame::parse("#0 f() - []").unwrap().module, "");
        assert_eq!(Frame::parse("#99999999999999999999 f - [m]").unwrap().number, u64::MAX);
    }

    #[test]
    fn what_is_no_frame() {
        for line in [
            "",
            "#0",
            "# f - [m]",
            "#0 f - m",
            "#0 f [m]",
            "#0  - [m]",
            "#x f - [m]",
            " #0 f - [m]",
            "#0 f - [m",
            "#0f - [m]",
            "Register RIP: Non-zero",
        ] {
            assert_eq!(Frame::parse(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn frames_are_those_of_the_contract(line in r"(#[0-9]{0,3} ?)?[a ?\[\]\-+0x]{0,24}( - \[[m\] ]{0,3}\]?[b +\[]{0,4})?") {
            let contract = Regex::new(r"^(#[0-9]+ )(.+)( - \[(.*)\](.*))$").unwrap();
            let expected = contract.captures(&line).map(|found| {
                let part = |number| found.get(number).unwrap().as_str().to_owned();
                (part(2), part(4), part(5))
            });
            let frame = Frame::parse(&line);
            let found = frame.map(|f| (f.function.to_owned(), f.module.to_owned(), f.rest.to_owned()));
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn no_line_is_too_much(line in any::<String>()) {
            if let Some(frame) = Frame::parse(&line) {
                let _ = (frame.name(), frame.offset(), frame.source());
            }
        }
    }
}
