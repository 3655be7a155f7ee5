//! Functions whose call frame information the assembler writes as each case wants it, with stacks made up for them.

use super::*;
use crate::registers::REGISTERS;
use object::{Object, ObjectSection, ObjectSymbol};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::sync::LazyLock;

/// What is added to the linker's addresses.
const BIAS: u64 = 0x5500_0000_0000;
const STACK: u64 = 0x7ffc_0000_1000;
const BLANK_VDSO: u64 = 0x7ffd_0000_0000;

/// A module made of assembler.
struct Program {
    elf: Elf<'static>,
    symbols: BTreeMap<String, u64>,
}

// Only ever read, once it is made.
fn assemble(compiler: &str, source: &str) -> Program {
    Program::new(assembled(compiler, source))
}

fn assembled(compiler: &str, source: &str) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let (input, output) = (dir.path().join("code.S"), dir.path().join("code.so"));
    fs::write(&input, source).unwrap();
    let run = Command::new(compiler)
        .args(["-shared", "-nostdlib", "-o"])
        .arg(&output)
        .arg(&input)
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    fs::read(&output).unwrap()
}

impl Program {
    fn new(bytes: Vec<u8>) -> Self {
        let elf = Elf::parse(bytes.leak()).unwrap();
        let symbols = elf.file.symbols().filter_map(|symbol| {
            let name = symbol.name().ok().filter(|name| !name.is_empty())?;
            Some((name.to_owned(), symbol.address()))
        });
        let symbols = symbols.collect();
        Self { elf, symbols }
    }

    fn at(&self, label: &str) -> u64 {
        self.symbols[label] + BIAS
    }

    /// Unwinds from a label, and names each frame by its label or the one before it.
    fn unwind(
        &self,
        start: u64,
        registers: &[(u16, u64)],
        words: &[(u64, u64)],
    ) -> (Vec<(String, How)>, BacktraceEnd) {
        let mut first = Registers::new(self.elf.arch, start);
        for (number, value) in registers {
            first.set(*number, Some(*value));
        }
        let words: BTreeMap<u64, u64> = words.iter().copied().collect();
        let memory = Words(words);
        let mut unwinder = Unwinder::new(self, &memory, 0x0000_ffff_ffff_ffff);
        let backtrace = unwinder.backtrace(first, 8);
        let name = |frame: &Frame| {
            let svma = frame.lookup_addr.wrapping_sub(BIAS);
            let before = self.symbols.iter().filter(|(_, address)| **address <= svma);
            before.max_by_key(|(_, address)| **address).map_or("nowhere".to_owned(), |(name, _)| name.clone())
        };
        (backtrace.frames.iter().map(|frame| (name(frame), frame.how)).collect(), backtrace.end)
    }
}

impl CodeMap<'static> for Program {
    fn elf_at(&self, process_addr: u64) -> Option<(usize, &Elf<'static>, u64)> {
        let svma = process_addr.checked_sub(BIAS)?;
        self.elf.bytes_at(svma)?;
        Some((0, &self.elf, svma))
    }
    fn is_executable(&self, process_addr: u64) -> bool {
        self.is_in_blank_vdso(process_addr)
            || self.elf_at(process_addr).is_some_and(|(_, elf, svma)| elf.is_code(svma))
    }
    fn code(&self, process_addr: u64, buffer: &mut [u8]) -> bool {
        let bytes =
            self.elf_at(process_addr).and_then(|(_, elf, svma)| elf.bytes_at(svma)?.get(..buffer.len()));
        bytes.map(|bytes| buffer.copy_from_slice(bytes)).is_some()
    }
    fn is_in_blank_vdso(&self, process_addr: u64) -> bool {
        process_addr == BLANK_VDSO
    }
    fn stack_at(&self, process_addr: u64) -> Option<Range<u64>> {
        (process_addr >= STACK - 0x100_0000).then_some(STACK - 0x100_0000..STACK + 0x10_0000)
    }
    fn debug_file(&self, _: usize) -> Option<&Elf<'static>> {
        None
    }
}

