//! One line of a call trace. What the rows of the table have in common is one grammar:
//!
//! ```text
//! line  := mark* (address | "(" address)* "? "? function tail* line?      several frames may stand in one line
//!        | address* "(" function ")" "from" address* "(" function ")"     arm32 until 5.17
//!        | name module? "from" function module?                           arm32 since 5.18
//! tail  := "[" module build-id? "]" | "(P)" | source | "[inline]" | "(unreliable)" | mark
//! ```

use super::symbol::{self, Symbol, is_source_line, module_name};

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

/// Frames that are read of one line: kernels of 2.6 put two there.
const READ_OF_LINE: usize = 4;

/// Whether the line is one of a call trace.
pub(in crate::log) fn has_frame(line: &str) -> bool {
    let mut found = false;
    each_frame(line, true, |_| found = true);
    found
}

/// Gives the frames of a line to `take`, innermost first; none if it is something else. arm32 names the caller in each
/// line, so that only the first line of a trace has a callee to give.
pub(in crate::log) fn each_frame<'a>(line: &'a str, is_first: bool, mut take: impl FnMut(Frame<'a>)) {
    let mut rest = line.trim_ascii();
    for _ in 0..READ_OF_LINE {
        if rest.is_empty() {
            return;
        }
        let Some((found, after)) = frames_of(rest) else { return };
        match found {
            Found::One(frame) => take(frame),
            Found::Call { callee, caller } => {
                if is_first {
                    take(callee);
                }
                take(caller);
            }
        }
        rest = after;
    }
}

enum Found<'a> {
    One(Frame<'a>),
    Call { callee: Frame<'a>, caller: Frame<'a> },
}

fn frames_of(text: &str) -> Option<(Found<'_>, &str)> {
    let head = Head::take(text);
    let mut rest = head.rest;
    if let Some(inner) = rest.strip_prefix('(').filter(|_| head.has_address) {
        return old_arm_call(inner);
    }
    let is_certain = match rest.strip_prefix("? ") {
        Some(after) => {
            rest = after.trim_ascii_start();
            false
        }
        None => !head.is_uncertain,
    };
    let (word, after) = split_word(rest);
    // `([<addr>] fn+0x1/0x2)`
    let word = if head.is_in_parentheses { word.trim_end_matches(')') } else { word };
    let symbol = symbol::read(word)?;
    let tail = Tail::take(after.trim_ascii_start());
    let function = match symbol {
        Symbol::Function(name) => Some(name),
        Symbol::Address if word.len() >= 7 || head.has_address => None,
        // A name alone is a frame only where something says so.
        Symbol::Name(name) if tail.has_source || head.is_inlined => Some(name),
        Symbol::Name(name) => return new_arm_call(name, &tail),
        Symbol::Address => return None,
    };
    if !tail.is_whole {
        return None;
    }
    let is_certain = is_certain && !tail.is_unreliable;
    Some((Found::One(Frame { function, module: tail.module, is_certain }), tail.next))
}

/// What stands before a function.
struct Head<'a> {
    has_address: bool,
    is_uncertain: bool,
    is_in_parentheses: bool,
    is_inlined: bool,
    rest: &'a str,
}

impl<'a> Head<'a> {
    fn take(text: &'a str) -> Self {
        let mut head = Self {
            has_address: false,
            is_uncertain: false,
            is_in_parentheses: false,
            is_inlined: false,
            rest: text,
        };
        // Nearly every line begins with the function.
        while matches!(head.rest.as_bytes().first(), Some(b'<' | b'[' | b'(')) {
            if let Some(after) = after_mark(head.rest) {
                head.rest = after.trim_ascii_start();
            } else if let Some(after) = after_address(head.rest) {
                head.has_address = true;
                head.rest = after.trim_ascii_start();
            } else if head.rest.starts_with("([<") {
                (head.is_in_parentheses, head.is_uncertain) = (true, true);
                head.rest = head.rest.get(1..).unwrap_or_default();
            } else if let Some(after) = after_inline_mark(head.rest) {
                head.is_inlined = true;
                head.rest = after.trim_ascii_start();
            } else {
                break;
            }
        }
        head
    }
}

/// `[<     inline     >]`, as some tools wrote for an inlined function.
fn after_inline_mark(text: &str) -> Option<&str> {
    let (inner, rest) = text.strip_prefix("[<")?.split_once(">]")?;
    (inner.trim_ascii() == "inline").then_some(rest)
}

/// What stands behind a function.
struct Tail<'a> {
    module: Option<&'a str>,
    has_source: bool,
    is_unreliable: bool,
    /// Whether all of it was understood.
    is_whole: bool,
    /// The next frame on the line.
    next: &'a str,
}

impl<'a> Tail<'a> {
    fn take(text: &'a str) -> Self {
        let mut tail =
            Self { module: None, has_source: false, is_unreliable: false, is_whole: true, next: "" };
        let mut rest = text;
        while !rest.is_empty() {
            if rest.starts_with("[<") && after_address(rest).is_some() {
                tail.next = rest;
                return tail;
            }
            let after = if let Some(inner) = rest.strip_prefix('[') {
                tail.brackets(inner)
            } else if let Some(inner) = rest.strip_prefix('(') {
                tail.parentheses(inner)
            } else {
                tail.word(rest)
            };
            let Some(after) = after else {
                tail.is_whole = false;
                tail.next = rest;
                return tail;
            };
            rest = after.trim_ascii_start();
        }
        tail
    }

