//! Names of functions.

use super::{demangle::demangle, processor, scan};
use crate::groups::limits::{FUNCTION_BYTES, TOKEN_BYTES};
use crate::groups::text::{Pattern, clean, cut, replace};
use regex::Regex;

/// What compilers put behind a part of a function that they split off or a copy that they made. What has other dots, or
/// no number where a number belongs, is a name: `main.run.func1` and `pkg.part` of Go, `buffer.1234` of C.
static SUFFIX: Pattern = Pattern::new(|| {
    Regex::new(concat!(
        r"(?:\.(?:(?:isra|constprop|part|lto_priv|llvm|__uniq)(?:\.[0-9]+)+|",
        r"(?:cold|localalias)(?:\.[0-9]+)*|abi0|abiinternal))+$",
    ))
    .ok()
});
/// Rust's hash of a function.
static RUST_HASH: Pattern = Pattern::new(|| Regex::new(r"::h[0-9a-f]{16}$").ok());
/// Functions that have no name in Go: `main.run.func1.2`, `main.run.gowrap1`.
static GO_CLOSURE: Pattern =
    Pattern::new(|| Regex::new(r"(?:\.(?:func|gowrap|deferwrap)[0-9]+(?:\.[0-9]+)*)+(-fm)?$").ok());
/// Type arguments of Go: `pkg.Map[go.shape.int,go.shape.string]`.
static GO_TYPES: Pattern = Pattern::new(|| Regex::new(r"\[(?:go\.shape\.|\.\.\.)[^\]]*\]").ok());
/// OCaml's stamps: `camlParser__expr_1234`, `camlDune__exe__Main.fun_99`.
static OCAML_STAMP: Pattern = Pattern::new(|| Regex::new(r"^(caml[A-Z].*?)_[0-9]+(?:_code)?$").ok());
/// Names that libraries have for their own use.
static INTERNAL: Pattern = Pattern::new(|| Regex::new(r"^(?:__GI_|IA__)").ok());

/// The normal form of a function's name, whatever the language; empty only if the name is.
#[must_use]
pub fn function(raw: &str) -> String {
    let raw = clean(cut(raw.trim(), FUNCTION_BYTES));
    // An Objective-C method has blanks and brackets, which are its name.
    if raw.starts_with("-[") || raw.starts_with("+[") {
        return cut(&raw, TOKEN_BYTES).to_owned();
    }
    let plain = normal_form(&raw);
    let name = if plain.is_empty() { &raw } else { &plain };
    cut(name, TOKEN_BYTES).to_owned()
}

fn normal_form(raw: &str) -> String {
    let name = raw.strip_suffix("()").filter(|name| !name.ends_with("operator")).unwrap_or(raw);
    // `@GLIBC_2.2.5`, `@plt`; a name may begin with it.
    let name = name
        .char_indices()
        .find(|(at, c)| *at > 0 && *c == '@')
        .and_then(|(at, _)| name.get(..at))
        .unwrap_or(name);
    let name = replace(name, &SUFFIX, "");
    let name = demangle(&name).unwrap_or(name);
    let name = replace(&name, &RUST_HASH, "");
    let name = replace(&name, &GO_TYPES, "<T>");
    let name = scan::without_brackets(&name);
    let name = replace(&name, &SUFFIX, "");
    let name = replace(&name, &RUST_HASH, "");
    let name = replace(&name, &GO_CLOSURE, ".{lambda}");
    let name = replace(&name, &OCAML_STAMP, "$1");
    let name = replace(&name, &INTERNAL, "");
    let name = name.trim_start_matches(['*', '&']).trim();
    processor::plain(name).unwrap_or_else(|| name.to_owned())
}
