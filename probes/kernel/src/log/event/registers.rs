//! The registers that an event names.

/// The number of a register that is sent, each its own: those that hold values of the code that failed. Segments and control
/// registers are the same on every machine. Every line of a failure comes by here.
fn number(name: &str) -> Option<u32> {
    Some(match name {
        "RIP" => 0,
        "RSP" => 1,
        "RAX" => 2,
        "RBX" => 3,
        "RCX" => 4,
        "RDX" => 5,
        "RSI" => 6,
        "RDI" => 7,
        "RBP" => 8,
        "R08" => 9,
        "R09" => 10,
        "R10" => 11,
        "R11" => 12,
        "R12" => 13,
        "R13" => 14,
        "R14" => 15,
        "R15" => 16,
        "CR2" => 17,
        "EIP" => 18,
        "EAX" => 19,
        "EBX" => 20,
        "ECX" => 21,
        "EDX" => 22,
        "ESI" => 23,
        "EDI" => 24,
        "EBP" => 25,
        "ESP" => 26,
        "pc" => 27,
        "lr" => 28,
        "sp" => 29,
        // Of arm64 by number: x0 to x30.
        _ => 32 + u32::from(name.strip_prefix('x')?.parse::<u8>().ok().filter(|number| *number <= 30)?),
    })
}

/// The registers of these lines, each once, in their order.
pub(in crate::log) fn each_once(lines: &str) -> Vec<(&str, &str)> {
    let mut seen = 0_u64;
    let mut found = Vec::with_capacity(ROOM);
    for line in lines.lines() {
        each_register(line, |number, name, value| {
            let bit = 1 << number;
            if seen & bit == 0 {
                seen |= bit;
                found.push((name, value));
            }
        });
    }
    found
}

/// Registers of x86, which nearly all machines have.
const ROOM: usize = 20;

/// Whether the line begins with a register that is sent.
pub(super) fn has_registers(line: &str) -> bool {
    let bytes = line.as_bytes();
    if !matches!(bytes.first(), Some(b'R' | b'E' | b'C' | b'p' | b'l' | b's' | b'x')) {
        return false;
    }
    let name_bytes = bytes.iter().take(4).position(|byte| matches!(byte, b':' | b' '));
    let name = name_bytes.and_then(|at| line.get(..at)).unwrap_or_default();
    number(name).is_some()
}

/// Gives the registers on a line to `take`, each with its number: `RAX: 0000000000000000 RBX: ...`, `pc : fn+0x1/0x2`,
/// `x29: ffff x28: ffff`.
fn each_register<'a>(line: &'a str, mut take: impl FnMut(u32, &'a str, &'a str)) {
    let mut words = line.split_ascii_whitespace().peekable();
    let mut is_begun = false;
    while let Some(word) = words.next() {
        let name = match word.strip_suffix(':') {
            Some(name) => name,
            // `pc : fn` has a blank before the colon.
            None if words.peek() == Some(&":") => {
                words.next();
                word
            }
            None if is_begun => continue,
            None => return,
        };
        match (number(name), words.peek()) {
            (Some(number), Some(value)) if !value.ends_with(':') => {
                is_begun = true;
                take(number, name, value);
                words.next();
            }
            _ if is_begun => {}
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registers(line: &str) -> Vec<(&str, &str)> {
        let mut found = Vec::new();
        each_register(line, |_, name, value| found.push((name, value)));
        found
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
}
