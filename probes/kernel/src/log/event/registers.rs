//! The registers that an event names.

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
pub(in crate::log) fn registers(line: &str) -> Vec<(&str, &str)> {
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

#[cfg(test)]
mod tests {
    use super::*;

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
