//! Which lines begin an oops (contract, and what kernels of 5.x and 6.x print besides), and of what kind it is.

use super::oops::Kind;

/// How an oops goes on after its first line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Facts, registers, then a call trace.
    Trace,
    /// As [`Form::Trace`], with frames of other stacks before: those of lockdep's chains.
    Chains,
    /// As [`Form::Trace`], but the frames may come without a line that announces them.
    Bare,
    /// Lines with `[Hardware Error]:`.
    HardwareError,
    /// Nothing.
    Alone,
}

/// A line that begins an oops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) kind: Kind,
    pub(super) form: Form,
}

const WARNING: Option<Start> = start(Kind::Warning, Form::Trace);
const BUG: Option<Start> = start(Kind::Bug, Form::Trace);
const STACK_OVERFLOW: Option<Start> = start(Kind::StackOverflow, Form::Trace);
const LOCKDEP: Option<Start> = start(Kind::Warning, Form::Chains);
const CORRECTED: Option<Start> = start(Kind::Warning, Form::HardwareError);
const FATAL: Option<Start> = start(Kind::Bug, Form::HardwareError);

const fn start(kind: Kind, form: Form) -> Option<Start> {
    Some(Start { kind, form })
}

/// What lockdep says after `WARNING: ` or, before 4.12, `[ INFO: `.
const LOCKDEP_REPORTS: [&str; 9] = [
    "possible circular locking dependency",
    "possible recursive locking",
    "possible irq lock inversion",
    "possible irq-unsafe lock inversion",
    "SOFTIRQ-safe",
    "HARDIRQ-safe",
    "inconsistent lock state",
    "bad unlock balance",
    "suspicious RCU usage",
];

/// What stands before a start where a part of the kernel says its name first.
const PREFIXES: [&str; 4] = ["NMI watchdog: ", "watchdog: ", "rcu: ", "traps: "];

/// Reads a line as the beginning of an oops. Lines are many and oopses few: the first byte decides for nearly all.
pub(super) fn read(line: &str) -> Option<Start> {
    let first = line.bytes().next()?;
    // A table of the compiler's own: every other line ends here.
    if !matches!(
        first,
        b'A' | b'B' | b'E' | b'I' | b'K' | b'N' | b'O' | b'P' | b'R' | b'U' | b'W' | b'[' | b'd' | b'g'
            | b'i'..=b'n' | b'r'..=b't' | b'w' | b'{'
    ) {
        return None;
    }
    let text = PREFIXES.iter().find_map(|prefix| line.strip_prefix(prefix)).unwrap_or(line);
    match text.bytes().next()? {
        b'A' => read_a(text),
        b'B' => read_b(text),
        b'I' => read_i(text),
        b'K' => text
            .starts_with("Kernel panic - not syncing:")
            .then_some(Start { kind: Kind::Panic, form: Form::Trace }),
        b'W' => read_w(text),
        b'd' | b'g' | b'i' | b's' => read_trap(text),
        b'm' | b'[' | b'{' => read_hardware_error(text).or_else(|| read_old_lockdep(text)),
        b'E' => BUG.filter(|_| text.starts_with("Eeek! page_mapcount(page) went negative!")),
        b'N' => WARNING.filter(|_| text.starts_with("NETDEV WATCHDOG: ")),
        b'O' => BUG.filter(|_| text.starts_with("Oops: ") || text.starts_with("Oops[#")),
        b'P' => BUG.filter(|_| text.starts_with("PANIC: double fault")),
        b'R' => WARNING.filter(|_| text.starts_with("RTNL: assertion failed")),
        b'U' => match text {
            _ if text.starts_with("Unable to handle kernel ") => BUG,
            _ if text.starts_with("UBSAN: ") => WARNING,
            _ => None,
        },
        b'k' => match text {
            _ if text.starts_with("kernel BUG at") => BUG,
            _ if text.starts_with("kernel stack overflow") => STACK_OVERFLOW,
            _ => None,
        },
        b'l' => WARNING.filter(|_| {
            ["list_del corruption", "list_add corruption", "list_add double add"]
                .iter()
                .any(|known| text.starts_with(known))
        }),
        b'n' => BUG.filter(|_| text.starts_with("near stack overflow (cur:")),
        _ => None,
    }
}

