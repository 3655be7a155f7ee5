//! The styles of traces, one row each, with the lines that the tests hold against the readers.

/// How an architecture writes a trace.
#[derive(Clone, Copy, Debug)]
pub(in crate::log) struct Style {
    /// Architectures and versions.
    pub(in crate::log) of: &'static str,
    /// File of the printer.
    pub(in crate::log) source: &'static str,
    /// What stands above it.
    pub(in crate::log) title: &'static str,
    /// A line of it, which names `fn`.
    pub(in crate::log) frame: &'static str,
    /// The line with the instruction pointer, which names `fn`; empty where there is none.
    pub(in crate::log) pointer: &'static str,
    /// A line in or around it that says nothing.
    pub(in crate::log) filler: &'static str,
}

const fn style(
    of: &'static str,
    source: &'static str,
    title: &'static str,
    frame: &'static str,
    pointer: &'static str,
    filler: &'static str,
) -> Style {
    Style { of, source, title, frame, pointer, filler }
}

pub(in crate::log) const STYLES: &[Style] = &[
    style(
        "amd64, i386, since 4.10",
        "arch/x86/kernel/dumpstack.c",
        "Call Trace:",
        " ? fn+0x1/0x2 [mod]",
        "RIP: 0010:fn+0x1/0x2",
        "Code: 48 89 e5",
    ),
    style(
        "amd64, until 4.9",
        "arch/x86/kernel/dumpstack_64.c",
        "Call Trace:",
        " <IRQ>  [<ffffffff81001122>] ? fn+0x1/0x2",
        "RIP: 0010:[<ffffffff81001122>]  [<ffffffff81001122>] fn+0x1/0x2",
        "Stack:",
    ),
    style(
        "i386, until 4.9",
        "arch/x86/kernel/dumpstack_32.c",
        "Call Trace:",
        " [<c1001122>] fn+0x1/0x2",
        "EIP is at fn+0x1/0x2",
        "EAX: 00000000 EBX: c1001122",
    ),
    style(
        "i386, since 4.10",
        "arch/x86/kernel/process_32.c",
        "Call Trace:",
        " fn+0x1/0x2",
        "EIP: fn+0x1/0x2",
        "ESI: c1001122 EDI: 00000000",
    ),
    style(
        "arm64",
        "arch/arm64/kernel/stacktrace.c",
        "Call trace:",
        " fn+0x1/0x2 [mod] (P)",
        "pc : fn+0x1/0x2",
        "x29: ffff80000a3bbc90 x28: ffff000004b7a040",
    ),
    style(
        "arm64, until 4.10",
        "arch/arm64/kernel/traps.c",
        "Call trace:",
        "[<ffffff8008081122>] fn+0x1/0x2",
        "PC is at fn+0x1/0x2",
        "Exception stack(0xffffffc012345678 to 0xffffffc012345699)",
    ),
    style(
        "arm, since 5.18",
        "arch/arm/kernel/traps.c",
        "Call trace:",
        " callee [mod] from fn+0x1/0x2",
        "PC is at fn+0x1/0x2",
        " r7:c1205dcc r6:00000000",
    ),
    style(
        "arm, until 5.17",
        "arch/arm/kernel/traps.c",
        "Backtrace:",
        "[<c0101122>] (callee) from [<c0101234>] (fn+0x1/0x2)",
        "PC is at fn+0x1/0x2",
        "Exception stack(0xc5b0dfb0 to 0xc5b0dff8)",
    ),
    style(
        "riscv64",
        "arch/riscv/kernel/stacktrace.c",
        "Call Trace:",
        "[<ffffffff80004922>] fn+0x1/0x2",
        "epc : fn+0x1/0x2",
        " ra : other+0x30/0x38",
    ),
    style(
        "s390x",
        "arch/s390/kernel/dumpstack.c",
        "Call Trace:",
        "([<000001e1aabbccdd>] fn+0x1/0x2)",
        "Krnl PSW : 0704c00180000000 00000000001a2b3c (fn+0x1/0x2)",
        "Krnl Code: 0000000000000000: 0000 illegal",
    ),
    style(
        "ppc64el, powerpc",
        "arch/powerpc/kernel/process.c",
        "Call Trace:",
        "[c000201ac28070d0] [c0000000006d2a9c] fn+0x1/0x2",
        "NIP [c0000000006d28b8] fn+0x1/0x2",
        "--- interrupt: 901 at other+0x0/0x4",
    ),
    style(
        "mips64el, mipsel",
        "arch/mips/kernel/traps.c",
        "Call Trace:",
        "[<ffffffff80112233>] fn+0x1/0x2",
        "epc   : ffffffff80112233 fn+0x1/0x2",
        "$ 0   : 0000000000000000 0000000000000001",
    ),
    style(
        "loong64",
        "arch/loongarch/kernel/traps.c",
        "Call Trace:",
        "[<9000000000223a4c>] fn+0x1/0x2",
        "   ERA: 9000000000223a4c fn+0x1/0x2",
        "   ra: 9000000000223a40 other+0x1/0x2",
    ),
    style(
        "sparc64",
        "arch/sparc/kernel/process_64.c",
        "Call Trace:",
        " [00000000004a1b20] fn+0x1/0x2",
        "TPC: <fn+0x1/0x2>",
        "Instruction DUMP: 10600003",
    ),
    style(
        "hppa",
        "arch/parisc/kernel/traps.c",
        "Backtrace:",
        " [<000000004014c354>] fn+0x1/0x2",
        "IAOQ[0]: fn+0x1/0x2",
        "GR Size",
    ),
    style(
        "alpha",
        "arch/alpha/kernel/traps.c",
        "Trace:",
        "[<fffffc0000310a98>] fn+0x1/0x2",
        "pc is at fn+0x1/0x2",
        "",
    ),
    style(
        "m68k",
        "arch/m68k/kernel/traps.c",
        "Call Trace:",
        " [<0002a0b4>] fn+0x1/0x2",
        "PC: [<0002a0b4>] fn+0x1/0x2",
        "",
    ),
    style(
        "any, through decode_stacktrace.sh",
        "scripts/decode_stacktrace.sh",
        "Call Trace:",
        " fn (net/core/dev.c:12 (discriminator 3)) mod",
        "RIP: 0010:fn (net/core/dev.c:12)",
        "",
    ),
    style(
        "any, with source lines",
        "none: what symbolizers of consoles add",
        "Call Trace:",
        " fn net/core/dev.c:12 [inline]",
        "RIP: 0010:fn+0x1/0x2 net/core/dev.c:12",
        "",
    ),
];

#[cfg(test)]
mod tests {
    use super::super::{each_frame, instruction, is_filler, title};
    use super::*;

    #[test]
    fn every_row_is_read() {
        for style in STYLES {
            assert!(title(style.title).is_some(), "{}: {}", style.of, style.title);
            let mut last = None;
            each_frame(style.frame, true, |frame| last = frame.function);
            assert_eq!(last, Some("fn"), "{}: {}", style.of, style.frame);
            let pointer = instruction(style.pointer).and_then(|frame| frame.function);
            assert_eq!(pointer.unwrap_or("fn"), "fn", "{}: {}", style.of, style.pointer);
            assert!(style.pointer.is_empty() || pointer.is_some(), "{}: {}", style.of, style.pointer);
            assert!(style.filler.is_empty() || is_filler(style.filler), "{}: {}", style.of, style.filler);
        }
    }
}
