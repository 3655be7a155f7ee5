//! The stubs of the procedure linkage table: `puts@plt`. They have no symbols; each jumps through a slot that a
//! relocation fills.

use crate::elf::Elf;
use crate::registers::Arch;
use object::read::elf::{Rela, SectionHeader, SymbolTable};
use object::{LittleEndian, elf};

/// Sections with stubs, and the size of one.
const SECTIONS: [(&str, u64); 3] = [(".plt.sec", 16), (".plt", 16), (".plt.got", 8)];

/// The stub at an address.
pub(super) fn find(file: &Elf<'_>, svma: u64) -> Option<String> {
    let (start, bytes, size) = SECTIONS.into_iter().find_map(|(name, size)| {
        let (start, bytes) = file.section(name)?;
        let distance = svma.checked_sub(start)?;
        (distance < bytes.len() as u64).then_some((start, bytes, size))
    })?;
    let at = svma.checked_sub(start)?;
    let stub_start = at.checked_sub(at % size)?;
    let stub = bytes.get(usize::try_from(stub_start).ok()?..)?;
    let stub = stub.get(..usize::try_from(size).ok()?.min(stub.len()))?;
    let slot = match file.arch {
        Arch::X86_64 => x86_64_slot(stub, start.checked_add(stub_start)?),
        Arch::Aarch64 => aarch64_slot(stub, start.checked_add(stub_start)?),
    }?;
    Some(format!("{}@plt", symbol_of_slot(file, slot)?))
}

/// The slot of `jmp *disp32(%rip)`, which may stand behind `endbr64` and have a `bnd` prefix.
fn x86_64_slot(stub: &[u8], start: u64) -> Option<u64> {
    let at = stub.windows(2).position(|bytes| bytes == [0xff, 0x25])?;
    let displacement = stub.get(at.checked_add(2)?..)?.first_chunk()?;
    let next = start.checked_add(at as u64)?.checked_add(6)?;
    Some(next.wrapping_add_signed(i32::from_le_bytes(*displacement).into()))
}

/// The slot of `adrp x16, page; ldr x17, [x16, #offset]`, which may stand behind `bti c`.
fn aarch64_slot(stub: &[u8], start: u64) -> Option<u64> {
    let words = || stub.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes));
    let (number, adrp) = words().enumerate().find(|(_, word)| word & 0x9f00_001f == 0x9000_0010)?;
    let load = words().find(|word| word & 0xffc0_03ff == 0xf940_0211)?;
    let pages = (i64::from(adrp >> 5 & 0x7_ffff) << 2 | i64::from(adrp >> 29 & 3)) << 43 >> 43;
    let page = start.checked_add(4 * number as u64)? & !0xfff;
    let offset = u64::from(load >> 10 & 0xfff) * 8;
    Some(page.wrapping_add_signed(pages << 12).wrapping_add(offset))
}

fn symbol_of_slot(file: &Elf<'_>, slot: u64) -> Option<String> {
    let (sections, bytes) = (file.file.elf_section_table(), file.file.data());
    let symbols: SymbolTable<'_, elf::FileHeader64<LittleEndian>> =
        sections.symbols(LittleEndian, bytes, elf::SHT_DYNSYM).ok()?;
    let tables = sections.iter().filter_map(|section| section.rela(LittleEndian, bytes).ok().flatten());
    let mut relocations = tables.flat_map(|(relocations, _)| relocations);
    let relocation = relocations.find(|relocation| relocation.r_offset(LittleEndian) == slot)?;
    let symbol = symbols.symbol(relocation.symbol(LittleEndian, false)?).ok()?;
    let name = symbols.symbol_name(LittleEndian, symbol).ok()?;
    Some(String::from_utf8_lossy(name).into_owned())
}
