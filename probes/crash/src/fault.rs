//! What a signal says of its cause, in words and without an address.

use super::core::{CoreHead, Segment, SignalInfo};
use nix::sys::signal::Signal;

/// Below this no program has memory: the null page, and what lies around it for members of objects at null
/// (`vm.mmap_min_addr` is 65536).
const NULL_PAGE_BYTES: u64 = 65_536;

/// How near an address is to the stack pointer that ran out of its stack. Compilers probe large frames page by page.
const STACK_PROBE_BYTES: u64 = 64 * 1024;

// `si_code` of sigaction(2), with the numbers of asm-generic/siginfo.h, which libc has only in part.
const FPE_INTDIV: i32 = 1;
const FPE_INTOVF: i32 = 2;
const FPE_FLTDIV: i32 = 3;
const FPE_FLTSUB: i32 = 8;
const ILL_PRVOPC: i32 = 5;
const ILL_PRVREG: i32 = 6;

/// The signal's name and cause: `SIGSEGV: address not mapped (null page)`.
pub fn cause(head: &CoreHead) -> Option<String> {
    let signal = head.signal?;
    let name = Signal::try_from(signal.number).map_or("an unnamed signal", Signal::as_str);
    Some(match why(head, signal) {
        Some(why) => format!("{name}: {why}"),
        None => name.to_owned(),
    })
}

fn why(head: &CoreHead, signal: SignalInfo) -> Option<String> {
    let code = signal.code?;
    match (signal.number, code) {
        (_, libc::SI_USER | libc::SI_TKILL) => Some(sender(signal).to_owned()),
        (libc::SIGSEGV | libc::SIGBUS, libc::SI_KERNEL) => {
            Some("general protection (address not canonical, or not allowed)".to_owned())
        }
        (libc::SIGSEGV, _) => signal.address.map(|address| segmentation_fault(head, address)),
        (libc::SIGBUS, libc::BUS_ADRALN) => Some("address not aligned".to_owned()),
        (libc::SIGBUS, libc::BUS_ADRERR) => {
            Some("memory that is not there (past the end of a mapped file)".to_owned())
        }
        (libc::SIGBUS, libc::BUS_MCEERR_AR | libc::BUS_MCEERR_AO) => {
            Some("memory failed (hardware)".to_owned())
        }
        (libc::SIGFPE, FPE_INTDIV) => Some("integer division by zero, or its result too large".to_owned()),
        (libc::SIGFPE, FPE_INTOVF) => Some("integer overflow".to_owned()),
        (libc::SIGFPE, FPE_FLTDIV..=FPE_FLTSUB) => Some("floating-point exception".to_owned()),
        (libc::SIGILL, ILL_PRVOPC | ILL_PRVREG) => Some("privileged instruction".to_owned()),
        (libc::SIGILL, _) => Some("illegal instruction".to_owned()),
        // x86 says of `int3` only that it was the kernel.
        (libc::SIGTRAP, libc::TRAP_BRKPT | libc::SI_KERNEL) => Some("breakpoint".to_owned()),
        (libc::SIGSYS, 1) => Some("system call that is not allowed (seccomp)".to_owned()),
        _ => None,
    }
}

/// abort(3) and raise(3) send with tgkill(2), others mostly with kill(2).
fn sender(signal: SignalInfo) -> &'static str {
    match signal.code {
        Some(libc::SI_TKILL) => "sent by the program itself",
        _ => "sent by a process",
    }
}

fn segmentation_fault(head: &CoreHead, address: u64) -> String {
    let registers = head.threads.first().map(|thread| &thread.registers);
    let jump = if registers.is_some_and(|registers| registers.pc == address) { "jump to an " } else { "" };
    let what = match head.segment(address) {
        Some(segment) if !jump.is_empty() && !segment.executable => {
            "address that is not executable".to_owned()
        }
        Some(segment) if is_of_nobody(segment) && jump.is_empty() && is_stack_overflow(head, address) => {
            "stack overflow".to_owned()
        }
        Some(segment) if segment.readable && !segment.writable => {
            format!("{} (memory is read-only)", if jump.is_empty() { "no permission" } else { "address" })
        }
        Some(_) => format!("{}no permission", if jump.is_empty() { "" } else { "address with " }),
        None if jump.is_empty() && is_stack_overflow(head, address) => "stack overflow".to_owned(),
        None => {
            let place = if address < NULL_PAGE_BYTES { " (null page)" } else { "" };
            format!("address {}not mapped{place}", if jump.is_empty() { "" } else { "that is " })
        }
    };
    format!("{jump}{what}")
}

