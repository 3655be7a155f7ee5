//! What the lines between the first one and the call trace say: version, taints, registers.

use super::frame::{self, Frame};

/// Version and taints, from `CPU: 0 PID: 1 Comm: a Tainted: G        W    6.1.0 #1` and its like of all ages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Build<'a> {
    pub(super) tainted: String,
    pub(super) version: Option<&'a str>,
}

/// Reads such a line; none if it is something else.
pub(super) fn build(line: &str) -> Option<Build<'_>> {
    // Nothing else has them, and nearly no line begins so.
    if !matches!(line.as_bytes(), [b'C', b'P', ..] | [b'P', b'i', ..] | [b' ', b' ', ..] | [b'0'..=b'9', ..])
    {
        return None;
    }
    let is_version = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit());
    if let Some((before, after)) = line.split_once("Not tainted") {
        // lockdep has the version first: `6.1.0 #1 Not tainted`.
        let version = after.split_whitespace().next().filter(is_version);
        let version = version.or_else(|| before.split_whitespace().next().filter(is_version));
        return Some(Build { tainted: "Not tainted".into(), version });
    }
    let (before, after) = line.split_once("Tainted: ")?;
    // Since 6.10 a second line explains the letters: `Tainted: [D]=DIE, [W]=WARN`.
    let is_flag = |word: &&str| word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
    let flags: Vec<_> = after.split_whitespace().take_while(is_flag).collect();
    if flags.is_empty() {
        return None;
    }
    let version = after.split_whitespace().nth(flags.len()).filter(is_version);
    let version = version.or_else(|| before.split_whitespace().next().filter(is_version));
    Some(Build { tainted: flags.join(" "), version })
}

/// Registers that are sent: those that hold values of the code that failed. Segments and control registers are the
/// same on every machine.
const REGISTERS: [&str; 29] = [
    "RIP", "RSP", "RAX", "RBX", "RCX", "RDX", "RSI", "RDI", "RBP", "R08", "R09", "R10", "R11", "R12", "R13",
    "R14", "R15", "CR2", "EIP", "EAX", "EBX", "ECX", "EDX", "ESI", "EDI", "EBP", "ESP", "pc", "lr",
];

/// Registers of arm64 by number: x0 to x29, and sp.
fn is_arm_register(name: &str) -> bool {
    let number = || name.strip_prefix('x').and_then(|digits| digits.parse::<u8>().ok());
    name == "sp" || number().is_some_and(|number| number <= 30)
}

/// Whether the line begins with a register that is sent.
pub(super) fn has_registers(line: &str) -> bool {
    let bytes = line.as_bytes();
    if !matches!(bytes.first(), Some(b'R' | b'E' | b'C' | b'p' | b'l' | b's' | b'x')) {
        return false;
    }
    let name_bytes = bytes.iter().take(4).position(|byte| matches!(byte, b':' | b' '));
    let name = name_bytes.and_then(|at| line.get(..at)).unwrap_or_default();
    REGISTERS.contains(&name) || is_arm_register(name)
}

/// The registers on a line: `RAX: 0000000000000000 RBX: ...`, `pc : fn+0x1/0x2`, `x29: ffff x28: ffff`.
pub(super) fn registers(line: &str) -> Vec<(&str, &str)> {
    let mut words = line.split_whitespace().peekable();
    let mut found = Vec::new();
    while let Some(word) = words.next() {
        let name = match word.strip_suffix(':') {
            Some(name) => name,
            // `pc : fn` has a blank before the colon.
            None if words.peek() == Some(&":") => {
                words.next();
                word
            }
            None if found.is_empty() => return found,
            None => continue,
        };
        let is_known = REGISTERS.contains(&name) || is_arm_register(name);
        match words.peek() {
            Some(value) if is_known && !value.ends_with(':') => {
                found.push((name, *value));
                words.next();
            }
            _ if found.is_empty() => return found,
            _ => {}
        }
    }
    found
}

/// The function at the instruction pointer: `RIP: 0010:fn+0x1/0x2 [mod]`, `RIP: 0010:[<ff>]  [<ff>] fn+0x1/0x2`,
/// `IP: [<ff>] fn+0x1/0x2`, `EIP: fn+0x1/0x2 SS:ESP 0068:c1`, `EIP is at fn+0x1/0x2`, `pc : fn+0x1/0x2`.
pub(super) fn instruction(line: &str) -> Option<Frame<'_>> {
    if !matches!(line.as_bytes(), [b'R' | b'E' | b'I' | b'P' | b'p', ..]) {
        return None;
    }
    let prefixes = ["RIP: ", "EIP: ", "IP: ", "EIP is at ", "PC is at ", "pc : "];
    let symbol = prefixes.iter().find_map(|prefix| line.strip_prefix(prefix))?;
    // The selector of the kernel's code on x86; a program's is 0033 or 0023.
    let symbol = match symbol.split_once(':') {
        Some(("0010" | "0060", rest)) => rest,
        Some((selector, _)) if selector.len() == 4 => return None,
        _ => symbol,
    };
    let symbol = symbol.split(" SS:ESP").next().unwrap_or(symbol);
    let symbol = symbol.split(" EFLAGS").next().unwrap_or(symbol);
    frame::parse(symbol)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(line: &str) -> Option<(String, Option<&str>)> {
        build(line).map(|build| (build.tainted, build.version))
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
        ] {
            assert_eq!(built(line), Some((tainted.into(), Some(version))), "{line}");
        }
        assert_eq!(built("Tainted: [D]=DIE, [W]=WARN"), None);
        assert_eq!(built("Hardware name: QEMU"), None);
        assert_eq!(built("Tainted: "), None);
    }

    #[test]
    fn registers_of_x86_and_arm() {
        assert_eq!(registers("RSP: 0018:ffffc900 EFLAGS: 00010246"), [("RSP", "0018:ffffc900")]);
        assert_eq!(
            registers("RAX: 0000000000000000 RBX: ff RCX: 01"),
            [("RAX", "0000000000000000"), ("RBX", "ff"), ("RCX", "01")]
        );
        assert_eq!(registers("pc : fn+0x1/0x2 [m]"), [("pc", "fn+0x1/0x2")]);
        assert_eq!(registers("x29: ff00 x28: 0000"), [("x29", "ff00"), ("x28", "0000")]);
        assert_eq!(registers("CS:  0010 DS: 0000 ES: 0000 CR0: 0000000080050033"), []);
        assert_eq!(registers("RIP"), []);
        assert_eq!(registers("RAX:"), []);
        assert_eq!(registers("Code: 48 RAX: 1"), []);
    }

    #[test]
    fn instructions() {
        let function = |line| instruction(line).and_then(|frame| frame.function.map(str::to_owned));
        for line in [
            "RIP: 0010:fn+0x1/0x2",
            "RIP: 0010:fn+0x1/0x2 [mod]",
            "RIP: 0010:[<ffffffff81000000>]  [<ffffffff81000000>] fn+0x1/0x2",
            "IP: [<ffffffff81000000>] fn+0x1/0x2",
            "IP: fn+0x1/0x2",
            "EIP is at fn+0x1/0x2",
            "EIP: fn+0x1/0x2 SS:ESP 0068:c1",
            "pc : fn+0x1/0x2",
        ] {
            assert_eq!(function(line).as_deref(), Some("fn"), "{line}");
        }
        for line in
            ["RIP: 0033:0x7f0011223344", "RIP: 0010:0x0", "EIP: 0060:[<c1000000>] EFLAGS: 00010282", "RIP"]
        {
            assert_eq!(function(line), None, "{line}");
        }
    }
}
