//! First lines of the kernel, of several of its versions.

use super::*;
use proptest::prelude::*;

#[test]
fn lines_of_one_fault_have_one_text() {
    for (line, expected) in [
        ("BUG: kernel NULL pointer dereference, address: 0000000000000010", "NULL pointer dereference"),
        ("BUG: unable to handle kernel NULL pointer dereference at (null)", "NULL pointer dereference"),
        (
            "Unable to handle kernel NULL pointer dereference at virtual address 0000000000000008",
            "NULL pointer dereference",
        ),
        ("BUG: unable to handle kernel paging request at (address)", "page fault"),
        ("BUG: unable to handle page fault for address: (address)", "page fault"),
        ("Unable to handle kernel paging request at virtual address (address)", "page fault"),
        ("general protection fault: 0000 [#1] SMP", "general protection fault"),
        (
            "Oops: general protection fault, probably for non-canonical address (address): 0000 [#1] SMP NOPTI",
            "general protection fault",
        ),
        ("traps: PANIC: double fault, error_code: 0x0", "double fault"),
        ("Oops: 0002 [#1] PREEMPT SMP PTI", "oops"),
        ("kernel BUG at mm/slub.c:379!", "BUG"),
        ("WARNING: CPU: 1 PID: 812 at lib/refcount.c:28 refcount_warn_saturate+0xba/0x110", "WARNING"),
        (
            "WARNING: drivers/gpu/drm/drm_mode.c:77 at drm_mode_check+0x4c/0x90 [drm], CPU#2: modprobe/301",
            "WARNING",
        ),
        ("WARNING: at net/sched/sch_generic.c:261 dev_watchdog+0x25f/0x270()", "WARNING"),
        ("Badness at kernel/a.c:12", "WARNING"),
        ("BUG: KASAN: slab-out-of-bounds in ext_parse+0x1b3/0x240 [ext]", "KASAN: slab-out-of-bounds"),
        ("BUG: KFENCE: use-after-free read in test_use+0xb3/0x143", "KFENCE: use-after-free read"),
        ("BUG: KCSAN: data-race in a+0x1/0x2 / b+0x3/0x4", "KCSAN: data-race"),
        (
            "UBSAN: array-index-out-of-bounds in drivers/net/wireless/w.c:1011:20",
            "UBSAN: array-index-out-of-bounds",
        ),
        ("watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [modprobe:163]", "soft lockup"),
        ("NMI watchdog: Watchdog detected hard LOCKUP on cpu 2", "hard lockup"),
        ("INFO: task umount:2100 blocked for more than 120 seconds.", "hung task"),
        ("rcu: INFO: rcu_sched self-detected stall on CPU", "RCU stall"),
        ("WARNING: possible circular locking dependency detected", "possible circular locking dependency"),
        ("[ INFO: possible circular locking dependency detected ]", "possible circular locking dependency"),
        ("list_del corruption. prev->next should be (address), but was 0000000000000000.", "list corruption"),
        ("NETDEV WATCHDOG: enp0s25 (e1000e): transmit queue 0 timed out", "NETDEV WATCHDOG (e1000e)"),
        (
            "e1000e 0000:00:19.0 enp0s25 (e1000e): NETDEV WATCHDOG: CPU: 3: transmit queue 0 timed out 5120 ms",
            "NETDEV WATCHDOG (e1000e)",
        ),
        ("irq 16: nobody cared (try booting with the \"irqpoll\" option)", "irq: nobody cared"),
        ("RTNL: assertion failed at net/core/dev.c (1717)", "RTNL: assertion failed"),
        ("do_IRQ: stack overflow: 412", "stack overflow"),
        ("BUG: TASK stack guard page was hit at (address) (stack is (address)..(address))", "stack overflow"),
        ("sysctl table check failed: /net/ipv4/route .3.5.16 Unknown", "sysctl table check failed"),
        ("BUG: scheduling while atomic: (process)/1/0x00000002", "scheduling while atomic"),
        ("BUG: Bad page state in process (process)  pfn:0b0b0", "bad page state"),
        ("ALSA sound/core/pcm_lib.c:339: BUG: hdmi:0 , pos = 5461", "ALSA: BUG"),
        (
            "ACPI Error: AE_NOT_FOUND, While resolving x (20220331/dspkginit-438)",
            "ACPI Error: AE_NOT_FOUND, While resolving x",
        ),
        ("BUG: Dentry (address)", "Dentry (address)"),
        ("(process) invoked oom-killer: gfp_mask=0x100cca, order=0", "out of memory"),
        ("Kernel panic - not syncing: sysrq triggered crash", "panic: sysrq triggered crash"),
        (
            "Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b",
            "panic: Attempted to kill init! exitcode=(address)",
        ),
        (
            "Kernel panic - not syncing: stack-protector: Kernel stack is corrupted in: do_exit+0x12/0x34",
            "panic: stack-protector: Kernel stack is corrupted in: do_exit",
        ),
        ("Kernel panic - not syncing:", "panic: "),
        // Found by fuzzing: what is quoted from the line is cleaned too.
        ("UBSAN: array-ind\u{10}ex in drivers/w.c:1011:20", "UBSAN: array-ind\u{fffd}ex"),
        ("", "no reason"),
    ] {
        assert_eq!(fault(line).text, expected, "{line}");
    }
}

#[test]
fn where_it_was() {
    let at = |line: &str| fault(line).function.map(|(function, module)| format!("{function} {module}"));
    let dot = |line: &str| at(line).unwrap_or_default();
    assert_eq!(
        dot("WARNING: drivers/a.c:77 at drm_mode_check+0x4c/0x90 [drm], CPU#2: a/1"),
        "drm_mode_check drm"
    );
    assert_eq!(dot("WARNING: CPU: 1 PID: 8 at a.c:28 f.isra.0+0xba/0x110"), "f.isra.0 kernel");
    assert_eq!(dot("WARNING: at net/a.c:261 dev_watchdog+0x25f/0x270()"), "dev_watchdog kernel");
    assert_eq!(dot("BUG: KASAN: slab-out-of-bounds in ext_parse+0x1b3/0x240 [snd-ext]"), "ext_parse snd_ext");
    assert_eq!(dot("BUG: KASAN: x in f+0x1b3/0x240"), "f kernel");
    assert_eq!(dot("BUG: kernel NULL pointer dereference, address: 0000000000000010"), "");
    assert_eq!(fault("kernel BUG at /build/x/mm/slub.c:379!").file.as_deref(), Some("mm/slub.c"));
    assert_eq!(fault("RTNL: assertion failed at net/core/dev.c (1717)").file.as_deref(), Some("core/dev.c"));
    assert_eq!(fault("UBSAN: x in drivers/w.c:1011:20").file.as_deref(), Some("drivers/w.c"));
    assert!(fault("NETDEV WATCHDOG: eth0 (e1000): transmit queue 0 timed out").is_enough);
}

proptest! {
    #[test]
    fn any_line_has_a_fault(line in any::<String>()) {
        let fault = fault(&line);
        prop_assert!(!fault.text.is_empty() && !fault.text.contains(char::is_control));
    }
}