fn read_a(text: &str) -> Option<Start> {
    if text.starts_with("ACPI Error:") {
        return start(Kind::Warning, Form::Alone);
    }
    let is_sound = text.starts_with("ALSA ") && text.contains(": BUG");
    start(Kind::SoundBug, Form::Trace).filter(|_| is_sound)
}

fn read_b(text: &str) -> Option<Start> {
    if text.starts_with("BERT: Error records from previous boot:") {
        return start(Kind::Bert, Form::HardwareError);
    }
    if text.starts_with("Badness") {
        return BUG;
    }
    let what = text.strip_prefix("BUG:")?.trim_start();
    if what.starts_with("KFENCE:") || what.starts_with("KCSAN:") || what.starts_with("KASAN:") {
        return start(Kind::Bug, Form::Bare);
    }
    if what.contains("stack guard page was hit") {
        return STACK_OVERFLOW;
    }
    BUG
}

fn read_i(text: &str) -> Option<Start> {
    if let Some(what) = text.strip_prefix("INFO: ") {
        let is_hung_task =
            what.starts_with("task ") && what.contains(" blocked ") && what.contains("more than");
        let is_stall = what.contains("detected stall") || what.contains("detected expedited stall");
        return WARNING.filter(|_| is_hung_task || is_stall);
    }
    match text {
        _ if text.starts_with("IRQ handler type mismatch for IRQ") => WARNING,
        _ if text.starts_with("Internal error: ") => BUG,
        _ if text.starts_with("Insufficient stack space to handle exception") => STACK_OVERFLOW,
        _ => None,
    }
}

fn read_w(text: &str) -> Option<Start> {
    if text.starts_with("Watchdog detected hard LOCKUP") {
        return BUG;
    }
    let what = text.strip_prefix("WARNING: ")?;
    if LOCKDEP_REPORTS.iter().any(|report| what.starts_with(report)) { LOCKDEP } else { WARNING }
}

/// The names of x86 traps, and warnings in small letters.
fn read_trap(text: &str) -> Option<Start> {
    let is_die = || text.contains("[#");
    match text {
        _ if text.starts_with("general protection fault") => {
            BUG.filter(|_| matches!(text.as_bytes().get(24), Some(b':' | b',')))
        }
        _ if text.starts_with("double fault") => BUG,
        _ if text.starts_with("do_IRQ: stack overflow:") => STACK_OVERFLOW,
        _ if text.starts_with("sysctl table check failed: ") => WARNING,
        _ if text.starts_with("genirq: Flags mismatch irq ") => WARNING,
        _ if text.starts_with("irq ") && text.contains(": nobody cared") => WARNING,
        _ => {
            let traps =
                ["invalid opcode: ", "divide error: ", "stack segment: ", "segment not present: ", "int3: "];
            BUG.filter(|_| traps.iter().any(|trap| text.starts_with(trap)) && is_die())
        }
    }
}

fn read_hardware_error(text: &str) -> Option<Start> {
    let (source, what) = text.split_once("[Hardware Error]: ")?;
    if source == "mce: " {
        // The bank's report, or a note that there was one. Its other lines begin nothing.
        if !what.starts_with("CPU ") && !what.starts_with("Machine check") {
            return None;
        }
        let is_fatal = what.contains("Machine Check Exception") || what.contains("Uncorrected");
        return if is_fatal { FATAL } else { CORRECTED };
    }
    let is_numbered = source.starts_with('{') && source.ends_with('}');
    (is_numbered && what.starts_with("Hardware error from APEI")).then_some(CORRECTED).flatten()
}