    /// `[mod]`, `[mod 5bd06c33ac1d33f1]`, `[inline]`.
    fn brackets(&mut self, inner: &'a str) -> Option<&'a str> {
        let end = memchr::memchr(b']', inner.as_bytes())?;
        let (name, after) = (inner.get(..end)?, inner.get(end + 1..)?);
        if name == "inline" {
            self.has_source = true;
            return Some(after);
        }
        let mut words = name.split(' ');
        let module = module_name(words.next()?)?;
        if !words.all(|build_id| build_id.bytes().all(|byte| byte.is_ascii_hexdigit())) {
            return None;
        }
        self.module.get_or_insert(module);
        Some(after)
    }

    /// `(P)`, `(unreliable)`, `(E)`, `(file.c:12 (discriminator 3))`.
    fn parentheses(&mut self, inner: &'a str) -> Option<&'a str> {
        let mut depth = 1_u32;
        let close = inner.bytes().position(|byte| {
            depth = match byte {
                b'(' => depth.saturating_add(1),
                b')' => depth.saturating_sub(1),
                _ => depth,
            };
            depth == 0
        })?;
        let (what, after) = (inner.get(..close)?, inner.get(close + 1..)?);
        self.is_unreliable |= what == "unreliable";
        let is_flag = what.starts_with("discriminator ")
            || what.len() <= 12 && what.bytes().all(|byte| byte.is_ascii_alphabetic());
        let is_source = what.split_ascii_whitespace().any(is_source_line);
        self.has_source |= is_source;
        (is_flag || is_source).then_some(after)
    }

    /// `file.c:12`, a mark, or the module as decode_stacktrace writes it.
    fn word(&mut self, rest: &'a str) -> Option<&'a str> {
        let (word, after) = split_word(rest);
        if is_source_line(word) {
            self.has_source = true;
            return Some(after);
        }
        if self.has_source && module_name(word).is_some() {
            self.module.get_or_insert(word);
            return Some(after);
        }
        is_mark(word).then_some(after)
    }
}

/// `fn [mod] from fn2+0x1/0x2 [mod]`: `name` is read, and `tail` ends before `from`.
fn new_arm_call<'a>(name: &'a str, tail: &Tail<'a>) -> Option<(Found<'a>, &'a str)> {
    let rest = tail.next.strip_prefix("from ")?;
    let (word, after) = split_word(rest);
    let caller_tail = Tail::take(after.trim_ascii_start());
    let function = match symbol::read(word)? {
        Symbol::Function(function) => Some(function),
        Symbol::Address => None,
        Symbol::Name(_) => return None,
    };
    let frame = |function, module| Frame { function, module, is_certain: true };
    let found =
        Found::Call { callee: frame(Some(name), tail.module), caller: frame(function, caller_tail.module) };
    caller_tail.is_whole.then_some((found, ""))
}

/// `fn+0x1/0x2 [mod]) from [<addr>] (fn2+0x1/0x2)`: the address and the parenthesis are read.
fn old_arm_call(inner: &str) -> Option<(Found<'_>, &str)> {
    let (callee, rest) = inner.split_once(')')?;
    let rest = rest.trim_ascii_start().strip_prefix("from ")?.trim_ascii_start();
    let (caller, _) = after_address(rest)?.trim_ascii_start().strip_prefix('(')?.split_once(')')?;
    Some((Found::Call { callee: in_parentheses(callee)?, caller: in_parentheses(caller)? }, ""))
}

/// `fn+0x1/0x2 [mod]`, `fn`
fn in_parentheses(text: &str) -> Option<Frame<'_>> {
    let (word, tail) = text.split_once(' ').unwrap_or((text, ""));
    let function = match symbol::read(word)? {
        Symbol::Function(name) | Symbol::Name(name) => Some(name),
        Symbol::Address => None,
    };
    let module =
        tail.trim_ascii().strip_prefix('[').and_then(|name| name.strip_suffix(']')).and_then(module_name);
    Some(Frame { function, module, is_certain: true })
}

/// A word, and what follows it.
fn split_word(text: &str) -> (&str, &str) {
    let end = memchr::memchr2(b' ', b'\t', text.as_bytes()).unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    (word, rest.get(1..).unwrap_or_default())
}

/// Whether this is `<IRQ>`, `</TASK>`, `<<EOE>>` or the like.
pub(in crate::log) fn is_mark(text: &str) -> bool {
    if !text.starts_with('<') || !text.ends_with('>') {
        return false;
    }
    let name = text.trim_matches(['<', '>', '/', '#', ' ']);
    !name.is_empty()
        && name.len() <= 20
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

fn after_mark(text: &str) -> Option<&str> {
    if !text.starts_with('<') {
        return None;
    }
    let (word, rest) = text.split_once([' ', '\t'])?;
    is_mark(word).then_some(rest)
}

/// What follows `[<ffffffff8100>]`, or `[c000000000123456]` (POWER).
pub(super) fn after_address(text: &str) -> Option<&str> {
    let (address, rest) = text.strip_prefix('[')?.split_once(']')?;
    let digits = address.trim_start_matches('<').trim_end_matches('>');
    (digits.len() >= 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(rest)
}

#[cfg(test)]
mod tests;
