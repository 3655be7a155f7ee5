//! Tables made by hand, of each version, for want of compilers of Go that old and that new in one place.

use super::*;
use std::collections::BTreeMap;

const TEXT: u64 = 0x40_1000;

/// A table with `main.leaf`, which has no frame, and `runtime.sigpanic` 32 bytes after it, whose frame has 16 bytes from its
/// fifth byte on.
fn table(magic: u32) -> Vec<u8> {
    let is_new = magic == 0xffff_fff0 || magic == 0xffff_fff1;
    let names = b"\0main.leaf\0runtime.sigpanic\0";
    // -1 to 0 for 32 bytes; -1 to 0 for 4, then 16 more for 28.
    let counters = [0, 2, 32, 0, 2, 4, 32, 28, 0];
    let header = if magic == 0xffff_fffb { 16 } else { 8 + 8 * if is_new { 8 } else { 7 } };
    // In the old form all of it begins where the header does.
    let base = if magic == 0xffff_fffb { header + 3 * 16 } else { 0 };
    let described = |entry: u64, name: usize, sizes: usize| {
        let mut bytes = if is_new {
            (entry as u32).to_le_bytes().to_vec()
        } else {
            (TEXT + entry).to_le_bytes().to_vec()
        };
        let counted = if base > 0 { base + names.len() } else { 0 };
        for field in [(base + name) as u32, 0, 0, (counted + sizes) as u32] {
            bytes.extend(field.to_le_bytes());
        }
        bytes.resize(64, 0);
        bytes
    };
    let (first, second) = (described(0, 1, 1), described(32, 11, 4));
    let mut list = Vec::new();
    let size = if is_new { 8 } else { 16 };
    let functions = if magic == 0xffff_fffb { base + names.len() + counters.len() } else { 3 * size };
    for (entry, offset) in [(0_u64, functions), (32, functions + 64), (64, 0)] {
        if is_new {
            list.extend((entry as u32).to_le_bytes());
            list.extend((offset as u32).to_le_bytes());
        } else {
            list.extend((TEXT + entry).to_le_bytes());
            list.extend((offset as u64).to_le_bytes());
        }
    }
    let mut bytes = magic.to_le_bytes().to_vec();
    bytes.extend([0, 0, 1, 8]);
    bytes.extend(2_u64.to_le_bytes());
    if magic == 0xffff_fffb {
        return [&bytes, &list, &names[..], &counters, &first, &second].concat();
    }
    bytes.extend(0_u64.to_le_bytes());
    if is_new {
        bytes.extend(TEXT.to_le_bytes());
    }
    let counted = header + names.len();
    for offset in [header, header, header, counted, counted + counters.len()] {
        bytes.extend((offset as u64).to_le_bytes());
    }
    [&bytes, &names[..], &counters, &list, &first, &second].concat()
}

#[test]
fn each_version_names_functions_and_knows_their_frames() {
    for magic in [0xffff_fffb, 0xffff_fffa, 0xffff_fff0, 0xffff_fff1] {
        let bytes = table(magic);
        let table = GoTable::parse(&bytes).unwrap_or_else(|| panic!("{magic:x}"));
        let name = |svma| table.find(svma).map(|function| function.name);
        assert_eq!(name(TEXT - 1), None, "{magic:x}");
        assert_eq!((name(TEXT), name(TEXT + 31)), (Some("main.leaf"), Some("main.leaf")), "{magic:x}");
        assert_eq!((name(TEXT + 32), name(TEXT + 63)), (Some("runtime.sigpanic"), Some("runtime.sigpanic")));
        assert_eq!(name(TEXT + 64), None, "{magic:x}");
        let size = |svma| table.find(svma).unwrap().frame_bytes(svma);
        assert_eq!((size(TEXT), size(TEXT + 35), size(TEXT + 36)), (Some(0), Some(0), Some(16)), "{magic:x}");
    }
}

