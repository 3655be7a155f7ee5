//! Cores put together by hand, field by field, and one of a real process.

use super::*;
use crate::limits::THREADS;
use proptest::prelude::*;

/// A head with code at 0x400000, data at 0x600000 and a stack at 0x7ffc00000000, and one thread.
pub(crate) fn head_with(registers: Registers) -> CoreHead {
    let segment = |start, end, writable, executable| Segment {
        start,
        end,
        readable: true,
        writable,
        executable,
        core_offset: 0,
        core_bytes: 0,
    };
    let segments = vec![
        segment(0x40_0000, 0x40_1000, false, true),
        segment(0x60_0000, 0x60_1000, true, false),
        segment(0x7ffc_0000_0000, 0x7ffc_0000_1000, true, false),
    ];
    let mut head = CoreHead::new(registers.arch, segments);
    head.threads.push(Thread { tid: 1, registers, name: None });
    head
}

fn note(kind: u32, data: &[u8]) -> Vec<u8> {
    let mut note = Vec::new();
    note.extend(5_u32.to_le_bytes());
    note.extend((data.len() as u32).to_le_bytes());
    note.extend(kind.to_le_bytes());
    note.extend(b"CORE\0\0\0\0");
    note.extend(data);
    note.resize(note.len().next_multiple_of(4), 0);
    note
}

fn prstatus(tid: i32, words: &[u64]) -> Vec<u8> {
    let mut data = vec![0; 112];
    data[12] = 11;
    data[32..36].copy_from_slice(&tid.to_le_bytes());
    data.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    data.extend([0; 8]);
    note(1, &data)
}

fn nt_file(entries: &[(u64, u64, u64, &str)]) -> Vec<u8> {
    let mut data = Vec::new();
    data.extend((entries.len() as u64).to_le_bytes());
    data.extend(4096_u64.to_le_bytes());
    for (start, end, page, _) in entries {
        data.extend([start, end, page].iter().flat_map(|word| word.to_le_bytes()));
    }
    for (_, _, _, name) in entries {
        data.extend(name.as_bytes());
        data.push(0);
    }
    note(0x4649_4c45, &data)
}

/// A core with these notes and one segment of this many bytes, which follow.
fn core(machine: u16, notes: &[u8], memory: u64) -> Vec<u8> {
    core_with_count(machine, notes, memory, 2)
}

fn core_with_count(machine: u16, notes: &[u8], memory: u64, count: u16) -> Vec<u8> {
    let mut core = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    core.extend(4_u16.to_le_bytes());
    core.extend(machine.to_le_bytes());
    core.extend(1_u32.to_le_bytes());
    core.extend([0_u64, 64, 0].iter().flat_map(|word| word.to_le_bytes()));
    core.extend(0_u32.to_le_bytes());
    for half in [64, 56, count, 0, 0, 0] {
        core.extend(half.to_le_bytes());
    }
    let notes_at = 64 + 2 * 56;
    for (kind, flags, words) in [
        (4_u32, 0_u32, [notes_at, 0, 0, notes.len() as u64, 0, 4]),
        (1, 6, [0x1000, 0x7000_0000, 0, memory, memory, 4096]),
    ] {
        core.extend(kind.to_le_bytes());
        core.extend(flags.to_le_bytes());
        core.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    }
    core.extend(notes);
    core
}

fn x86_64_words() -> Vec<u64> {
    (100..127).collect()
}

#[test]
fn the_head_says_all() {
    let mut siginfo = vec![0; 128];
    siginfo[0] = 11;
    siginfo[8] = 1;
    siginfo[16] = 0x42;
    let notes = [
        prstatus(77, &x86_64_words()),
        note(0x202, &[9; 2696]),
        note(0x5349_4749, &siginfo),
        note(6, &[33_u64, 0x7000_0000, 0, 0].map(u64::to_le_bytes).concat()),
        nt_file(&[
            (0x2000, 0x3000, 1, "/usr/bin/a"),
            (0x1000, 0x2000, 0, "/usr/bin/a"),
            (0x5000, 0x6000, 0, "/b (deleted)"),
        ]),
        prstatus(78, &x86_64_words()),
    ]
    .concat();
    let bytes = core(62, &notes, 4096);
    let head = read(&mut bytes.as_slice()).unwrap();
    assert_eq!(head.bytes, bytes.len() as u64);
    assert_eq!(head.threads.iter().map(|thread| thread.tid).collect::<Vec<_>>(), [77, 78]);
    let registers = &head.threads[0].registers;
    // r15 comes first, rip is the 17th, rsp the 20th.
    assert_eq!((registers.get(15), registers.pc, registers.sp()), (Some(100), 116, Some(119)));
    assert_eq!((registers.get(0), registers.fp()), (Some(110), Some(104)));
    assert_eq!(head.signal, Some(SignalInfo { number: 11, code: Some(1), address: Some(0x42) }));
    assert_eq!(head.auxv.vdso(), Some(0x7000_0000));
    assert_eq!(head.mapping(0x1fff).unwrap().file_offset, 0);
    assert_eq!(head.mapping(0x2000).unwrap().file_offset, 4096);
    assert_eq!(head.mapping(0x3000), None);
    assert_eq!(head.files.len(), 2);
    assert_eq!(head.files[1], MappedFile { path: "/b".to_owned(), deleted: true });
    assert!(head.segment(0x7000_0fff).unwrap().writable && head.segment(0x7000_1000).is_none());
}

