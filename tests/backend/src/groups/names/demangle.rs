//! Mangled names of C++ and Rust, for clients that send them as they stand in the symbol table.

use crate::groups::limits::{DEMANGLED_BYTES, MANGLED_BYTES};
use crate::groups::text::{Pattern, replace};
use cpp_demangle::{BorrowedSymbol, DemangleOptions, ParseOptions};
use regex::Regex;
use std::fmt::{self, Write};

/// Nesting of a name that is followed.
const DEPTH: u32 = 64;

/// A thunk, by which a call through a base class reaches the function that follows.
static THUNK: Pattern = Pattern::new(|| Regex::new(r"^_?_ZT[hv]n?[0-9]+(?:_n?[0-9]+)?_").ok());

/// The name in its language; none if it is not mangled, or takes too much to read.
pub(super) fn demangle(name: &str) -> Option<String> {
    let is_mangled = ["_Z", "__Z", "_R", "__R"].iter().any(|start| name.starts_with(start));
    if !is_mangled || name.len() > MANGLED_BYTES || !name.is_ascii() {
        return None;
    }
    rust(name).or_else(|| cpp(name))
}

fn rust(name: &str) -> Option<String> {
    let demangled = rustc_demangle::try_demangle(name).ok()?;
    let mut text = Bounded::default();
    // The other form leaves out hashes.
    write!(text, "{demangled:#}").ok()?;
    Some(text.0)
}

fn cpp(name: &str) -> Option<String> {
    let name = replace(name, &THUNK, "_Z");
    let start = name.find("_Z")?;
    let options = ParseOptions::default().recursion_limit(DEPTH);
    let mangled = name.as_bytes().get(start..)?;
    let (symbol, rest) = BorrowedSymbol::with_tail_and_options(mangled, &options).ok()?;
    // What follows is a suffix of the compiler's, or this is no mangled name.
    if !(rest.is_empty() || rest.starts_with(b".")) {
        return None;
    }
    let mut text = Bounded::default();
    let options = DemangleOptions::new().no_return_type().recursion_limit(DEPTH);
    symbol.structured_demangle(&mut text, &options).ok()?;
    Some(text.0).filter(|text| !text.is_empty())
}

/// Text that does not grow beyond [`DEMANGLED_BYTES`].
#[derive(Default)]
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len().saturating_add(text.len()) > DEMANGLED_BYTES {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_languages() {
        for (mangled, plain) in [
            ("_ZN3app4load17h0123456789abcdefE", "app::load"),
            ("_RNvCs1234_7mycrate3foo", "mycrate::foo"),
            ("_ZN3Doc4loadEPKc", "Doc::load(char const*)"),
            ("_ZNKSt6vectorIiSaIiEE2atEm", "std::vector<int, std::allocator<int> >::at(unsigned long) const"),
            ("__ZN3Doc4loadEv", "Doc::load()"),
            ("_ZN3Doc4loadEv.isra.0", "Doc::load()"),
            ("_ZTv0_n24_N3Foo3barEv", "Foo::bar()"),
        ] {
            assert!(demangle(mangled).unwrap().starts_with(plain), "{:?}", demangle(mangled));
        }
        for name in ["main", "_Zebra", "_ZN3Doc", "_ZN3Doc4loadEv!", "_Rust", "", "_Zä"] {
            assert_eq!(demangle(name), None, "{name}");
        }
    }

    #[test]
    fn a_name_that_grows_without_end_is_left() {
        // Each pair of arguments is the pair before, twice.
        let pairs: String = (0..40).map(|_| "S_IS0_S0_E").collect();
        let bomb = format!("_Z1fI1aIiiE{pairs}Evv");
        assert!(demangle(&bomb).is_none_or(|text| text.len() <= DEMANGLED_BYTES));
        assert_eq!(demangle(&format!("_ZN{}1aE", "1a".repeat(2000))), None);
    }

    proptest! {
        #[test]
        fn any_name_ends(name in "_(Z|R)[A-Za-z0-9_.]{0,200}") {
            let _ = demangle(&name);
        }

        #[test]
        fn any_types_end(name in "_Z(N|L|T|G)?(St|S_|S0_|S1_|I|E|K|P|R|F|v|i|Dp|DT|cv|1a|2bc|T_|L|X|J|sr|on){0,120}") {
            let _ = demangle(&name);
        }
    }
}
