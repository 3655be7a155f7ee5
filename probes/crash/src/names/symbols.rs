//! Symbol tables. All addresses of a report are found in one pass over a table, which is cheaper than sorting it.

use super::{Wanted, plt, shown};
use crate::elf::Elf;
use crate::limits::{MANGLED_NAME_BYTES, SYMBOLS};
use crate::registers::Arch;
use object::read::elf::{SectionHeader, Sym};
use object::{LittleEndian, elf};

type Symbol = elf::Sym64<LittleEndian>;

/// Names of one place that are remembered; aliases have a dozen.
const ALIASES: usize = 64;

/// The symbols of some addresses.
pub(super) struct Symbols(Vec<Found>);

#[derive(Default)]
struct Found {
    name: Option<String>,
    /// Where functions begin that say how long they are and hold the address.
    begins: Vec<u64>,
}

impl Symbols {
    /// The function of each address, of the first table that has one: those of `others`, the module's own, its PLT.
    pub(super) fn find<'m, 'data: 'm>(
        others: impl Iterator<Item = &'m Elf<'data>>,
        module: &'m Elf<'data>,
        wanted: &[Wanted],
    ) -> Self {
        let mut found: Vec<Found> = wanted.iter().map(|_| Found::default()).collect();
        for file in others.chain([module]) {
            for table in file.symbol_tables() {
                // What is known needs no other table, which may be large.
                if found.iter().any(|found| found.name.is_none() || found.begins.is_empty()) {
                    search(file, module.arch, &table, wanted, &mut found);
                }
            }
        }
        for (found, wanted) in found.iter_mut().zip(wanted) {
            if found.name.is_none() && !wanted.needs_size {
                found.name = plt::find(module, wanted.svma);
            }
        }
        Self(found)
    }

    /// Takes the names of a table that knows better, where it has one.
    pub(super) fn prefer(&mut self, wanted: &[Wanted], name: impl Fn(u64) -> Option<String>) {
        for (found, wanted) in self.0.iter_mut().zip(wanted) {
            found.name = name(wanted.svma).or_else(|| found.name.take());
        }
    }

    /// The name of the address with this number, as it is shown.
    pub(super) fn name(&self, number: usize) -> Option<String> {
        self.0.get(number)?.name.as_deref().map(shown::function)
    }

    /// Whether nothing contradicts a function of DWARF whose ranges begin here: a function that says how long it is and
    /// holds the address begins where one of them does. Cold parts have symbols of their own. No ranges are only lines.
    pub(super) fn agree(&self, number: usize, begins: &[u64]) -> bool {
        let Some(found) = self.0.get(number) else { return true };
        begins.is_empty()
            || found.begins.is_empty()
            || found.begins.iter().any(|begin| begins.contains(begin))
    }
}

/// How good a symbol is for an address: one that covers it, then the nearest, then the one that others may use.
type Rank = (bool, u64, u8);

/// The best of a table for an address, so far.
struct Best {
    section: Option<usize>,
    /// Where its name is. Names are read last: strings take more pages of a file than symbols do.
    name: Option<(Rank, u32)>,
    /// Where the last function begins that ends before the address.
    last_ended: u64,
    begins: Vec<u64>,
}

fn search(file: &Elf<'_>, arch: Arch, table: &(&[Symbol], &[u8]), wanted: &[Wanted], found: &mut [Found]) {
    let (symbols, strings) = table;
    let mut bests: Vec<Best> = wanted
        .iter()
        .map(|wanted| Best {
            section: section_of(file, wanted.svma),
            name: None,
            last_ended: 0,
            begins: Vec::new(),
        })
        .collect();
    // Addresses by their order, so that a symbol is compared with those alone that it may hold.
    let mut order: Vec<(u64, usize)> =
        wanted.iter().enumerate().map(|(n, wanted)| (wanted.svma, n)).collect();
    order.sort_unstable();
    for symbol in symbols.iter().take(SYMBOLS).filter(|symbol| is_code(symbol)) {
        let start = symbol.st_value(LittleEndian);
        let first = order.partition_point(|(svma, _)| *svma < start);
        for (svma, number) in order.get(first..).unwrap_or_default() {
            let (Some(best), Some(wanted)) = (bests.get_mut(*number), wanted.get(*number)) else { continue };
            best.take(symbol, svma.wrapping_sub(start), wanted.needs_size, arch, strings);
        }
    }
    for (found, best) in found.iter_mut().zip(bests) {
        if found.name.is_none() {
            found.name = best.finish(strings);
        }
        if found.begins.is_empty() {
            found.begins = best.begins;
        }
    }
}