#[test]
fn aarch64_has_its_own_registers_and_mask() {
    let words: Vec<u64> = (0..34).collect();
    let mask = note(0x406, &[0_u64, 0x007f_0000_0000_0000].map(u64::to_le_bytes).concat());
    let head = read(&mut core(183, &[prstatus(5, &words), mask].concat(), 0).as_slice()).unwrap();
    let registers = &head.threads[0].registers;
    assert_eq!((registers.get(30), registers.sp(), registers.pc), (Some(30), Some(31), 32));
    assert_eq!(head.code_address_mask, !0x007f_0000_0000_0000);
    let head = read(&mut core(183, &prstatus(5, &words), 0).as_slice()).unwrap();
    assert_eq!(head.code_address_mask, 0x0000_ffff_ffff_ffff);
}

#[test]
fn more_segments_than_the_elf_header_can_count() {
    let bytes = core_with_count(62, &prstatus(1, &x86_64_words()), 4096, 0xffff);
    let head = read(&mut bytes.as_slice()).unwrap();
    assert_eq!((head.segments.len(), head.threads.len()), (1, 1));
}

#[test]
fn threads_too_many_are_counted() {
    let notes: Vec<u8> = (0..THREADS as i32 + 9).flat_map(|tid| prstatus(tid, &x86_64_words())).collect();
    let head = read(&mut core(62, &notes, 0).as_slice()).unwrap();
    assert_eq!((head.threads.len(), head.threads_left_out), (THREADS, 9));
}

#[test]
fn a_core_that_ends_behind_its_first_thread_is_taken_so_far() {
    let notes = [prstatus(1, &x86_64_words()), prstatus(2, &x86_64_words())].concat();
    let bytes = core(62, &notes, 0);
    let head = read(&mut &bytes[..bytes.len() - 40]).unwrap();
    assert_eq!((head.threads.len(), head.is_cut_off), (1, true));
    assert!(!read(&mut bytes.as_slice()).unwrap().is_cut_off);
}

/// A file of this type, with its most significant bytes first.
fn of_s390(kind: u8) -> Vec<u8> {
    let mut bytes = core(22 << 8, &[], 0);
    bytes[5] = 2;
    bytes[16..18].copy_from_slice(&[0, kind]);
    bytes
}

#[test]
fn what_is_no_core_of_ours_is_told() {
    let mut small = core(3, &[], 0);
    small[4] = 1;
    let mut program = core(62, &[], 0);
    program[16] = 2;
    let good = core(62, &prstatus(1, &x86_64_words()), 0);
    for (bytes, expected) in [
        (small, "32-bit process (i386): only processes of x86-64 and aarch64 are unwound"),
        (
            core(243, &[], 0),
            "a process of another architecture (riscv64): only x86-64 and aarch64 are unwound",
        ),
        (
            core(0x9026, &[], 0),
            "a process of another architecture (alpha): only x86-64 and aarch64 are unwound",
        ),
        (
            core(9, &[], 0),
            "a process of another architecture (ELF machine 9): only x86-64 and aarch64 are unwound",
        ),
        (of_s390(4), "big-endian process: only processes of x86-64 and aarch64 are unwound"),
        (of_s390(2), "this is no ELF core"),
        (program, "this is no ELF core"),
        (b"#!/bin/sh\necho this is no core at all\n".to_vec(), "this is no ELF core"),
        (good[..200].to_vec(), "the core ends too early, after 200 bytes"),
        (core(62, &note(1, &[])[..8], 0), ""),
        (
            core(62, &[5, 0, 0, 0, 255, 255, 255, 255, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1], 0),
            "the core is damaged: a note is longer than all of them",
        ),
    ] {
        let shown = read(&mut bytes.as_slice()).err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(shown, expected);
    }
}

proptest! {
    #[test]
    fn no_bytes_break_the_parser(place in 0_usize..2000, byte: u8, cut in 0_usize..4000) {
        let notes = [prstatus(1, &x86_64_words()), nt_file(&[(1, 2, 3, "/a"), (2, 3, 4, "/b")])].concat();
        let mut bytes = core(62, &notes, 64);
        bytes.truncate(cut);
        if let Some(at) = bytes.get_mut(place) {
            *at = byte;
        }
        let _ = read(&mut bytes.as_slice());
    }
}