struct Words(BTreeMap<u64, u64>);

impl Memory for Words {
    fn read(&self, process_addr: u64, buffer: &mut [u8]) -> bool {
        let word = self.0.get(&process_addr).filter(|_| buffer.len() <= 8);
        word.map(|word| buffer.copy_from_slice(&word.to_le_bytes()[..buffer.len()])).is_some()
    }
}

const SP: u16 = 7;
const FP: u16 = 6;

/// Functions of x86-64. Each is a call away from `outermost`, which nothing called.
static X86_64: LazyLock<Program> = LazyLock::new(|| {
    assemble(
        "cc",
        r#"
        .text
        .global outermost; .type outermost, @function
outermost:
        .cfi_startproc
        .cfi_undefined rip
        call framed
after_outermost:
        nop
        .cfi_endproc
framed: .cfi_startproc
        push %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset rbp, 0
        mov %rsp, %rbp
        .cfi_def_cfa_register rbp
        call leaf
after_framed:
        nop
        .cfi_endproc
leaf:   .cfi_startproc
        nop
        .cfi_endproc
        nop
        .skip 4096
bare:   push %rbp
bare_pushed:
        mov %rsp, %rbp
        call leaf
after_bare:
        nop
endless:
        .cfi_startproc
        .cfi_escape 0x0f, 3, 0x2f, 0xfd, 0xff
        nop
        .cfi_endproc
standing:
        .cfi_startproc
        .cfi_def_cfa rbx, 0
        .cfi_offset rip, 0
        nop
        .cfi_endproc
by_expression:
        .cfi_startproc
        # CFA = *(rbx + 8); return address: the value rbp + 1; saved rbp at the address rbx
        .cfi_escape 0x0f, 3, 0x73, 8, 0x06
        .cfi_escape 0x16, 16, 2, 0x76, 1
        .cfi_escape 0x10, 6, 2, 0x73, 0
        nop
        .cfi_endproc
        nop
trampoline:
        .cfi_startproc simple
        .cfi_signal_frame
        .cfi_def_cfa rsp, 64
        .cfi_offset rip, -64
        .cfi_offset rsp, -56
        nop
        nop
        .cfi_endproc
no_return:
        .cfi_startproc
        call leaf
        .cfi_endproc
after_no_return:
        nop
undescribed_trampoline:
        mov $15, %rax
        syscall
        "#,
    )
});

#[test]
fn call_frame_information_leads_to_the_outermost_frame() {
    let p = &*X86_64;
    // leaf, called by framed, called by outermost
    let stack = [(STACK, p.at("after_framed")), (STACK + 8, 77), (STACK + 16, p.at("after_outermost"))];
    let (frames, end) = p.unwind(p.at("leaf"), &[(SP, STACK), (FP, STACK + 8)], &stack);
    let expected = [("leaf", How::Context), ("framed", How::Cfi), ("outermost", How::Cfi)];
    assert_eq!(frames, expected.map(|(name, how)| (name.to_owned(), how)));
    assert_eq!(end, BacktraceEnd::Outermost);
}

