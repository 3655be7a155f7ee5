//! A name without what its brackets hold: arguments, template arguments, types of closures; and without the type that a
//! function returns.

use super::brackets::{closing, split_outside, symbol_of_operator};
use crate::groups::limits::NESTED_PATHS;
use crate::groups::text::cut;

const ANONYMOUS: &str = "(anonymous namespace)";
const LAMBDA: &str = "{lambda}";

/// Bytes of `[abi:cxx11]` and its like that are searched for their end.
const COMPILERS_BYTES: usize = 64;

/// What is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// A function: what stands before a blank is the type that it returns.
    Function,
    /// A type within `<A as B>`, in which blanks belong to it.
    Type,
}

/// The function's name without what its brackets hold.
pub(super) fn without_brackets(name: &str) -> String {
    scan(name, Mode::Function, 0)
}

fn scan(text: &str, mode: Mode, depth: usize) -> String {
    let mut scan = Scan { rest: text, out: String::new(), mode, depth, is_conversion: false };
    while let Some(first) = scan.rest.chars().next() {
        scan.step(first);
    }
    scan.out
}

struct Scan<'a> {
    rest: &'a str,
    out: String,
    mode: Mode,
    depth: usize,
    /// Behind `operator` and a blank: `operator bool`, `operator new`.
    is_conversion: bool,
}

impl<'a> Scan<'a> {
    fn step(&mut self, first: char) {
        match first {
            '(' => self.parentheses(),
            '<' => self.angles(),
            '{' => self.braces(),
            '[' if self.mode == Mode::Function => self.square(),
            '\'' => self.quotes(),
            ' ' if self.mode == Mode::Function => self.blank(),
            '$' if self.unnamed_lambda() => {}
            _ => self.copy(first.len_utf8()),
        }
    }

    /// The next bytes as they stand there.
    fn copy(&mut self, bytes: usize) {
        let taken = self.take(bytes);
        self.out.push_str(taken);
    }

    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    /// What the bracket that comes next holds; all that is left, as it is, where nothing closes it.
    fn take_group(&mut self) -> Option<&'a str> {
        let Some(end) = closing(self.rest) else {
            self.copy(self.rest.len());
            return None;
        };
        let group = self.take(end.saturating_add(1));
        group.get(1..end)
    }

    fn is_behind_operator(&self) -> bool {
        let Some(before) = self.out.strip_suffix("operator") else { return false };
        !before.ends_with(|c: char| c.is_alphanumeric() || c == '_')
    }

    fn parentheses(&mut self) {
        if self.rest.starts_with(ANONYMOUS) {
            return self.copy(ANONYMOUS.len());
        }
        if self.is_behind_operator() && self.rest.starts_with("()") {
            return self.copy(2);
        }
        let (is_first, is_receiver) =
            (self.out.is_empty(), self.out.ends_with('.') && self.rest.starts_with("(*"));
        let Some(group) = self.take_group() else { return };
        if is_receiver {
            // `main.(*Server).Serve` of Go.
            return self.out.push_str(&format!("({group})"));
        }
        if is_first && self.mode == Mode::Type {
            self.out.push_str("()");
        }
        let qualifiers = [" const", " volatile", " noexcept", " &&", " &"];
        while let Some(rest) = qualifiers.iter().find_map(|word| self.rest.strip_prefix(word)) {
            self.rest = rest;
        }
    }

    fn angles(&mut self) {
        if self.is_behind_operator()
            && let Some(symbol) = symbol_of_operator(self.rest)
        {
            return self.copy(symbol.len());
        }
        let whole = self.rest;
        let Some(inner) = self.take_group() else { return };
        if inner.starts_with("impl ") {
            let inner = self.nested(inner);
            self.out.push_str(&format!("<{inner}>"));
        } else if !self.out.is_empty() {
            // `f::<T>` is `f<T>`.
            let length = self.out.strip_suffix("::").unwrap_or(&self.out).len();
            self.out.truncate(length);
            self.out.push_str("<T>");
        } else if let Some((subject, of_trait)) = split_outside(inner, " as ") {
            let path = format!("<{} as {}>", self.nested(subject), self.nested(of_trait));
            self.out.push_str(&path);
        } else if self.rest.starts_with("::") {
            let path = self.nested(inner);
            self.out.push_str(&path);
        } else {
            // `<signal handler called>`
            let length = whole.len().saturating_sub(self.rest.len());
            self.out.push_str(whole.get(..length).unwrap_or_default());
        }
    }

    fn nested(&self, text: &str) -> String {
        if self.depth >= NESTED_PATHS {
            return text.to_owned();
        }
        scan(text, Mode::Type, self.depth.saturating_add(1))
    }

    fn braces(&mut self) {
        let Some(inner) = self.take_group() else { return };
        let inner = inner.trim_matches(['{', '}']);
        let word = inner.split(['#', '(', ':']).next().unwrap_or_default().trim();
        match word {
            "lambda" | "closure" | "async_block" | "async_fn" | "async_closure" => self.out.push_str(LAMBDA),
            "anonymous" => self.out.push_str(ANONYMOUS),
            "unnamed type" => self.out.push_str("{unnamed}"),
            _ => self.out.push_str(&format!("{{{word}}}")),
        }
    }

    fn square(&mut self) {
        if self.is_behind_operator() {
            return self.copy(1);
        }
        let is_compilers = |inner: &str| {
            let is_hash = inner.len() >= 8 && inner.bytes().all(|byte| byte.is_ascii_hexdigit());
            is_hash || inner.starts_with("abi:") || inner.starts_with("clone ")
        };
        // Not to the end of the name for each bracket: there may be thousands.
        let near = cut(self.rest, COMPILERS_BYTES);
        match near.find(']').and_then(|end| near.get(1..end)) {
            Some(inner) if is_compilers(inner) => {
                self.take(inner.len().saturating_add(2));
            }
            _ => self.copy(1),
        }
    }

    /// `'lambda0'(int)` of LLVM.
    fn quotes(&mut self) {
        let quoted = self.rest.get(1..).and_then(|rest| rest.split_once('\''));
        match quoted {
            Some((word, rest)) if word.starts_with("lambda") => {
                self.out.push_str(LAMBDA);
                self.rest = rest;
            }
            Some((word, rest)) if word.starts_with("unnamed") => {
                self.out.push_str("{unnamed}");
                self.rest = rest;
            }
            _ => self.copy(1),
        }
    }

    /// `$_12` of clang.
    fn unnamed_lambda(&mut self) -> bool {
        let Some(rest) = self.rest.strip_prefix("$_") else { return false };
        let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let is_lambda = after.len() < rest.len();
        if is_lambda {
            self.out.push_str(LAMBDA);
            self.rest = after;
        }
        is_lambda
    }

    fn blank(&mut self) {
        self.take(1);
        if self.rest.starts_with("[clone ") || self.rest.starts_with("(.") {
            return;
        }
        if self.is_conversion || self.is_behind_operator() {
            self.is_conversion = true;
            self.out.push(' ');
        } else if !(self.rest.starts_with('<') && self.is_behind_symbol()) {
            // What stood there is the type that the function returns, or `non-virtual thunk to`.
            self.out.clear();
        }
    }

    /// `operator<< <char>`
    fn is_behind_symbol(&self) -> bool {
        let name = self
            .out
            .trim_end_matches(['<', '>', '=', '-', '+', '*', '/', '%', '&', '|', '!', '~', '^', '(', ')']);
        name.len() < self.out.len() && name.ends_with("operator")
    }
}
