//! What stands above a trace, and says whose it is.

use crate::log::by_prefix::ByPrefix;
use std::sync::LazyLock;

/// Whose trace follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::log) enum Title {
    /// `Call Trace:`: of whom the lines before it say.
    Trace,
    /// `stack backtrace:`
    Backtrace,
    /// `backtrace:` of kmemleak.
    Leak,
    /// `NMI backtrace for cpu N`, `Task dump for CPU N:`
    Processor(u32),
    /// `task:NAME state:D`
    Task,
    /// The grace-period kthread's.
    Kthread,
    /// One of the accesses that KCSAN found.
    Access,
    /// Where memory was allocated or freed, of other tasks and of lockdep's chains, or no trace at all.
    Other,
}

/// Texts that a title begins with; what it ends with does not count.
const TITLES: [(&str, Title); 47] = [
    ("Call Trace:", Title::Trace),
    ("Call trace:", Title::Trace),
    ("Backtrace:", Title::Trace),
    ("Trace:", Title::Trace),
    ("stack backtrace:", Title::Backtrace),
    ("backtrace:", Title::Leak),
    ("backtrace (crc ", Title::Leak),
    ("rcu: RCU grace-period kthread stack dump:", Title::Kthread),
    ("RCU grace-period kthread stack dump:", Title::Kthread),
    ("rcu: Stack dump where RCU GP kthread last ran:", Title::Other),
    ("read to 0x", Title::Access),
    ("write to 0x", Title::Access),
    ("read-write to 0x", Title::Access),
    ("read (marked) to 0x", Title::Access),
    ("write (marked) to 0x", Title::Access),
    ("assert no ", Title::Access),
    ("race at unknown origin", Title::Access),
    ("Allocated by task", Title::Other),
    ("Freed by task", Title::Other),
    ("allocated by task", Title::Other),
    ("freed by task", Title::Other),
    ("freed in rcu", Title::Other),
    ("Allocated in ", Title::Other),
    ("Freed in ", Title::Other),
    ("Allocated:", Title::Other),
    ("INFO: Allocated in ", Title::Other),
    ("INFO: Freed in ", Title::Other),
    ("Last potentially related work creation:", Title::Other),
    ("Second to last potentially related work creation:", Title::Other),
    ("Last call_rcu():", Title::Other),
    ("Second to last call_rcu():", Title::Other),
    ("Uninit was ", Title::Other),
    ("Local variable ", Title::Other),
    ("page last allocated via ", Title::Other),
    ("page last free ", Title::Other),
    ("page_owner ", Title::Other),
    ("page allocated via ", Title::Other),
    ("-> #", Title::Other),
    ("the existing dependency chain", Title::Other),
    ("the dependencies between ", Title::Other),
    ("the first lock's dependencies", Title::Other),
    ("the shortest dependencies between ", Title::Other),
    ("Preemption disabled at:", Title::Other),
    ("handlers:", Title::Other),
    ("Mem-Info:", Title::Other),
    ("Last Breaking-Event-Address:", Title::Other),
    ("Showing all locks held in the system:", Title::Other),
];

static BY_PREFIX: LazyLock<ByPrefix<Title>> = LazyLock::new(|| ByPrefix::new(TITLES.iter().copied()));

/// Reads a title, and what stands behind it on the line, which may be the first frame.
pub(in crate::log) fn title(line: &str) -> Option<(Title, &str)> {
    let text = line.trim_ascii();
    if is_old_task(text) {
        return Some((Title::Task, ""));
    }
    if let Some((known, title)) = BY_PREFIX.all(text).next() {
        let rest = if title == Title::Trace { text.get(known.len()..).unwrap_or_default() } else { "" };
        return Some((title, rest));
    }
    // Nearly every line of a failure comes by here.
    if !matches!(text.as_bytes().first()?, b'B' | b'C' | b'N' | b'T' | b'r' | b't') {
        return None;
    }
    let without_rcu = text.strip_prefix("rcu: ").unwrap_or(text);
    for head in ["NMI backtrace for cpu ", "Task dump for CPU ", "Backtrace for cpu "] {
        if let Some(number) = without_rcu.strip_prefix(head) {
            let digits = number.split(|c: char| !c.is_ascii_digit()).next()?;
            return Some((Title::Processor(digits.parse().ok()?), ""));
        }
    }
    // POWER, where the other processor does not answer.
    if let Some((cpu, _)) =
        text.strip_prefix("CPU ").and_then(|rest| rest.split_once(" didn't respond to backtrace IPI"))
    {
        return Some((Title::Processor(cpu.parse().ok()?), ""));
    }
    if text.starts_with("rcu") && text.contains(" kthread starved for ") {
        return Some((Title::Kthread, ""));
    }
    (text.starts_with("task:") && text.contains(" state:")).then_some((Title::Task, ""))
}

/// Until 5.10: `a   D    0  1  2 0x00000000`, `a   R  running task   22872  10  2 0x80000000`.
fn is_old_task(text: &str) -> bool {
    let flags = text.len().checked_sub(" 0x00000000".len()).and_then(|at| text.get(at..));
    if !flags.is_some_and(|flags| flags.starts_with(" 0x")) {
        return false;
    }
    let mut words = text.split_ascii_whitespace().rev();
    let flags = words.next().and_then(|word| word.strip_prefix("0x"));
    let is_hex = |digits: &str| digits.len() >= 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    flags.is_some_and(is_hex) && words.by_ref().take(2).all(is_number) && words.any(is_state)
}

/// `D`, and where the free stack is long `D23304`.
fn is_state(word: &str) -> bool {
    let digits = word.strip_prefix(|c: char| c.is_ascii_uppercase());
    digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_say_whose_trace_it_is() {
        for (line, expected) in [
            ("Call Trace:", Title::Trace),
            (" Call trace: ", Title::Trace),
            ("stack backtrace:", Title::Backtrace),
            ("  backtrace (crc 5bd06c33):", Title::Leak),
            ("NMI backtrace for cpu 12 skipped: idling at x", Title::Processor(12)),
            ("rcu: Task dump for CPU 3:", Title::Processor(3)),
            ("task:a b             state:D stack:0     pid:6102  ppid:1942   flags:0x00000004", Title::Task),
            ("rcu_preempt     R  running task    22872    10      2 0x80000000", Title::Task),
            ("khungtaskd      D    0    30      2 0x00000000", Title::Task),
            ("kworker/0:1     D23304    12      2 0x80004000", Title::Task),
            ("CPU 40 didn't respond to backtrace IPI, inspecting paca.", Title::Processor(40)),
            ("rcu: rcu_preempt kthread starved for 10492 jiffies! g12045 f0x0", Title::Kthread),
            ("Allocated by task 812:", Title::Other),
            ("write to 0xffff8881 of 8 bytes by task 1 on cpu 0:", Title::Access),
            ("-> #1 (&b->lock){+.+.}-{3:3}:", Title::Other),
        ] {
            assert_eq!(title(line).map(|(title, _)| title), Some(expected), "{line}");
        }
        assert_eq!(
            title("Call Trace: [<ffffffff81001122>] fn+0x1/0x2"),
            Some((Title::Trace, " [<ffffffff81001122>] fn+0x1/0x2"))
        );
        for line in
            ["", "Modules linked in: a", "read 5 blocks", "task: x", "RAX: 0000000000000000 RBX: 0x80000000"]
        {
            assert_eq!(title(line), None, "{line}");
        }
    }
}