#[test]
fn each_end_is_told() {
    let p = &*X86_64;
    let leaf = |words: &[(u64, u64)]| p.unwind(p.at("leaf"), &[(SP, STACK), (FP, STACK + 8)], words).1;
    assert_eq!(leaf(&[]), BacktraceEnd::Unreadable);
    assert_eq!(leaf(&[(STACK, 0)]), BacktraceEnd::Outermost);
    assert_eq!(leaf(&[(STACK, 0x4141_4141_4141_4141)]), BacktraceEnd::NotCode);
    let deep: Vec<_> = (0..20).map(|n| (STACK + 8 * n, p.at("leaf") + 1)).collect();
    assert_eq!(leaf(&deep), BacktraceEnd::TooManyFrames);
    assert_eq!(
        leaf(&deep[..7]),
        BacktraceEnd::Unreadable,
        "the eighth frame is the last, and its caller is not known"
    );
    // A CFA that does not move.
    let (frames, end) =
        p.unwind(p.at("standing"), &[(SP, STACK), (3, STACK)], &[(STACK, p.at("standing") + 1)]);
    assert_eq!((frames.len(), end), (1, BacktraceEnd::NoProgress));
    // A backward jump without end, in an expression.
    assert_eq!(p.unwind(p.at("endless"), &[(SP, STACK)], &[]).1, BacktraceEnd::NoWayOn);
    assert_eq!(p.unwind(p.at("leaf"), &[], &[]).1, BacktraceEnd::NoWayOn, "no stack pointer");
}

#[test]
fn expressions_are_evaluated() {
    let p = &*X86_64;
    let at = STACK + 64;
    let words =
        [(at + 8, STACK + 128), (at, STACK + 192), (STACK + 192, 0), (STACK + 200, p.at("after_outermost"))];
    let registers = [(SP, STACK), (3, at), (FP, p.at("after_framed") - 1)];
    let (frames, end) = p.unwind(p.at("by_expression"), &registers, &words);
    assert_eq!(
        frames.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["by_expression", "framed", "outermost"]
    );
    assert_eq!(end, BacktraceEnd::Outermost);
}

#[test]
fn a_signal_handler_leads_to_what_it_interrupted() {
    let p = &*X86_64;
    let other = STACK - 0x10_0000;
    // leaf is the handler, on a stack far below; it interrupted leaf at its very first instruction.
    let words = [
        (other, p.at("trampoline")),
        (other + 8, p.at("leaf")),
        (other + 16, STACK),
        (STACK, p.at("after_no_return")),
    ];
    let (frames, _) = p.unwind(p.at("leaf"), &[(SP, other), (FP, 0)], &words);
    let names: Vec<_> = frames.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["leaf", "trampoline", "leaf", "no_return"]);
    assert!(frames.iter().skip(1).all(|(_, how)| *how == How::Cfi));
    // A handler that "interrupted" itself is a loop.
    let words = [(other, p.at("trampoline")), (other + 8, p.at("leaf")), (other + 16, other)];
    assert_eq!(p.unwind(p.at("leaf"), &[(SP, other)], &words).1, BacktraceEnd::NoProgress);
}

#[test]
fn a_trampoline_without_description_is_known_by_its_instructions() {
    let p = &*X86_64;
    let context = STACK + 8 + 40;
    let words = [
        (STACK, p.at("undescribed_trampoline")),
        (context + 16 * 8, p.at("leaf")),
        (context + 15 * 8, STACK + 0x1000),
        (STACK + 0x1000, p.at("after_outermost")),
    ];
    // What the instructions are is read from the module: `leaf` has CFI, the trampoline has none.
    let (frames, end) = p.unwind(p.at("leaf"), &[(SP, STACK)], &words);
    assert_eq!(frames[2], ("leaf".to_owned(), How::SignalFrame));
    assert_eq!(end, BacktraceEnd::Outermost);
}