fn read_old_lockdep(text: &str) -> Option<Start> {
    let what = text.strip_prefix("[ INFO: ")?;
    LOCKDEP.filter(|_| LOCKDEP_REPORTS.iter().any(|report| what.starts_with(report)))
}

/// Whether a line that begins an oops may also stand within one, as its next fact: `BUG: unable to handle ...` is
/// followed by `Oops: 0002 [#1]`, `Unable to handle ...` by `Internal error: Oops: ... [#1]`, `kernel BUG at ...` by
/// `invalid opcode: 0000 [#1]`.
pub(super) fn is_die_line(line: &str) -> bool {
    ["Oops", "Internal error: ", "invalid opcode: ", "general protection fault", "divide error: ", "int3: "]
        .iter()
        .any(|die| line.starts_with(die))
        && line.contains("[#")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(line: &str) -> Option<Kind> {
        read(line).map(|start| start.kind)
    }

    #[test]
    fn every_start_of_the_contract() {
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
            ("WARNING: CPU: 0 PID: 1 at kernel/a.c:1 fn+0x1/0x2", Kind::Warning),
            ("WARNING: kernel/a.c:1 at fn+0x1/0x2, CPU#0: a/1", Kind::Warning),
            ("general protection fault, probably for non-canonical address 0xdead: 0000 [#1] SMP", Kind::Bug),
            ("Oops: general protection fault, maybe for address 0x0: 0000 [#1]", Kind::Bug),
            ("BUG: kernel NULL pointer dereference, address: 0000000000000000", Kind::Bug),
            ("Unable to handle kernel NULL pointer dereference at virtual address 0", Kind::Bug),
            ("Internal error: Oops - BUG: 00000000f2000800 [#1] PREEMPT SMP", Kind::Bug),
            ("BUG: KASAN: slab-out-of-bounds in fn+0x1/0x2", Kind::Bug),
            ("BUG: KFENCE: use-after-free read in fn+0x1/0x2", Kind::Bug),
            ("UBSAN: shift-out-of-bounds in a.c:1:2", Kind::Warning),
            ("WARNING: possible circular locking dependency detected", Kind::Warning),
            ("[ INFO: possible circular locking dependency detected ]", Kind::Warning),
            ("watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [a:1]", Kind::Bug),
            ("NMI watchdog: Watchdog detected hard LOCKUP on cpu 0", Kind::Bug),
            ("watchdog: Watchdog detected hard LOCKUP on cpu 1", Kind::Bug),
            ("INFO: task a:1 blocked for more than 120 seconds.", Kind::Warning),
            ("INFO: task a:1 blocked on a mutex for more than 120 seconds.", Kind::Warning),
            ("rcu: INFO: rcu_preempt self-detected stall on CPU", Kind::Warning),
            ("INFO: rcu_sched detected stalls on CPUs/tasks:", Kind::Warning),
            ("BUG: TASK stack guard page was hit at 0", Kind::StackOverflow),
            ("traps: PANIC: double fault, error_code: 0x0", Kind::Bug),
            ("mce: [Hardware Error]: CPU 0: Machine Check Exception: 5 Bank 4: be", Kind::Bug),
            ("mce: [Hardware Error]: Machine check events logged", Kind::Warning),
            ("{1}[Hardware Error]: Hardware error from APEI Generic Hardware Error Source: 0", Kind::Warning),
            ("list_del corruption, ffff->next is LIST_POISON1", Kind::Warning),
        ] {
            assert_eq!(kind(line), Some(expected), "{line}");
        }
    }

    #[test]
    fn other_lines_begin_nothing() {
        for line in [
            "",
            " WARNING: x",
            "systemd[1]: WARNING: x",
            "INFO: lockdep is turned off.",
            "irq 9: fine",
            "general protection faults are fine",
            "invalid opcode: here",
            "[drm] Initialized i915",
            "mce: CPU0: Thermal monitoring enabled",
            "Kernel command line: BUG: panic",
            "ALSA device list:",
            "WARNING",
            "é",
        ] {
            assert_eq!(kind(line), None, "{line}");
        }
    }
}
