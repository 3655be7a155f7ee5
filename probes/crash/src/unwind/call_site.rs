//! Whether an address is one that a call returns to: code, behind a call instruction.

use super::CodeMap;
use crate::memory::Memory;
use crate::registers::Arch;

/// Longest call instruction of x86-64 that is looked for: `ff /2` with a SIB byte and four bytes of displacement.
const LONGEST_CALL: usize = 7;

/// Whether a call instruction stands before this address.
pub(super) fn follows_a_call(code: &dyn CodeMap<'_>, memory: &dyn Memory, arch: Arch, address: u64) -> bool {
    if !code.is_executable(address) {
        return false;
    }
    let read = |buffer: &mut [u8]| {
        let start = address.wrapping_sub(buffer.len() as u64);
        code.code(start, buffer) || memory.read(start, buffer)
    };
    match arch {
        Arch::X86_64 => {
            // At the very start of the code there may be less.
            (2..=LONGEST_CALL).rev().any(|count| {
                let mut before = [0; LONGEST_CALL];
                let end = LONGEST_CALL.saturating_sub(count);
                before.get_mut(end..).is_some_and(read) && ends_with_x86_64_call(&before)
            })
        }
        Arch::Aarch64 => {
            let mut before = [0; 4];
            address.is_multiple_of(4) && read(&mut before) && is_aarch64_call(u32::from_le_bytes(before))
        }
    }
}

/// `e8 rel32`, or `ff /2` with a ModRM byte, SIB byte and displacement that end where the bytes end.
fn ends_with_x86_64_call(before: &[u8; LONGEST_CALL]) -> bool {
    let [.., relative, _, _, _, _] = *before;
    if relative == 0xe8 {
        return true;
    }
    before.windows(2).enumerate().any(|(start, bytes)| {
        let [0xff, modrm] = *bytes else { return false };
        let sib = before.get(start.saturating_add(2)).copied().unwrap_or_default();
        (modrm >> 3) & 7 == 2 && start.saturating_add(length(modrm, sib)) == LONGEST_CALL
    })
}

/// Length of `ff /2` with this ModRM byte.
fn length(modrm: u8, sib: u8) -> usize {
    let (mode, register) = (modrm >> 6, modrm & 7);
    let with_sib = usize::from(mode != 3 && register == 4);
    let displacement = match (mode, register) {
        (0, 5) | (2, _) => 4,
        (0, 4) if sib & 7 == 5 => 4,
        (1, _) => 1,
        _ => 0,
    };
    2 + with_sib + displacement
}

/// `bl`, `blr`, and the forms of `blr` that authenticate.
fn is_aarch64_call(instruction: u32) -> bool {
    instruction & 0xfc00_0000 == 0x9400_0000
        || instruction & 0xffff_fc1f == 0xd63f_0000
        || instruction & 0xfeff_f800 == 0xd63f_0800
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_known_by_their_bytes() {
        for (bytes, expected) in [
            ([0x90, 0x90, 0xe8, 1, 2, 3, 4], true),
            ([0x90, 0x90, 0x90, 0x90, 0x90, 0xff, 0xd0], true), // call *%rax
            ([0x90, 0x90, 0x90, 0x90, 0x41, 0xff, 0xd3], true), // call *%r11
            ([0x90, 0x90, 0x90, 0x90, 0xff, 0x50, 0x18], true), // call *0x18(%rax)
            ([0x90, 0x90, 0x90, 0xff, 0x54, 0x24, 0x08], true), // call *8(%rsp)
            ([0x90, 0xff, 0x15, 1, 2, 3, 4], true),             // call *x(%rip)
            ([0xff, 0x94, 0x24, 1, 2, 3, 4], true),             // call *x(%rsp)
            ([0xff, 0x14, 0xc5, 1, 2, 3, 4], true),             // call *x(,%rax,8)
            ([0x90, 0x90, 0x90, 0x90, 0x90, 0xff, 0xe0], false), // jmp *%rax
            ([0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90], false),
            ([0x90, 0x90, 0x90, 0x90, 0xff, 0xd0, 0x90], false),
        ] {
            assert_eq!(ends_with_x86_64_call(&bytes), expected, "{bytes:x?}");
        }
        assert!(is_aarch64_call(0x9400_0001) && is_aarch64_call(0xd63f_0060) && is_aarch64_call(0xd73f_0821));
        assert!(!is_aarch64_call(0x1400_0001) && !is_aarch64_call(0xd65f_03c0));
    }
}