#[test]
fn without_description_a_fresh_call_or_the_frame_pointer_leads_on() {
    let p = &*X86_64;
    let how = |start: u64, registers: &[(u16, u64)], words: &[(u64, u64)]| {
        let (frames, _) = p.unwind(start, registers, words);
        frames.get(1).cloned()
    };
    let outermost = |how: How| Some(("outermost".to_owned(), how));
    let after = p.at("after_outermost");
    // Jump to null, and to the stack.
    for bad in [0, STACK + 64] {
        assert_eq!(how(bad, &[(SP, STACK)], &[(STACK, after)]), outermost(How::ReturnAddress));
        assert_eq!(how(bad, &[(SP, STACK)], &[(STACK, p.at("leaf"))]), None, "no call stands before it");
    }
    // At the first instruction, behind `push`, and with a frame.
    assert_eq!(how(p.at("bare"), &[(SP, STACK)], &[(STACK, after)]), outermost(How::ReturnAddress));
    let pushed = [(STACK, 0x1234), (STACK + 8, after)];
    assert_eq!(
        how(p.at("bare_pushed"), &[(SP, STACK), (FP, 0x1234)], &pushed),
        outermost(How::ReturnAddress)
    );
    let framed = [(STACK + 32, 0x1234), (STACK + 40, after)];
    assert_eq!(
        how(p.at("after_bare"), &[(SP, STACK), (FP, STACK + 32)], &framed),
        outermost(How::FramePointer)
    );
    // A frame pointer below the stack pointer, or not aligned, is none.
    assert_eq!(how(p.at("after_bare"), &[(SP, STACK + 64), (FP, STACK + 32)], &framed), None);
    assert_eq!(how(p.at("after_bare"), &[(SP, STACK), (FP, STACK + 33)], &framed), None);
}

#[test]
fn debug_frame_alone_is_enough() {
    let p = assemble(
        "cc",
        r#"
        .cfi_sections .debug_frame
        .text
caller: .cfi_startproc
        .cfi_undefined rip
        call leaf
after_call:
        nop
        .cfi_endproc
leaf:   .cfi_startproc
        sub $24, %rsp
        .cfi_adjust_cfa_offset 24
        nop
inside: nop
        .cfi_endproc
        "#,
    );
    let (frames, end) = p.unwind(p.at("inside"), &[(SP, STACK)], &[(STACK + 24, p.at("after_call"))]);
    assert_eq!(frames, [("inside".to_owned(), How::Context), ("caller".to_owned(), How::Cfi)]);
    assert_eq!(end, BacktraceEnd::Outermost);
}

#[test]
fn the_table_of_a_linker_counts_and_without_one_the_section_is_read() {
    let bytes = assembled(
        "cc",
        r#"
        .text
caller: .cfi_startproc
        .cfi_undefined rip
        call leaf
after_call:
        nop
        .cfi_endproc
leaf:   .cfi_startproc
        sub $24, %rsp
        .cfi_adjust_cfa_offset 24
        nop
inside: nop
        .cfi_endproc
        "#,
    );
    let header = {
        let file = object::File::parse(bytes.as_slice()).unwrap();
        let section = file.section_by_name(".eh_frame_hdr").unwrap();
        usize::try_from(section.file_range().unwrap().0).unwrap()
    };
    let is_described = |changes: &[(usize, u8)]| {
        let mut bytes = bytes.clone();
        changes.iter().for_each(|(at, byte)| bytes[header + at] = *byte);
        let p = Program::new(bytes);
        let (frames, _) = p.unwind(p.at("inside"), &[(SP, STACK)], &[(STACK + 24, p.at("after_call"))]);
        frames.get(1) == Some(&("caller".to_owned(), How::Cfi))
    };
    assert!(is_described(&[]));
    // Neither a number of functions nor a table.
    assert!(is_described(&[(2, 0xff), (3, 0xff)]));
    assert!(is_described(&[(8, 0)]));
    // A table of the first function alone: the second is not searched for elsewhere.
    assert!(!is_described(&[(8, 1)]));
}

static AARCH64: LazyLock<Program> = LazyLock::new(|| {
    assemble(
        "aarch64-linux-gnu-gcc",
        r#"
        .text
outermost:
        .cfi_startproc
        .cfi_undefined x30
        bl signed
after_outermost:
        nop
        .cfi_endproc
signed: .cfi_startproc
        .cfi_negate_ra_state
        stp x29, x30, [sp, -16]!
        .cfi_def_cfa_offset 16
        .cfi_offset 29, -16
        .cfi_offset 30, -8
        bl leaf
after_signed:
        nop
        .cfi_endproc
leaf:   .cfi_startproc
        nop
        .cfi_endproc
bare:   stp x29, x30, [sp, -16]!
        mov x29, sp
        bl leaf
after_bare:
        nop
        .skip 8192
trampoline:
        mov x8, #139
        svc #0
        "#,
    )
});

