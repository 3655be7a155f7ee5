//! Names as a person reads them.

use crate::limits::FUNCTION_NAME_BYTES;
use crate::report::shorten;
use addr2line::demangle_auto;
use std::borrow::Cow;

/// A function: demangled, with `()` where it has no list of parameters, on one line.
pub(super) fn function(raw: &str) -> String {
    // A version of a symbol is not part of its name: `memcpy@@GLIBC_2.14`.
    let (raw, suffix) = match raw.split_once('@') {
        Some((name, "plt")) => (name, "@plt"),
        Some((name, _)) if !name.is_empty() => (name, ""),
        _ => (raw, ""),
    };
    // A mangled name that is too long to be shown is not worth the time.
    let name = if !is_mangled(raw) || raw.len() > 8 * FUNCTION_NAME_BYTES {
        Cow::Borrowed(raw)
    } else {
        demangle_auto(raw.into(), None)
    };
    // What is not mangled may have parentheses elsewhere: `main.(*T).Deref`.
    let has_parameters =
        if is_mangled(raw) { name.contains('(') && !is_rust(raw) } else { name.ends_with(')') };
    let mut name = text(&name);
    name.push_str(suffix);
    if !has_parameters {
        name.push_str("()");
    }
    name
}

/// Whether a compiler mangled this name. Without its mark a name of C is read as a type: `f` as `float`, `u8_toupper` as a
/// vendor's type and a function of another name.
fn is_mangled(raw: &str) -> bool {
    raw.starts_with("_Z") || raw.starts_with("_R")
}

/// Whether a symbol was mangled by Rust: as `_R...` today, before that as C++ with a hash at its end. Its name has no
/// parameters, though types in it may have parentheses.
fn is_rust(raw: &str) -> bool {
    let hash = raw.strip_suffix('E').and_then(|name| name.get(name.len().checked_sub(19)?..));
    raw.starts_with("_R") || raw.starts_with("_ZN") && hash.is_some_and(|hash| hash.starts_with("17h"))
}

/// Text without control characters, and of bounded length.
pub(super) fn text(foreign: &str) -> String {
    let clean: String = foreign.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    shorten(&clean, FUNCTION_NAME_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_for_people() {
        for (raw, shown) in [
            ("main", "main()"),
            ("_ZN3foo3barEi", "foo::bar(int)"),
            ("_ZN4core9panicking5panic17h0123456789abcdefE", "core::panicking::panic()"),
            ("_RNvCskwGfYPst2Cb_3foo16example_function", "foo::example_function()"),
            ("_ZN4core3ops8function2Fn4call17h0123456789abcdefE", "core::ops::function::Fn::call()"),
            ("memcpy@@GLIBC_2.14", "memcpy()"),
            ("puts@plt", "puts@plt()"),
            ("a\nb", "a?b()"),
            ("f", "f()"),
            ("main.(*T).Deref", "main.(*T).Deref()"),
            ("operator()", "operator()"),
            ("i", "i()"),
            ("Pc", "Pc()"),
            ("FvE", "FvE()"),
            ("Dn", "Dn()"),
            ("x", "x()"),
            ("Ss", "Ss()"),
            ("St", "St()"),
            ("u1x", "u1x()"),
            ("u8_toupper", "u8_toupper()"),
            ("_Read", "_Read()"),
            ("$a", "$a()"),
            ("_Z1fi.cold", "f(int) [clone .cold]"),
            ("_Zthis is no mangled name", "_Zthis is no mangled name()"),
        ] {
            assert_eq!(function(raw), shown);
        }
        assert!(function(&"x".repeat(100_000)).len() < FUNCTION_NAME_BYTES + 8);
    }
}
