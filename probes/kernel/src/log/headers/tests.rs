use super::*;

fn kind(line: &str) -> Option<Kind> {
    Headers::get().find(line).map(|header| header.class)
}

#[test]
fn every_row_is_found_by_its_line() {
    for header in HEADERS {
        let found = Headers::get().find(header.test);
        let found = found.unwrap_or_else(|| panic!("{}: {}", header.text, header.test));
        assert_eq!(
            (found.class, found.trace),
            (header.class, header.trace),
            "{}: {}",
            header.text,
            header.test
        );
    }
}

#[test]
fn every_first_line_of_the_contract() {
    for (line, expected) in [
        ("NETDEV WATCHDOG: eth0 (e1000e): transmit queue 0 timed out", Kind::Warning),
        ("sysctl table check failed: /a", Kind::Warning),
        ("IRQ handler type mismatch for IRQ 9", Kind::Warning),
        ("ALSA sound/core/pcm_lib.c:1: BUG: x", Kind::SoundBug),
        ("irq 16: nobody cared (try booting with the \"irqpoll\" option)", Kind::Warning),
        ("WARNING: at kernel/a.c:1 fn+0x1/0x2()", Kind::Warning),
        ("general protection fault: 0000 [#1] SMP", Kind::Bug),
        ("BUG: unable to handle kernel paging request at ffff", Kind::Bug),
        ("BUG: scheduling while atomic: a/1/0x2", Kind::Bug),
        ("kernel BUG at mm/a.c:1!", Kind::Bug),
        ("do_IRQ: stack overflow: 12", Kind::StackOverflow),
        ("RTNL: assertion failed at net/core/dev.c (1)", Kind::Warning),
        ("Eeek! page_mapcount(page) went negative! (-1)", Kind::Bug),
        ("near stack overflow (cur:c1,low:c2)", Kind::Bug),
        ("double fault: 0000 [#1]", Kind::Bug),
        ("Badness at a.c:1", Kind::Bug),
        ("list_del corruption. prev->next should be ffff", Kind::Warning),
        ("list_add corruption. next->prev should be prev", Kind::Warning),
        ("ACPI Error: AE_NOT_FOUND", Kind::Warning),
        ("Kernel panic - not syncing: Fatal exception", Kind::Panic),
        ("BERT: Error records from previous boot:", Kind::Bert),
    ] {
        assert_eq!(kind(line), Some(expected), "{line}");
    }
}

#[test]
fn what_todays_kernels_print() {
    for (line, expected) in [
        ("WARNING: kernel/a.c:1 at fn+0x1/0x2, CPU#0: a/1", Kind::Warning),
        ("WARNING: [x < (y) at z] kernel/a.c:1 at fn+0x1/0x2, CPU#0: a/1", Kind::Warning),
        ("Oops: general protection fault, maybe for address 0x0: 0000 [#1]", Kind::Bug),
        ("general protection fault for address 0x10: 0000 [#1]", Kind::Bug),
        ("watchdog: CPU4: Watchdog detected hard LOCKUP on cpu 4", Kind::Bug),
        ("CPU4: Watchdog detected hard LOCKUP on cpu 4", Kind::Bug),
        (" BUG: unable to handle kernel NULL pointer dereference at 0000000000000010", Kind::Bug),
        ("eth0: NETDEV WATCHDOG: CPU: 1: transmit queue 0 timed out 5000 ms", Kind::Warning),
        ("BUG a (Tainted: G    B      ): Redzone overwritten", Kind::Bug),
        ("WARNING: kworker/0:1/-1 still has locks held!", Kind::Warning),
        ("my program: page allocation failure. order:5, mode:0x4020", Kind::Warning),
        ("Oops - load address misaligned [#1]", Kind::Bug),
        ("Oops[#1]:", Kind::Bug),
    ] {
        assert_eq!(kind(line), Some(expected), "{line}");
    }
}

#[test]
fn other_lines_begin_nothing() {
    for line in [
        "",
        " WARNING: x",
        "systemd[1]: WARNING: at a.c:1 fn",
        "app[1]: BUG: x",
        "app[12]: NETDEV WATCHDOG: CPU: 1: x",
        "INFO: lockdep is turned off.",
        "INFO: Slab 0xffffea0000 objects=16",
        "irq 9: fine",
        "irq: nobody cared",
        "general protection faults are fine",
        "invalid opcode: here",
        "divide error: x",
        "[drm] Initialized i915",
        "mce: CPU0: Thermal monitoring enabled",
        "Kernel command line: BUG: panic",
        "ALSA device list:",
        "WARNING",
        "WARNING: fbcon: Driver 'vkmsdrmfb' missed to adjust virtual screen size (0x0 vs. 128x16)",
        "WARNING: Support for NULL shader is deprecated",
        "Oops: efitime: can't read time!",
        "Badness of 5",
        "debug: unmapping init memory",
        "BUG kmalloc",
        "Memory cgroup out of memory: Killed process 12 (a)",
        "a very long name of a process: page allocation failure: order:5",
        "\u{e9}",
    ] {
        assert_eq!(kind(line), None, "{line}");
    }
}

#[test]
fn patterns_have_pieces_in_their_order() {
    assert!(matches("a*c*", "abcd") && matches("a*", "a") && matches("abc", "abcd"));
    assert!(!matches("a*c*", "acb".get(..1).unwrap()) && !matches("b*", "ab") && !matches("a*d", "abc"));
}
