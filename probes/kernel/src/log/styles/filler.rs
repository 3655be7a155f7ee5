//! Lines in and around a trace that are neither frames nor facts: registers, code, stacks.

use crate::log::by_prefix::ByPrefix;
use std::sync::LazyLock;

/// What such a line begins with.
const HEADS: [&str; 64] = [
    "RIP",
    "RSP",
    "Code: ",
    "FS: ",
    "CS: ",
    "DR",
    "ORIG_RAX",
    "EFLAGS",
    "EIP",
    "PKRU",
    "CR2: ",
    "RAX",
    "RBX",
    "RCX",
    "RDX",
    "RSI",
    "RDI",
    "RBP",
    "R08",
    "R10",
    "R13",
    "EAX",
    "ESI",
    "EBX",
    "DS: ",
    "ESP",
    "Stack:",
    "Exception stack(",
    "Instruction dump:",
    "Instruction DUMP:",
    "LR ",
    "LR = ",
    "LR:",
    "NIP",
    "GPR",
    "REGS:",
    "MSR:",
    "CFAR:",
    "DAR:",
    "CTR:",
    "Krnl ",
    "Hardware name:",
    "Workqueue:",
    "Process ",
    "task: ",
    "task.stack:",
    "note: ",
    "PGD ",
    "BAD LUCK",
    "#PF: ",
    "Register ",
    "Mem abort info",
    "Data abort info",
    "epc",
    "ra ",
    "ra:",
    " ra",
    "status:",
    "Thread ",
    "rcu: ",
    "Tainted: [",
    "TPC",
    "$ ",
    "GR Size",
];

static BY_PREFIX: LazyLock<ByPrefix<()>> =
    LazyLock::new(|| ByPrefix::new(HEADS.iter().map(|head| (*head, ()))));

/// Whether the line belongs to a dump.
pub(in crate::log) fn is_filler(line: &str) -> bool {
    let text = line.trim_ascii_start();
    match text.as_bytes().first() {
        None => true,
        Some(_) if BY_PREFIX.all(text).next().is_some() => true,
        Some(b'=' | b'-') => is_rule(text) || is_interrupt(text),
        Some(_) => is_values(text),
    }
}

/// `r7:c1205dcc r6:00000000`, `x29: ffff80000a3bbc90 x28: ...`, `5fa0: 00000000 c1205dcc`, `c1205dcc 00000000 ...`.
fn is_values(text: &str) -> bool {
    let is_hex = |word: &str| {
        let digits = word.trim_matches(['(', ')', '<', '>', '[', ']']);
        matches!(digits.len(), 2 | 4 | 8 | 16) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let is_value = |word: &str| {
        let value = word.split_once(':').map_or(word, |(_, value)| value);
        value.is_empty() || value == "..." || is_hex(value)
    };
    let is_name = |word: &str| word.len() <= 4 && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let words = text.split_ascii_whitespace().take(8);
    let (count, values) = words.fold((0, 0), |(count, values), word| {
        (
            count + 1,
            values + usize::from(is_value(word) || word == ":" || is_name(word) && text.contains(':')),
        )
    });
    count > 0 && count == values && text.bytes().any(|byte| byte.is_ascii_digit())
}

/// A line of a box: `======`, `------`.
fn is_rule(text: &str) -> bool {
    let mut bytes = text.bytes();
    text.len() >= 10 && bytes.next().is_some_and(|first| bytes.all(|byte| byte == first || byte == b' '))
}

/// `--- interrupt: 901 at fn+0x1/0x2`, `---- interrupt: ...`: the trace goes on.
fn is_interrupt(text: &str) -> bool {
    text.trim_start_matches('-').trim_ascii_start().starts_with("interrupt: ")
        || text.starts_with("--- Exception: ")
}

/// The end of an event.
pub(in crate::log) fn is_end(text: &str) -> bool {
    text.starts_with("---[ end ") || text.starts_with("[ end trace")
}

/// The first registers of the program that called the kernel.
pub(in crate::log) fn is_registers_of_program(text: &str) -> bool {
    ["RIP: 0033:", "RIP: 0023:", "RSP: 002b:", "EIP: 0073:", "EIP: 0023:"]
        .iter()
        .any(|head| text.starts_with(head))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dumps_are_filler_and_sentences_are_not() {
        for line in [
            "",
            "RAX: ffffffffffffffda RBX: 0000000000000007",
            "x29: ffff80000a3bbc90 x28: ffff000004b7a040",
            "r10: 00000000  r9 : c1205dcc  r8 : 00000000",
            " r7:c1205dcc r6:00000000",
            "5fa0: 00000000 c1205dcc",
            "--- interrupt: 901 at .L144+0x0/0x4",
            "    LR = arch_local_irq_restore+0x5c/0x80",
            "Exception stack(0xc5b0dfb0 to 0xc5b0dff8)",
            "==================================================================",
            "GPR00: c0000000006d2a9c c000201ac2806fe0",
        ] {
            assert!(is_filler(line), "{line}");
        }
        for line in [
            "nfs: server fileserver.example.org not responding, still trying",
            "usb 1-1: new high-speed USB device number 2",
            "audit: type=1400",
            "Out of memory",
        ] {
            assert!(!is_filler(line), "{line}");
        }
    }
}
