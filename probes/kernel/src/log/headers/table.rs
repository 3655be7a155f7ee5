//! The first lines of failures, as the kernel's printers write them, one row each. A kernel that says it in other words is
//! a row more.
//!
//! `*` in a text is anything; the text is what the line begins with. The last column is a line of the printer's, which the
//! tests hold against the row.

use super::checks;
use super::{Header, Prefix, Trace};
use crate::log::Kind;

const fn row(
    text: &'static str,
    class: Kind,
    trace: Trace,
    source: &'static str,
    versions: &'static str,
    test: &'static str,
) -> Header {
    Header { text, check: None, prefix: Prefix::None, class, trace, source, versions, test }
}

impl Header {
    const fn after(mut self, prefix: Prefix) -> Self {
        self.prefix = prefix;
        self
    }

    const fn with(mut self, trace: Trace) -> Self {
        self.trace = trace;
        self
    }

    const fn if_it(mut self, check: fn(&str) -> bool) -> Self {
        self.check = Some(check);
        self
    }
}

/// The name of a trap, which counts only with the number of the die line.
const fn trap(text: &'static str, versions: &'static str, test: &'static str) -> Header {
    row(text, Kind::Bug, Trace::Own, "arch/x86/kernel/traps.c", versions, test).if_it(checks::is_die)
}

/// What `die` of MIPS, LoongArch, RISC-V and SPARC is given.
const fn die(text: &'static str, source: &'static str, test: &'static str) -> Header {
    row(text, Kind::Bug, Trace::Own, source, "2.6", test).if_it(checks::is_die)
}

/// What `parisc_terminate` is given.
const fn die_of_hppa(text: &'static str, test: &'static str) -> Header {
    row(text, Kind::Bug, Trace::Own, "arch/parisc/kernel/traps.c", "2.6", test)
}

/// What a program check of s390 is called.
const fn program_check(text: &'static str, test: &'static str) -> Header {
    row(text, Kind::Bug, Trace::Own, "arch/s390/kernel/traps.c", "2.6", test).if_it(checks::is_die)
}

/// A sentence of lockdep or RCU, in any of the heads that it had: `WARNING: `, `INFO: `, `[ BUG: `, `[ INFO: `.
const fn boxed(text: &'static str, source: &'static str, test: &'static str) -> Header {
    row(text, Kind::Warning, Trace::Lockdep, source, "2.6", test).after(Prefix::Box)
}

const LOCKDEP: &str = "kernel/locking/lockdep.c";

/// What is told of a machine check.
const fn check(text: &'static str, class: Kind, test: &'static str) -> Header {
    row(text, class, Trace::Errors, "arch/x86/kernel/cpu/mce/core.c", "2.6", test)
}

/// What the decoder of AMD calls one.
const fn decoded(text: &'static str, class: Kind, test: &'static str) -> Header {
    row(text, class, Trace::Errors, "drivers/edac/mce_amd.c", "2.6.32", test)
}