/// Whether a stack ran out: the fault is near the stack pointer, and in memory that nobody may use (a guard page), or right
/// below the memory that the stack lies in. With a guard page the stack pointer itself may be there.
fn is_stack_overflow(head: &CoreHead, address: u64) -> bool {
    let Some(sp) = head.threads.first().and_then(|thread| thread.registers.sp()) else { return false };
    if address.abs_diff(sp) > STACK_PROBE_BYTES {
        return false;
    }
    let is_guard = |address| head.segment(address).is_some_and(is_of_nobody);
    if is_guard(address) || is_guard(sp) {
        return true;
    }
    // Where the memory of the stack begins, in which the stack pointer is still, or which it has just left.
    let after = head.segments.partition_point(|segment| segment.start <= sp);
    let own = head.segment(sp).or_else(|| head.segments.get(after)).filter(|segment| segment.writable);
    own.is_some_and(|own| {
        let below = own.start.saturating_sub(STACK_PROBE_BYTES)..own.start;
        below.contains(&address) && (own.start <= sp || below.contains(&sp))
    })
}

/// Whether this is memory that may be neither read, nor written, nor executed.
fn is_of_nobody(segment: &Segment) -> bool {
    !segment.readable && !segment.writable && !segment.executable
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::tests::head_with;
    use crate::registers::{Arch, Registers};

    const STACK: u64 = 0x7ffc_0000_0000;

    /// A page below the stack of a thread.
    const GUARD: u64 = 0x7fee_0000_0000;

    fn cause_of(number: i32, code: i32, address: Option<u64>, pc: u64, sp: u64) -> String {
        let mut registers = Registers::new(Arch::X86_64, pc);
        registers.set(7, Some(sp));
        let mut head = head_with(registers);
        let guard = Segment {
            start: GUARD,
            end: GUARD + 0x1000,
            readable: false,
            writable: false,
            executable: false,
            core_offset: 0,
            core_bytes: 0,
        };
        head.segments.push(guard);
        head.segments.sort_unstable_by_key(|segment| segment.start);
        head.signal = Some(SignalInfo { number, code: Some(code), address });
        cause(&head).unwrap()
    }

    #[test]
    fn causes_are_told_apart() {
        let sp = STACK + 0x800;
        for (number, code, address, pc, expected) in [
            (11, 1, Some(8), 0x40_0000, "SIGSEGV: address not mapped (null page)"),
            (11, 1, Some(0xdead_0000), 0x40_0000, "SIGSEGV: address not mapped"),
            (11, 1, Some(0), 0, "SIGSEGV: jump to an address that is not mapped (null page)"),
            (11, 2, Some(STACK + 8), STACK + 8, "SIGSEGV: jump to an address that is not executable"),
            (11, 2, Some(0x40_0100), 0x40_0000, "SIGSEGV: no permission (memory is read-only)"),
            (
                11,
                libc::SI_KERNEL,
                None,
                0x40_0000,
                "SIGSEGV: general protection (address not canonical, or not allowed)",
            ),
            (6, libc::SI_TKILL, None, 0x40_0000, "SIGABRT: sent by the program itself"),
            (11, libc::SI_USER, None, 0x40_0000, "SIGSEGV: sent by a process"),
            (
                8,
                FPE_INTDIV,
                Some(0x40_0000),
                0x40_0000,
                "SIGFPE: integer division by zero, or its result too large",
            ),
            (5, libc::SI_KERNEL, None, 0x40_0000, "SIGTRAP: breakpoint"),
            (4, 2, Some(0x40_0000), 0x40_0000, "SIGILL: illegal instruction"),
            (
                7,
                libc::BUS_ADRERR,
                Some(0x60_0000),
                0x40_0000,
                "SIGBUS: memory that is not there (past the end of a mapped file)",
            ),
        ] {
            assert_eq!(cause_of(number, code, address, pc, sp), expected);
        }
        assert_eq!(cause_of(11, 1, Some(STACK - 16), 0x40_0000, STACK - 8), "SIGSEGV: stack overflow");
        assert_eq!(cause_of(11, 2, Some(GUARD + 8), 0x40_0000, GUARD + 4000), "SIGSEGV: stack overflow");
        assert_eq!(
            cause_of(11, 2, Some(GUARD + 8), 0x40_0000, STACK + 8),
            "SIGSEGV: no permission",
            "no stack"
        );
        assert_eq!(cause_of(40, 0, None, 0, sp), "an unnamed signal: sent by a process");
    }
}
