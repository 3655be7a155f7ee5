//! Symbol tables.

use crate::elf::Elf;
use crate::limits::SYMBOLS;
use object::read::elf::{SectionHeader, Sym, SymbolTable};
use object::{LittleEndian, elf};

type Header = elf::FileHeader64<LittleEndian>;

/// The function at an address, as its symbol has it. Each lookup is one pass over the table, which for the few
/// addresses of a report is cheaper than sorting it.
pub(super) fn find(file: &Elf<'_>, svma: u64) -> Option<String> {
    let sections = file.file.elf_section_table();
    let bytes = file.file.data();
    [elf::SHT_SYMTAB, elf::SHT_DYNSYM].into_iter().find_map(|kind| {
        let table: SymbolTable<'_, Header> = sections.symbols(LittleEndian, bytes, kind).ok()?;
        best(file, &table, svma)
    })
}

/// How good a symbol is for an address: one that covers it, then the nearest, then the one that others may use.
type Rank = (bool, u64, u8);

fn best(file: &Elf<'_>, table: &SymbolTable<'_, Header>, svma: u64) -> Option<String> {
    let sections = file.file.elf_section_table();
    let section = sections.iter().enumerate().find(|(_, header)| {
        let distance = svma.checked_sub(header.sh_addr(LittleEndian));
        header.sh_flags(LittleEndian).0 & elf::SHF_ALLOC.0 != 0
            && distance.is_some_and(|distance| distance < header.sh_size(LittleEndian))
    });
    let section = section.map(|(index, _)| index);
    let mut best: Option<(Rank, &[u8])> = None;
    // Where the last function begins that ends before the address.
    let mut last_ended = 0;
    for symbol in table.iter().take(SYMBOLS) {
        let start = symbol.st_value(LittleEndian);
        let Some(distance) = svma.checked_sub(start) else { continue };
        let size = symbol.st_size(LittleEndian);
        let covers = distance < size;
        // A symbol of assembler often has no size: then it goes up to the next one, within its section.
        let reaches = covers
            || size == 0
                && section.is_some_and(|index| usize::from(symbol.st_shndx(LittleEndian).0) == index);
        if !is_code(symbol) {
            continue;
        }
        if !reaches {
            last_ended = if size > 0 { start.max(last_ended) } else { last_ended };
            continue;
        }
        let rank = (covers, start, binding_rank(symbol));
        if best.is_some_and(|(best, _)| best >= rank) {
            continue;
        }
        let Ok(name) = table.symbol_name(LittleEndian, symbol) else { continue };
        // Mapping symbols of aarch64 (`$x`, `$d`) and labels of the assembler name nothing.
        if !name.is_empty() && !name.starts_with(b"$") && !name.starts_with(b".L") {
            best = Some((rank, name));
        }
    }
    // Else `__restore_rt` of libc, which has no size, would reach over every gap behind it.
    let best = best.filter(|((covers, start, _), _)| *covers || *start >= last_ended);
    best.map(|(_, name)| String::from_utf8_lossy(name).into_owned())
}

fn is_code(symbol: &elf::Sym64<LittleEndian>) -> bool {
    matches!(symbol.st_type(), elf::STT_FUNC | elf::STT_GNU_IFUNC | elf::STT_NOTYPE)
        && symbol.st_shndx(LittleEndian) != elf::SHN_UNDEF
}

fn binding_rank(symbol: &elf::Sym64<LittleEndian>) -> u8 {
    let function = u8::from(symbol.st_type() != elf::STT_NOTYPE) * 4;
    function
        + match symbol.st_bind() {
            elf::STB_GLOBAL => 2,
            elf::STB_WEAK => 1,
            _ => 0,
        }
}
