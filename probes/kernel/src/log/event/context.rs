//! The line that names processor, process and kernel:
//!
//! ```text
//! CPU: 0 UID: 0 PID: 1 Comm: a Tainted: G        W    6.1.0 #1     since 3.11, UID since 6.11
//! Pid: 1, comm: a Not tainted 2.6.32 #1                            before
//!       Not tainted 4.19.0 #1                                      hung tasks
//! 6.1.0 #1 Not tainted                                             lockdep
//! REGS: c000201ac2807000 TRAP: 0380   Not tainted  (5.8.0)         POWER
//! ```

use crate::log::phrases::Phrases;
use std::sync::LazyLock;

/// What it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Context<'a> {
    pub(super) owner: Owner,
    pub(super) tainted: String,
    pub(super) version: Option<&'a str>,
}

/// Whose lines they are, as far as a line says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::log) struct Owner {
    pub(super) cpu: Option<u32>,
    pub(super) pid: Option<u32>,
}

impl Owner {
    /// Whether what both say is the same.
    pub(super) fn agrees(&self, other: &Self) -> bool {
        let same = |one: Option<u32>, other: Option<u32>| one.is_none() || other.is_none() || one == other;
        same(self.cpu, other.cpu) && same(self.pid, other.pid)
    }

    /// What a first line says: `CPU: 0 PID: 33`, `CPU#0`, `on cpu 2`, `task NAME:PID`.
    pub(super) fn named_in(header: &str) -> Self {
        let found = NAMING.found(header);
        let after = |at: usize| {
            let head = HEADS.get(at).filter(|_| found >> at & 1 == 1)?;
            number(header.get(header.find(head)? + head.len()..)?)
        };
        let [cpu, pid] = [after(0).or_else(|| after(1)).or_else(|| after(2)), after(3)];
        Self { cpu, pid: pid.or_else(|| task_pid(header)) }
    }
}

/// What stands before a processor's number, and before a process's.
const HEADS: [&str; 4] = ["CPU: ", "CPU#", " on cpu ", " PID: "];

static NAMING: LazyLock<Phrases> = LazyLock::new(|| Phrases::new(HEADS));

/// `INFO: task NAME:PID blocked for`, where the name may have a colon.
fn task_pid(header: &str) -> Option<u32> {
    let rest = header.strip_prefix("INFO: task ")?;
    let end = rest.find(" blocked ").or_else(|| rest.find(" can't die "))?;
    rest.get(..end)?.rsplit_once(':')?.1.parse().ok()
}

fn number(text: &str) -> Option<u32> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}

/// Reads such a line; none if it is something else.
pub(super) fn context(line: &str) -> Option<Context<'_>> {
    // Nothing else has them, and nearly no line begins so.
    if !matches!(
        line.as_bytes(),
        [b'C', b'P', ..]
            | [b'P', b'i', ..]
            | [b' ', b' ', ..]
            | [b'0'..=b'9', ..]
            | [b'R', b'E', b'G', b'S', ..]
            | [b'T', b'a', ..]
            | [b'N', b'o', b't', ..]
    ) {
        return None;
    }
    let owner = owner(line);
    if let Some((before, after)) = line.rsplit_once("Not tainted") {
        return Some(Context { owner, tainted: "Not tainted".into(), version: version(before, after, 0) });
    }
    let (before, after) = line.rsplit_once("Tainted: ")?;
    // Since 6.10 a second line explains the letters: `Tainted: [D]=DIE, [W]=WARN`.
    let is_flag = |word: &&str| word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
    let flags: Vec<_> = after.split_whitespace().take_while(is_flag).collect();
    if flags.is_empty() {
        return None;
    }
    Some(Context { owner, tainted: flags.join(" "), version: version(before, after, flags.len()) })
}