pub(in crate::log) static HEADERS: &[Header] = &[
    // Warnings.
    row("WARNING: *", Kind::Warning, Trace::Own, "kernel/panic.c, lib/bug.c", "2.6", "WARNING: CPU: 0 PID: 1 at kernel/a.c:1 fn+0x1/0x2")
        .if_it(checks::is_place),
    row("WARNING: kernel stack regs at *", Kind::Warning, Trace::Own, "arch/x86/kernel/unwind_frame.c", "4.12", "WARNING: kernel stack regs at ffffc90000a37e98 in a:12 has bad 'bp' value 0000000000000000"),
    row("WARNING: kernel stack frame pointer at *", Kind::Warning, Trace::Own, "arch/x86/kernel/unwind_frame.c", "4.12", "WARNING: kernel stack frame pointer at ffffc90000a37e98 in a:12 has bad value 0000000000000000"),
    row("WARNING: unrecognized unwind *", Kind::Warning, Trace::Own, "arch/x86/kernel/unwind_frame.c", "4.12", "WARNING: unrecognized unwind stack type 1 at ffffc90000a37e98 in a:12"),
    row("Badness at *", Kind::Bug, Trace::Own, "arch/powerpc/kernel/traps.c", "2.6 to 2.6.39", "Badness at kernel/a.c:1"),
    row("NETDEV WATCHDOG: *", Kind::Warning, Trace::Own, "net/sched/sch_generic.c", "2.6 to 6.7", "NETDEV WATCHDOG: eth0 (e1000e): transmit queue 0 timed out")
        .after(Prefix::Word),
    row("NETDEV WATCHDOG: CPU: *", Kind::Warning, Trace::Own, "net/sched/sch_generic.c", "6.8", "e1000e 0000:00:1f.6 eth0: NETDEV WATCHDOG: CPU: 3: transmit queue 0 timed out 5000 ms")
        .after(Prefix::Device),
    row("RTNL: assertion failed*", Kind::Warning, Trace::Own, "include/linux/rtnetlink.h", "2.6", "RTNL: assertion failed at net/core/dev.c (1717)"),
    row("list_del corruption*", Kind::Warning, Trace::Own, "lib/list_debug.c", "2.6", "list_del corruption. prev->next should be ffff8881053a4c00, but was 0000000000000000"),
    row("list_add corruption*", Kind::Warning, Trace::Own, "lib/list_debug.c", "2.6", "list_add corruption. next->prev should be prev (c1234567), but was c7654321. (next=c1111111)."),
    row("list_add double add*", Kind::Warning, Trace::Own, "lib/list_debug.c", "4.2", "list_add double add: new=ffff8881053a4c00, prev=ffff8881053a4c00, next=ffff8881053a4d00."),
    row("irq *nobody cared*", Kind::Warning, Trace::Own, "kernel/irq/spurious.c", "2.6", "irq 16: nobody cared (try booting with the \"irqpoll\" option)")
        .if_it(checks::has_number_after_irq)
        .after(Prefix::Word),
    row("IRQ handler type mismatch for IRQ*", Kind::Warning, Trace::Own, "kernel/irq/manage.c", "2.6 to 3.5", "IRQ handler type mismatch for IRQ 9"),
    row("genirq: Flags mismatch irq *", Kind::Warning, Trace::Own, "kernel/irq/manage.c", "3.6", "genirq: Flags mismatch irq 16. 00000000 (a) vs. 00000080 (b)"),
    row("sysctl table check failed: *", Kind::Warning, Trace::None, "kernel/sysctl_check.c", "2.6.24 to 3.10", "sysctl table check failed: /net/ipv4/route .3.5.16 Unknown sysctl binary path"),
    row("ACPI Error: *", Kind::Warning, Trace::None, "drivers/acpi/acpica/utxferror.c", "2.6", "ACPI Error: AE_NOT_FOUND, Evaluating _PRW (20220331/x-1)"),
    row("UBSAN: * in *", Kind::Warning, Trace::Own, "lib/ubsan.c", "4.5", "UBSAN: shift-out-of-bounds in a.c:1:2"),
    row("INFO: task *:* blocked *more than *", Kind::Warning, Trace::Task, "kernel/hung_task.c", "2.6.25", "INFO: task a:1 blocked for more than 120 seconds."),
    row("INFO: task *:* can't die for more than *", Kind::Warning, Trace::Task, "kernel/hung_task.c", "5.3 of linux-next", "INFO: task a:1 can't die for more than 143 seconds."),
    row("INFO: rcu* detected stall*", Kind::Warning, Trace::Stall, "kernel/rcu/tree_stall.h", "2.6.29", "INFO: rcu_sched detected stalls on CPUs/tasks:")
        .after(Prefix::Word),
    row("INFO: rcu* self-detected stall*", Kind::Warning, Trace::Stall, "kernel/rcu/tree_stall.h", "2.6.35", "rcu: INFO: rcu_preempt self-detected stall on CPU")
        .after(Prefix::Word),
    row("INFO: rcu* detected expedited stall*", Kind::Warning, Trace::Stall, "kernel/rcu/tree_exp.h", "4.0", "rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { 1-.... } 6557 jiffies s: 141 root: 0x2/.")
        .after(Prefix::Word),
    row("BUG: memory leak*", Kind::Warning, Trace::Leak, "mm/kmemleak.c", "2.6.31", "BUG: memory leak"),
    row("unreferenced object 0x*", Kind::Warning, Trace::Leak, "mm/kmemleak.c", "2.6.31", "unreferenced object 0xffff8881053a4c00 (size 64):"),
    row("unregister_netdevice: waiting for *", Kind::Warning, Trace::None, "net/core/dev.c", "2.6", "unregister_netdevice: waiting for lo to become free. Usage count = 2"),
    row("VFS: Busy inodes after unmount *", Kind::Warning, Trace::None, "fs/super.c", "2.6", "VFS: Busy inodes after unmount of loop0 (ext4)"),
    row("VFS: Busy inodes after unmount. *", Kind::Warning, Trace::None, "fs/super.c", "2.6", "VFS: Busy inodes after unmount. Self-destruct in 5 seconds.  Have a nice day..."),
    row(": page allocation failure*", Kind::Warning, Trace::Own, "mm/page_alloc.c", "2.6", "a: page allocation failure: order:5, mode:0x40dc0(GFP_KERNEL), nodemask=(null)")
        .after(Prefix::Comm),
    row(" invoked oom-killer: *", Kind::Warning, Trace::Own, "mm/oom_kill.c", "2.6", "a invoked oom-killer: gfp_mask=0x100cca(GFP_HIGHUSER_MOVABLE), order=0, oom_score_adj=0")
        .after(Prefix::Comm),
    // lockdep and RCU, in their boxes.
    boxed("possible circular locking *", LOCKDEP, "WARNING: possible circular locking dependency detected"),
    boxed("possible recursive locking *", LOCKDEP, "[ INFO: possible recursive locking detected ]"),
    boxed("possible irq lock inversion *", LOCKDEP, "WARNING: possible irq lock inversion dependency detected"),
    boxed("HARDIRQ-safe *", LOCKDEP, "WARNING: HARDIRQ-safe -> HARDIRQ-unsafe lock order detected"),
    boxed("SOFTIRQ-safe *", LOCKDEP, "[ INFO: SOFTIRQ-safe -> SOFTIRQ-unsafe lock order detected ]"),
    boxed("HARDIRQ-READ-safe *", LOCKDEP, "WARNING: HARDIRQ-READ-safe -> HARDIRQ-READ-unsafe lock order detected"),
    boxed("SOFTIRQ-READ-safe *", LOCKDEP, "WARNING: SOFTIRQ-READ-safe -> SOFTIRQ-READ-unsafe lock order detected"),
    boxed("inconsistent lock state*", LOCKDEP, "WARNING: inconsistent lock state"),
    boxed("bad unlock balance *", LOCKDEP, "[ BUG: bad unlock balance detected! ]"),
    boxed("bad contention *", LOCKDEP, "WARNING: bad contention detected!"),
    boxed("Nested lock was not taken*", LOCKDEP, "WARNING: Nested lock was not taken"),
    boxed("held lock freed*", LOCKDEP, "[ BUG: held lock freed! ]"),
    boxed("lock held when returning *", LOCKDEP, "WARNING: lock held when returning to user space!"),
    boxed("*/* still has locks held!*", LOCKDEP, "WARNING: a/12 still has locks held!").if_it(checks::begins_with_process),
    boxed("Invalid wait context*", LOCKDEP, "[ BUG: Invalid wait context ]"),
    boxed("suspicious RCU usage*", "kernel/locking/lockdep.c, kernel/rcu", "WARNING: suspicious RCU usage"),
    boxed("suspicious rcu_dereference_check() usage*", LOCKDEP, "[ INFO: suspicious rcu_dereference_check() usage. ]"),
    boxed("trying to register non-static key*", LOCKDEP, "INFO: trying to register non-static key.").with(Trace::Own),
    // Bugs.
    row("BUG: Bad rss-counter state *", Kind::Bug, Trace::None, "kernel/fork.c", "3.4", "BUG: Bad rss-counter state mm:00000000abcdef01 type:MM_ANONPAGES val:1")
        .after(Prefix::Word),
    row("BUG: non-zero pgtables_bytes on freeing *", Kind::Bug, Trace::None, "kernel/fork.c", "4.15", "BUG: non-zero pgtables_bytes on freeing mm: 8192")
        .after(Prefix::Word),
    row("BUG: non-zero nr_p*", Kind::Bug, Trace::None, "kernel/fork.c", "4.1 to 4.14", "BUG: non-zero nr_ptes on freeing mm: 2")
        .after(Prefix::Word),
    row("BUG: workqueue lockup *", Kind::Bug, Trace::None, "kernel/workqueue.c", "4.5", "BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 37s!")
        .after(Prefix::Word),
    row("BUG: KASAN: *", Kind::Bug, Trace::Access, "mm/kasan/report.c", "4.0", "BUG: KASAN: slab-out-of-bounds in fn+0x1/0x2")
        .after(Prefix::Word),
    row("BUG: KFENCE: *", Kind::Bug, Trace::AccessFirst, "mm/kfence/report.c", "5.12", "BUG: KFENCE: use-after-free read in fn+0x1/0x2")
        .after(Prefix::Word),
    row("BUG: KCSAN: *", Kind::Bug, Trace::AccessFirst, "kernel/kcsan/report.c", "5.8", "BUG: KCSAN: data-race in a / b")
        .after(Prefix::Word),
    row("BUG: KMSAN: *", Kind::Bug, Trace::AccessFirst, "mm/kmsan/report.c", "6.1", "BUG: KMSAN: uninit-value in fn+0x1/0x2")
        .after(Prefix::Word),
    row("BUG: *stack guard page was hit *", Kind::StackOverflow, Trace::Own, "arch/x86/mm/fault.c, arch/x86/kernel/traps.c", "4.9", "BUG: TASK stack guard page was hit at 00000000a1c2e3f4 (stack is 0000000011223344..0000000055667788)")
        .after(Prefix::Word),
    row("BUG: soft lockup *", Kind::Bug, Trace::Processor, "kernel/watchdog.c", "2.6", "watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [a:1]")
        .after(Prefix::Word),
    row("Watchdog detected hard LOCKUP *", Kind::Bug, Trace::Processor, "kernel/watchdog.c", "2.6.36", "NMI watchdog: Watchdog detected hard LOCKUP on cpu 0")
        .after(Prefix::Word),
    row("BUG:*", Kind::Bug, Trace::Own, "everywhere", "2.6", "BUG: scheduling while atomic: a/1/0x00000002")
        .after(Prefix::Word),
    row("BUG *", Kind::Bug, Trace::Own, "mm/slub.c", "2.6.22", "BUG kmalloc-64 (Not tainted): Poison overwritten").if_it(checks::is_slub),
    row("kernel BUG at *", Kind::Bug, Trace::Own, "lib/bug.c", "2.6", "kernel BUG at mm/a.c:1!"),
    row("Kernel BUG at *", Kind::Bug, Trace::Own, "lib/bug.c", "2.6", "Kernel BUG at fn+0x1/0x2 [verbose debug info unavailable]"),
    row("ALSA *: BUG*", Kind::SoundBug, Trace::Own, "sound/core/pcm_lib.c", "2.6", "ALSA sound/core/pcm_lib.c:1: BUG: x"),
    row("Eeek! page_mapcount(page) went negative!*", Kind::Bug, Trace::Own, "mm/rmap.c", "2.6 to 2.6.28", "Eeek! page_mapcount(page) went negative! (-1)"),
    row("VFS: Close: file count is *", Kind::Bug, Trace::None, "fs/open.c", "2.6", "VFS: Close: file count is 0"),
    row("VERIFY*failed*", Kind::Bug, Trace::Own, "zfs: include/os/linux/spl/sys/debug.h", "0.6", "VERIFY3(a == b) failed (1 == 2)"),
    row("PANIC at *:*:*()", Kind::Bug, Trace::Own, "zfs: module/os/linux/spl/spl-err.c", "0.6", "PANIC at zfs_vfsops.c:426:zfs_space_delta_cb()"),
    row("Oops*", Kind::Bug, Trace::Own, "arch/*/kernel", "2.6", "Oops: 0002 [#1] PREEMPT SMP").if_it(checks::is_die),
    row("Internal error: *", Kind::Bug, Trace::Own, "arch/arm/kernel/traps.c, arch/arm64/kernel/traps.c", "2.6", "Internal error: Oops - BUG: 00000000f2000800 [#1] SMP"),
    row("Unable to handle kernel *", Kind::Bug, Trace::Own, "arch/{arm,arm64,riscv,s390,powerpc,sparc}/mm/fault.c", "2.6", "Unable to handle kernel NULL pointer dereference at virtual address 0000000000000008"),
    row("CPU * Unable to handle kernel *", Kind::Bug, Trace::Own, "arch/mips/mm/fault.c, arch/loongarch/mm/fault.c", "2.6", "CPU 0 Unable to handle kernel paging request at virtual address 0000000000000008, epc == ffffffff80123456, ra == ffffffff80123450"),
    row("general protection fault*", Kind::Bug, Trace::Own, "arch/x86/kernel/traps.c", "2.6", "general protection fault, probably for non-canonical address 0xdead: 0000 [#1] SMP")
        .if_it(checks::is_protection_fault),
    trap("segment-related general protection fault*", "5.5 to 6.11", "segment-related general protection fault: 206c [#1] PREEMPT SMP PTI"),
    trap("divide error*", "2.6", "divide error: 0000 [#1] SMP"),
    trap("divide_error*", "5.8 and 5.9", "divide_error: 0000 [#1] SMP"),
    trap("overflow*", "2.6", "overflow: 0000 [#1] SMP"),
    trap("bounds*", "2.6", "bounds: 0000 [#1] SMP"),
    trap("invalid opcode*", "2.6", "invalid opcode: 0000 [#1] PREEMPT SMP"),
    trap("invalid_op*", "5.8 and 5.9", "invalid_op: 0000 [#1] SMP"),
    trap("invalid TSS*", "2.6", "invalid TSS: 0000 [#1] SMP"),
    trap("segment not present*", "2.6", "segment not present: 0000 [#1] SMP"),
    trap("stack segment*", "2.6", "stack segment: 0000 [#1] SMP"),
    trap("alignment check*", "2.6", "alignment check: 0000 [#1] SMP"),
    trap("coprocessor segment overrun*", "2.6", "coprocessor segment overrun: 0000 [#1] SMP"),
    trap("fpu exception*", "2.6", "fpu exception: 0000 [#1] SMP"),
    trap("simd exception*", "2.6", "simd exception: 0000 [#1] SMP"),
    trap("unexpected #NM exception*", "5.8", "unexpected #NM exception: 0000 [#1] SMP"),
    trap("unhandled exception*", "3.10", "unhandled exception: 0000 [#1] SMP"),
    trap("control protection fault*", "5.18", "control protection fault: 0003 [#1] SMP"),
    trap("kernel ept violation*", "5.8", "kernel ept violation: 0000 [#1] SMP"),
    trap("iret exception*", "2.6", "iret exception: 0000 [#1] SMP"),
    trap("int3*", "2.6", "int3: 0000 [#1] SMP"),
    trap("debug*", "2.6", "debug: 0000 [#1] SMP"),
    trap("trap *", "4.11", "trap 13: 0000 [#1] SMP"),
    row("double fault*", Kind::Bug, Trace::Own, "arch/x86/kernel/traps.c", "2.6", "double fault: 0000 [#1]").if_it(checks::is_double_fault),
    row("PANIC: double fault*", Kind::Bug, Trace::Own, "arch/x86/kernel/doublefault_32.c, traps.c", "3.19", "traps: PANIC: double fault, error_code: 0x0")
        .after(Prefix::Word),
    row("PANIC: early exception *", Kind::Bug, Trace::Own, "arch/x86/mm/extable.c", "2.6", "PANIC: early exception 0x0d IP 10:ffffffff8113b25b error 0 cr2 0xffff88800a201000")
        .after(Prefix::Word),
    program_check("addressing exception*", "addressing exception: 0005 ilc:3 [#1] SMP"),
    program_check("data exception*", "data exception: 0007 ilc:3 [#1] SMP"),
    program_check("execute exception*", "execute exception: 0003 ilc:3 [#1] SMP"),
    program_check("fixpoint divide exception*", "fixpoint divide exception: 0009 ilc:2 [#1] SMP"),
    program_check("illegal operation*", "illegal operation: 0001 ilc:1 [#1] SMP"),
    program_check("monitor event*", "monitor event: 0040 ilc:2 [#1] SMP"),
    program_check("operand exception*", "operand exception: 0015 ilc:2 [#1] SMP"),
    program_check("privileged operation*", "privileged operation: 0002 ilc:2 [#1] SMP"),
    program_check("protection exception*", "protection exception: 0004 ilc:3 [#1] SMP"),
    program_check("special operation exception*", "special operation exception: 0013 ilc:2 [#1] SMP"),
    program_check("specification exception*", "specification exception: 0006 ilc:2 [#1] SMP"),
    program_check("stack protector fault*", "stack protector fault: 0000 ilc:2 [#1] SMP"),
    program_check("translation exception*", "translation exception: 0012 ilc:2 [#1] SMP"),
    program_check("transaction constraint exception*", "transaction constraint exception: 0218 ilc:3 [#1] SMP"),
    program_check("vector processing exception*", "vector processing exception: 001b ilc:3 [#1] SMP"),
    die("Kernel BUG [#*", "arch/riscv/kernel/traps.c", "Kernel BUG [#1]"),
    die("Kernel bug detected*", "arch/mips/kernel/traps.c, arch/loongarch/kernel/traps.c", "Kernel bug detected[#1]:"),
    die("Kernel unaligned instruction access*", "arch/mips/kernel/unaligned.c", "Kernel unaligned instruction access[#1]:"),
    die("Unhandled kernel unaligned access*", "arch/mips/kernel/unaligned.c", "Unhandled kernel unaligned access[#1]:"),
    die("Reserved instruction in kernel code*", "arch/mips/kernel/traps.c, arch/loongarch/kernel/traps.c", "Reserved instruction in kernel code[#1]:"),
    die("Break instruction in kernel code*", "arch/mips/kernel/traps.c", "Break instruction in kernel code[#1]:"),
    die("FP exception in kernel code*", "arch/mips/kernel/traps.c, arch/loongarch/kernel/traps.c", "FP exception in kernel code[#1]:"),
    die("Kernel ade access*", "arch/loongarch/kernel/traps.c", "Kernel ade access[#1]:"),
    die("Kernel ale access*", "arch/loongarch/kernel/traps.c", "Kernel ale access[#1]:"),
    die("Kernel bad sw trap *", "arch/sparc/kernel/traps_64.c", "Kernel bad sw trap 5 [#1]"),
    die("Kernel access of bad area*", "arch/powerpc/kernel/traps.c", "Kernel access of bad area, sig: 11 [#1]"),
    die_of_hppa("Kernel Fault: Code=*", "Kernel Fault: Code=15 (Data TLB miss fault) at addr 0000000000000010"),
    die_of_hppa("Bad Address (null pointer deref?): Code=*", "Bad Address (null pointer deref?): Code=26 (Data memory access rights trap) at addr 0000000000000008"),
    row("CFI failure *", Kind::Bug, Trace::Own, "kernel/cfi.c", "5.13", "CFI failure at fn+0x1/0x2 (target: other+0x0/0x8; expected type: 0x1c5a3b7e)"),
    // The stack.
    row("do_IRQ: stack overflow:*", Kind::StackOverflow, Trace::Own, "arch/x86/kernel/irq_32.c", "2.6", "do_IRQ: stack overflow: 12"),
    row("near stack overflow (cur:*", Kind::Bug, Trace::Own, "arch/x86/kernel/irq_64.c", "2.6.28 to 3.x", "near stack overflow (cur:c1,low:c2)"),
    row("kernel stack overflow*", Kind::StackOverflow, Trace::Own, "arch/x86/kernel/traps.c", "4.9", "kernel stack overflow (page fault): 0000 [#1] SMP"),
    row("Kernel stack overflow*", Kind::StackOverflow, Trace::Own, "arch/s390/kernel/traps.c, arch/riscv/kernel/traps.c", "2.6", "Kernel stack overflow."),
    row("Insufficient stack space to handle exception*", Kind::StackOverflow, Trace::Own, "arch/arm64/kernel/traps.c, arch/riscv/kernel/traps.c", "4.14", "Insufficient stack space to handle exception!"),
    // The end.
    row("Kernel panic - not syncing*", Kind::Panic, Trace::Own, "kernel/panic.c", "2.6", "Kernel panic - not syncing: Fatal exception"),
    // Hardware.
    row("BERT: Error records from previous boot:*", Kind::Bert, Trace::Errors, "drivers/acpi/apei/bert.c", "4.3", "BERT: Error records from previous boot:"),
    row("{*}[Hardware Error]: Hardware error from APEI*", Kind::Warning, Trace::Errors, "drivers/acpi/apei/ghes.c", "2.6.35", "{1}[Hardware Error]: Hardware error from APEI Generic Hardware Error Source: 0"),
    check("mce: [Hardware Error]: Machine check events logged*", Kind::Warning, "mce: [Hardware Error]: Machine check events logged"),
    check("mce: [Hardware Error]: CPU *: Machine Check Exception*", Kind::Bug, "mce: [Hardware Error]: CPU 0: Machine Check Exception: 5 Bank 4: be00000000800400"),
    check("mce: [Hardware Error]: CPU *: Machine Check: *", Kind::Warning, "mce: [Hardware Error]: CPU 2: Machine Check: 0 Bank 8: 8c00004000010090"),
    check("mce: [Hardware Error]: Machine check: *", Kind::Bug, "mce: [Hardware Error]: Machine check: Processor context corrupt"),
    check("[Hardware Error]: CPU *: Machine Check Exception*", Kind::Bug, "[Hardware Error]: CPU 0: Machine Check Exception: 5 Bank 4: be00000000800400"),
    check("[Hardware Error]: CPU *: Machine Check: *", Kind::Warning, "[Hardware Error]: CPU 2: Machine Check: 0 Bank 8: 8c00004000010090"),
    check("[Hardware Error]: Machine check events logged*", Kind::Warning, "[Hardware Error]: Machine check events logged"),
    decoded("[Hardware Error]: Corrected error*", Kind::Warning, "[Hardware Error]: Corrected error, no action required."),
    decoded("[Hardware Error]: Deferred error*", Kind::Warning, "[Hardware Error]: Deferred error, no action required."),
    decoded("[Hardware Error]: Uncorrected*", Kind::Bug, "[Hardware Error]: Uncorrected, software containable error."),
    decoded("[Hardware Error]: System Fatal error*", Kind::Bug, "[Hardware Error]: System Fatal error."),
];