impl Best {
    fn take(&mut self, symbol: &Symbol, distance: u64, needs_size: bool, arch: Arch, strings: &[u8]) {
        let (start, size) = (symbol.st_value(LittleEndian), symbol.st_size(LittleEndian));
        let covers = distance < size;
        // A symbol of assembler often has no size: then it goes up to the next one, within its section.
        let reaches = covers
            || size == 0
                && !needs_size
                && self.section.is_some_and(|index| usize::from(symbol.st_shndx(LittleEndian).0) == index);
        if !reaches {
            self.last_ended = if size > 0 { start.max(self.last_ended) } else { self.last_ended };
            return;
        }
        if covers && symbol.st_type() != elf::STT_NOTYPE && self.begins.len() < ALIASES {
            self.begins.push(start);
        }
        let rank = (covers, start, binding_rank(symbol));
        if self.name.is_some_and(|(best, _)| best >= rank) {
            return;
        }
        let name = symbol.st_name(LittleEndian);
        // Labels of the assembler name nothing.
        let is_name = symbol.st_type() != elf::STT_NOTYPE || {
            let name = name_at(strings, name);
            !is_mapping_symbol(arch, name) && !name.starts_with(b".L")
        };
        if name != 0 && is_name {
            self.name = Some((rank, name));
        }
    }

    /// Else `__restore_rt` of libc, which has no size, would reach over every gap behind it.
    fn finish(&self, strings: &[u8]) -> Option<String> {
        let ((covers, start, _), name) = self.name?;
        let name = name_at(strings, name);
        let is_it = !name.is_empty() && (covers || start >= self.last_ended);
        is_it.then(|| String::from_utf8_lossy(name).into_owned())
    }
}

/// The string at an offset; empty if there is none.
fn name_at(strings: &[u8], offset: u32) -> &[u8] {
    let name = usize::try_from(offset).ok().and_then(|offset| strings.get(offset..)).unwrap_or_default();
    let end = name.iter().take(MANGLED_NAME_BYTES).position(|byte| *byte == 0);
    end.and_then(|end| name.get(..end)).unwrap_or_default()
}

fn section_of(file: &Elf<'_>, svma: u64) -> Option<usize> {
    let mut sections = file.file.elf_section_table().iter();
    sections.position(|header| {
        let distance = svma.checked_sub(header.sh_addr(LittleEndian));
        header.sh_flags(LittleEndian).0 & elf::SHF_ALLOC.0 != 0
            && distance.is_some_and(|distance| distance < header.sh_size(LittleEndian))
    })
}

/// `$x`, `$d` and `$t` of aarch64, maybe with a suffix, say what kind of bytes follow (AAELF64, 5.5.3).
fn is_mapping_symbol(arch: Arch, name: &[u8]) -> bool {
    let kind = name.split(|byte| *byte == b'.').next();
    arch == Arch::Aarch64 && matches!(kind, Some(b"$x" | b"$d" | b"$t"))
}

fn is_code(symbol: &Symbol) -> bool {
    matches!(symbol.st_type(), elf::STT_FUNC | elf::STT_GNU_IFUNC | elf::STT_NOTYPE)
        && symbol.st_shndx(LittleEndian) != elf::SHN_UNDEF
}

fn binding_rank(symbol: &Symbol) -> u8 {
    let function = u8::from(symbol.st_type() != elf::STT_NOTYPE) * 4;
    function
        + match symbol.st_bind() {
            elf::STB_GLOBAL => 2,
            elf::STB_WEAK => 1,
            _ => 0,
        }
}
