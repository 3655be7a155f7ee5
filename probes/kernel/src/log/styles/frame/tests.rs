use super::*;

fn shown(line: &str) -> String {
    let mut shown = Vec::new();
    each_frame(line, true, |frame| {
        let mark = if frame.is_certain { "" } else { "? " };
        let function = frame.function.unwrap_or("???");
        shown.push(format!("{mark}{function} {}", frame.module.unwrap_or("kernel")));
    });
    shown.join(", ")
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
        ("[c000000012345678] [c0000000001234ab] fn+0x1c/0x40 (unreliable)", "? fn kernel"),
        ("[c000000012345678] [c0000000001234ab] .fn+0x1c/0x40 [mod]", ".fn mod"),
        ("__pfx_fn+0x0/0x10", "__pfx_fn kernel"),
        (" [<c0105000>] one+0x1/0x2 [<c0106000>] two+0x1/0x2", "one kernel, two kernel"),
        ("([<000001e1aabbccdd>] fn+0x1a8/0x2b0)", "? fn kernel"),
        (" [<0000000000000000>] 0x0 ", "??? kernel"),
        ("[<c0101>] (a+0x0/0x1) from [<c0102030>] (b+0x1/0x2)", ""),
        ("[<c0101234>] (a+0x0/0x1 [m]) from [<c0102030>] (b+0x1/0x2)", "a m, b kernel"),
        ("[<c0101234>] (a) from [<c0102030>] (b+0x1/0x2 [n])", "a kernel, b n"),
        (" a from b+0x20/0xac", "a kernel, b kernel"),
        (" a [m] from b+0x1a8/0x2c8 [n]", "a m, b n"),
        (" fn (net/core/dev.c:12 (discriminator 3)) mod", "fn mod"),
        (" fn (./include/linux/a.h:23 net/b.c:45)", "fn kernel"),
        (" ? fn (net/core/dev.c:12)", "? fn kernel"),
        (" fn+0x1/0x2 net/core/dev.c:12", "fn kernel"),
        (" fn+0x1/0x2 net/core/dev.c:12 (discriminator 4)", "fn kernel"),
        (" fn net/core/dev.c:12 [inline]", "fn kernel"),
        (" [<     inline     >] fn net/core/dev.c:12", "fn kernel"),
        (" [<ffffffff81001122>] fn+0x1/0x2 net/core/dev.c:12", "fn kernel"),
        ("[00000000004a1b20] fn+0x1c/0x40", "fn kernel"),
    ] {
        assert_eq!(shown(line), expected, "{line}");
        assert_eq!(has_frame(line), !expected.is_empty());
    }
}

#[test]
fn arm_names_each_caller_once() {
    let mut names = Vec::new();
    for (line, is_first) in [(" a from b+0x1/0x2", true), (" b from c+0x1/0x2", false)] {
        each_frame(line, is_first, |frame| names.extend(frame.function));
    }
    assert_eq!(names, ["a", "b", "c"]);
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
        "[<00000000d5b26ea8>] usb_hcd_irq [usbcore]",
        "usb 1-1: new device",
        "mail from example.org",
        "mounted from server.example.org:/home",
        "word",
        " #0: ffff888104a3b0c8 (&b->lock){+.+.}, at: take_b+0x2a/0x80",
    ] {
        assert_eq!(shown(line), "", "{line}");
        assert!(!has_frame(line));
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