#[test]
fn aarch64_return_addresses_lose_their_authentication_codes() {
    let p = &*AARCH64;
    let signed = p.at("after_outermost") | 0x00ab_0000_0000_0000;
    let words = [(STACK, 0), (STACK + 8, signed)];
    let (frames, end) = p.unwind(p.at("leaf"), &[(31, STACK), (30, p.at("after_signed"))], &words);
    assert_eq!(
        frames,
        ["leaf", "signed", "outermost"]
            .map(|name| { (name.to_owned(), if name == "leaf" { How::Context } else { How::Cfi }) })
    );
    assert_eq!(end, BacktraceEnd::Outermost);
}

#[test]
fn aarch64_without_description() {
    let p = &*AARCH64;
    let after = p.at("after_outermost");
    // A call through a null pointer left the return address in x30.
    let (frames, _) = p.unwind(0, &[(31, STACK), (30, after), (29, 0)], &[]);
    assert_eq!(frames[1], ("outermost".to_owned(), How::ReturnAddress));
    let (frames, _) = p.unwind(
        p.at("after_bare"),
        &[(31, STACK), (29, STACK), (30, p.at("after_bare"))],
        &[(STACK, 0), (STACK + 8, after)],
    );
    assert!(frames.iter().any(|(name, how)| name == "outermost" && *how == How::FramePointer), "{frames:?}");
    let context = STACK + 312;
    let words =
        [(context + 31 * 8, STACK + 0x1000), (context + 32 * 8, p.at("leaf")), (context + 30 * 8, after)];
    let (frames, _) = p.unwind(p.at("trampoline"), &[(31, STACK)], &words);
    let found: Vec<_> = frames.iter().map(|(name, how)| (name.as_str(), *how)).collect();
    assert_eq!(found, [("trampoline", How::Context), ("leaf", How::SignalFrame), ("outermost", How::Cfi)]);
    // A core without the vdso: what is returned to there is its trampoline, what was interrupted there is not.
    let (frames, _) = p.unwind(p.at("leaf"), &[(31, STACK), (30, BLANK_VDSO)], &words);
    let found: Vec<_> = frames.iter().map(|(_, how)| *how).collect();
    assert_eq!(found, [How::Context, How::Cfi, How::SignalFrame, How::Cfi]);
    let (frames, _) = p.unwind(BLANK_VDSO, &[(31, STACK)], &words);
    assert!(frames.iter().all(|(_, how)| *how != How::SignalFrame), "{frames:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn no_stack_and_no_registers_lead_astray(
        start in 0_usize..40,
        values in prop::collection::vec(any::<u64>(), REGISTERS),
        stack in prop::collection::vec((0_u64..64, 0_usize..80), 64),
        aarch64: bool,
    ) {
        let p = if aarch64 { &*AARCH64 } else { &*X86_64 };
        let code: Vec<u64> = p.symbols.values().flat_map(|svma| [svma + BIAS, svma + BIAS + 1]).collect();
        let pick = |number: usize| code[number % code.len()];
        let mut registers: Vec<(u16, u64)> = (0..).zip(values).collect();
        for number in [3, 6, 7, 29, 31] {
            registers[number].1 = STACK + registers[number].1 % 64 * 8;
        }
        registers[30].1 = pick(start);
        let words: Vec<_> = stack
            .iter()
            .map(|(place, value)| (STACK + place * 8, if value % 2 == 0 { pick(*value) } else { STACK + *value as u64 * 8 }))
            .collect();
        let (frames, _) = p.unwind(pick(start), &registers, &words);
        prop_assert!((1..=8).contains(&frames.len()));
    }
}
