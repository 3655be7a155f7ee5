//! The function at the instruction pointer.

use super::frame::{Frame, after_address, each_frame};
use crate::log::by_prefix::ByPrefix;
use std::sync::LazyLock;

/// What stands before it, by architecture.
const HEADS: [&str; 18] = [
    "RIP: ",
    "EIP: ",
    "EIP is at ",
    "IP: ",
    "PC is at ",
    "pc is at ",
    "pc : ",
    "pc  : ",
    "epc : ",
    "epc   : ",
    "NIP [",
    "NIP: [",
    "ERA: ",
    "era: ",
    "pc ",
    "TPC: ",
    "IAOQ[0]: ",
    "PC: ",
];

static BY_PREFIX: LazyLock<ByPrefix<()>> =
    LazyLock::new(|| ByPrefix::new(HEADS.into_iter().map(|head| (head, ()))));

const KERNEL_STATUS: &str = "Krnl PSW : ";

/// Reads such a line; none if it is another, or names no function.
pub(in crate::log) fn instruction(line: &str) -> Option<Frame<'_>> {
    let first = *line.as_bytes().first()?;
    if !matches!(first, b'R' | b'E' | b'I' | b'P' | b'p' | b'e' | b'N' | b'K' | b'T' | b' ') {
        return None;
    }
    let line = line.trim_ascii_start();
    if let Some(status) = line.strip_prefix(KERNEL_STATUS) {
        let (symbol, _) = status.split_once('(')?.1.split_once(')')?;
        return only_frame(symbol);
    }
    let (head, ()) = BY_PREFIX.all(line).next()?;
    let rest = line.get(head.len()..)?;
    let rest = if head.ends_with('[') { rest.split_once(']')?.1 } else { rest };
    let symbol = after_selector(rest.trim_ascii_start())?;
    only_frame(after_addresses(before_registers(symbol).trim_ascii_start()))
}

/// The selector of the kernel's code on x86: its last two bits are the ring. Another one's code is a program.
fn after_selector(text: &str) -> Option<&str> {
    let Some((selector, rest)) = text.split_once(':').filter(|(selector, _)| selector.len() == 4) else {
        return Some(text);
    };
    let Ok(number) = u16::from_str_radix(selector, 16) else { return Some(text) };
    (number & 3 != 3).then_some(rest)
}

/// Without the registers that i386 writes behind it.
fn before_registers(text: &str) -> &str {
    let is_end = |rest: &str| rest.starts_with(" SS:ESP") || rest.starts_with(" EFLAGS");
    let mut blanks = memchr::memchr_iter(b' ', text.as_bytes());
    let end = blanks.find(|at| text.get(*at..).is_some_and(is_end));
    end.and_then(|end| text.get(..end)).unwrap_or(text)
}

/// What follows `[<addr>]`, `addr`, `<`.
fn after_addresses(text: &str) -> &str {
    let mut rest = text;
    loop {
        let is_address = |word: &str| word.len() >= 8 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let after = after_address(rest).or_else(|| match rest.split_once(' ') {
            Some((word, after)) if is_address(word) => Some(after),
            _ => rest.strip_prefix('<').map(|symbol| symbol.trim_end_matches('>')),
        });
        match after {
            Some(after) => rest = after.trim_ascii_start(),
            None => return rest,
        }
    }
}

fn only_frame(symbol: &str) -> Option<Frame<'_>> {
    let mut found = None;
    each_frame(symbol, false, |frame| {
        found.get_or_insert(frame);
    });
    // An address alone says nothing.
    found.filter(|frame: &Frame<'_>| frame.function.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_of_all_architectures() {
        let function = |line| instruction(line).and_then(|frame| frame.function.map(str::to_owned));
        for line in [
            "RIP: 0010:fn+0x1/0x2",
            "RIP: 0010:fn+0x1/0x2 [mod]",
            "RIP: 0010:fn+0x1/0x2 net/core/dev.c:12",
            "RIP: 0010:fn (net/core/dev.c:12)",
            "RIP: e030:fn+0x1/0x2",
            "RIP: 0010:[<ffffffff81000000>]  [<ffffffff81000000>] fn+0x1/0x2",
            "IP: [<ffffffff81000000>] fn+0x1/0x2",
            "IP: fn+0x1/0x2",
            "EIP is at fn+0x1/0x2",
            "EIP: fn+0x1/0x2 SS:ESP 0068:c1",
            "EIP: 0060:fn+0x1/0x2",
            "EIP: [<c1000000>] fn+0x1/0x2 SS:ESP 0068:c1",
            "pc : fn+0x1/0x2",
            "PC is at fn+0x1/0x2 [mod]",
            "epc : fn+0x1/0x2",
            "epc   : 8010a0b4 fn+0x1/0x2",
            "NIP [c0000000006d28b8] fn+0x68/0x220",
            "   ERA: 9000000000223a4c fn+0x1/0x2",
            "pc 9000000000223a4c fn+0x1/0x2",
            "TPC: <fn+0x1/0x2>",
            "Krnl PSW : 0704c00180000000 00000000001a2b3c (fn+0x1/0x2)",
            "IAOQ[0]: fn+0x1/0x2",
        ] {
            assert_eq!(function(line).as_deref(), Some("fn"), "{line}");
        }
        for line in [
            "RIP: 0033:0x7f0011223344",
            "RIP: 0033:fn+0x1/0x2",
            "RIP: 0010:0x0",
            "EIP: 0060:[<c1000000>] EFLAGS: 00010282",
            "pc : [<bf0a1234>]    lr : [<bf0a1224>]    psr: 60000013",
            "epc : ffffffff80004922 ra : ffffffff8000496a sp : ffffffe000f3bd00",
            "NIP:  c0000000006d28b8 LR: c0000000006d2a9c CTR: c0000000006d2a40",
            "Krnl PSW : 0704e00180000000 0000000000000000 (0x0)",
            "LR is at fn+0x1/0x2",
            "RIP",
        ] {
            assert_eq!(function(line), None, "{line}");
        }
    }
}