/// The version after the flags, or, of lockdep, before them.
fn version<'a>(before: &'a str, after: &'a str, flags: usize) -> Option<&'a str> {
    let plain = |word: &'a str| word.trim_start_matches('(').trim_end_matches(')');
    let is_version = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.');
    let behind = after.split_whitespace().nth(flags).map(plain).filter(is_version);
    behind.or_else(|| before.split_whitespace().next().map(plain).filter(is_version))
}

fn owner(line: &str) -> Owner {
    let after = |head: &str| line.find(head).and_then(|at| number(line.get(at + head.len()..)?));
    let cpu = line.strip_prefix("CPU: ").and_then(number);
    let pid = match cpu {
        Some(_) => after(" PID: "),
        None => line.strip_prefix("Pid: ").and_then(number),
    };
    Owner { cpu, pid }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<(String, Option<&str>)> {
        context(line).map(|context| (context.tainted, context.version))
    }

    #[test]
    fn version_and_taints_of_all_ages() {
        for (line, tainted, version) in [
            (
                "CPU: 0 PID: 1 Comm: swapper/0 Not tainted 6.1.0-13-amd64 #1  Debian 6.1.55-1",
                "Not tainted",
                "6.1.0-13-amd64",
            ),
            ("CPU: 1 PID: 9 Comm: a b Tainted: G      D W  OE      5.10.0 #1", "G D W OE", "5.10.0"),
            ("CPU: 1 UID: 0 PID: 9 Comm: cat Tainted: P      D            6.12.1 #2", "P D", "6.12.1"),
            ("Pid: 1, comm: swapper Not tainted 2.6.32-5-amd64 #1 X", "Not tainted", "2.6.32-5-amd64"),
            ("      Not tainted 4.19.0 #1", "Not tainted", "4.19.0"),
            ("      Tainted: G        W         4.19.0 #1", "G W", "4.19.0"),
            ("6.1.0-rc1 #1 Not tainted", "Not tainted", "6.1.0-rc1"),
            ("6.1.0-rc1 #1 Tainted: G        W", "G W", "6.1.0-rc1"),
            ("REGS: c000201ac2807000 TRAP: 0380   Not tainted  (5.8.0)", "Not tainted", "5.8.0"),
            ("CPU: 0    Not tainted  (3.0.1 #1)", "Not tainted", "3.0.1"),
        ] {
            assert_eq!(read(line), Some((tainted.into(), Some(version))), "{line}");
        }
        assert_eq!(read("Tainted: [D]=DIE, [W]=WARN"), None);
        assert_eq!(read("Hardware name: QEMU"), None);
        assert_eq!(read("Tainted: "), None);
    }

    #[test]
    fn owners() {
        let owner = |cpu, pid| Owner { cpu, pid };
        for (line, expected) in [
            ("CPU: 1 UID: 0 PID: 9 Comm: PID: 7 Not tainted 6.1.0", owner(Some(1), Some(9))),
            ("Pid: 12, comm: swapper Not tainted 2.6.32", owner(None, Some(12))),
            ("      Not tainted 4.19.0 #1", owner(None, None)),
        ] {
            assert_eq!(context(line).unwrap().owner, expected, "{line}");
        }
        for (line, expected) in [
            ("WARNING: CPU: 3 PID: 12 at a.c:1 fn+0x1/0x2", owner(Some(3), Some(12))),
            ("WARNING: a.c:1 at fn+0x1/0x2, CPU#2: modprobe/301", owner(Some(2), None)),
            ("watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [a:1]", owner(Some(0), None)),
            ("CPU4: Watchdog detected hard LOCKUP on cpu 4", owner(Some(4), None)),
            ("INFO: task a: b:61 blocked for more than 120 seconds.", owner(None, Some(61))),
            ("BUG: x", owner(None, None)),
        ] {
            assert_eq!(Owner::named_in(line), expected, "{line}");
        }
        assert!(owner(Some(1), None).agrees(&owner(None, Some(1))));
        assert!(!owner(Some(1), None).agrees(&owner(Some(2), None)));
    }
}