#[test]
fn what_is_no_whole_table_is_none() {
    for magic in [0xffff_fffb, 0xffff_fffa, 0xffff_fff0, 0xffff_fff1, 0xffff_fff2] {
        let whole = table(magic);
        for end in 0..whole.len() {
            if let Some(table) = GoTable::parse(&whole[..end]) {
                let _ = table.find(TEXT + 40).and_then(|function| function.frame_bytes(TEXT + 40));
            }
        }
        let mut many = whole.clone();
        many[8..16].fill(0xff);
        assert!(GoTable::parse(&many).is_none());
        let mut wide = whole;
        wide[7] = 4;
        assert!(GoTable::parse(&wide).is_none());
    }
}

struct Words(BTreeMap<u64, u64>);

impl Memory for Words {
    fn read(&self, process_addr: u64, buffer: &mut [u8]) -> bool {
        let word = self.0.get(&process_addr).filter(|_| buffer.len() == 8);
        word.map(|word| buffer.copy_from_slice(&word.to_le_bytes())).is_some()
    }
}

#[test]
fn what_a_fault_looks_like_a_call_of_is_where_it_was() {
    let bytes = table(0xffff_fff1);
    let table = GoTable::parse(&bytes).unwrap();
    let sigpanic = table.find(TEXT + 40).unwrap();
    let memory = Words([(0x1010, TEXT), (0x1008, 0x2000), (0x1000, TEXT + 4), (0x1018, 7)].into());
    let mut registers = Registers::new(Arch::X86_64, TEXT + 40);
    registers.set(7, Some(0x1000));
    let Caller::Interrupted(caller) = caller(&sigpanic, TEXT + 40, &registers, &memory, true) else {
        panic!()
    };
    assert_eq!((caller.pc, caller.sp(), caller.fp()), (TEXT, Some(0x1018), Some(0x2000)));
    // The link register at the fault lies above, in 16 bytes.
    let mut registers = Registers::new(Arch::Aarch64, TEXT + 40);
    registers.set(31, Some(0x1000));
    let Caller::Interrupted(caller) = super::caller(&sigpanic, TEXT + 40, &registers, &memory, true) else {
        panic!()
    };
    assert_eq!((caller.pc, caller.sp(), caller.get(30)), (TEXT + 4, Some(0x1020), Some(TEXT)));
}

/// Two goroutines and the scheduler's, of a thread whose `m` is at 0x9000. `g.m` and the saved context are anywhere.
fn goroutines(m_offset: u64, context: u64) -> BTreeMap<u64, u64> {
    let (g0, gsignal, g, m) = (0x1000, 0x2000, 0x3000, 0x9000);
    let mut words = BTreeMap::new();
    for (g, low) in [(g0, 0x10_0000), (gsignal, 0x20_0000), (g, 0x30_0000)] {
        words.extend([(g, low), (g + 8, low + 0x1000), (g + m_offset, m)]);
    }
    words.extend([(g + context, 0x30_0800), (g + context + 8, TEXT)]);
    words.extend([(m, g0), (m + 0x50, gsignal), (m + 0xc0, g), (m + 0xc8, g)]);
    words
}

#[test]
fn the_goroutine_of_a_thread_is_found_wherever_members_are() {
    let is_switch = |pc: u64| pc == TEXT;
    for (m_offset, context) in [(0x30, 0x38), (0x30, 0x40), (0x48, 0x60)] {
        let mut words = goroutines(m_offset, context);
        let saved = |words: &BTreeMap<u64, u64>, g| goroutine::current(&Words(words.clone()), g, &is_switch);
        let expected = Some(goroutine::Saved { sp: 0x30_0800, pc: TEXT });
        for g in [0x1000, 0x2000, 0x3000] {
            assert_eq!(saved(&words, g), expected, "{m_offset:x} {context:x}");
        }
        assert_eq!(saved(&words, 0x4000), None);
        // Where two could be it, none is.
        words.extend([(0x4000, 0x40_0000), (0x4008, 0x40_1000), (0x4000 + m_offset, 0x9000)]);
        words.extend([(0x4000 + context, 0x40_0800), (0x4008 + context, TEXT), (0x9000 + 0xd0, 0x4000)]);
        assert_eq!(saved(&words, 0x1000), None);
        words.insert(0x4000 + context, 0x50_0000);
        assert_eq!(saved(&words, 0x1000), expected, "a stack pointer that is elsewhere");
    }
}
