//! The symbols that the dynamic linker has, of a file without section headers (sstrip, `ld -z nosectionheader`).
//!
//! The dynamic segment says where symbols and strings are, and not how many symbols there are: the hash tables do.

use super::{Elf, SymbolsAndStrings};
use object::read::elf::ProgramHeader;
use object::{LittleEndian, elf, pod};

/// Entries of a dynamic segment that are read; there are a few dozen.
const ENTRIES: usize = 1024;

/// The dynamic symbols.
pub(super) fn symbols<'data>(file: &Elf<'data>) -> Option<SymbolsAndStrings<'data>> {
    let headers = file.file.elf_program_headers().iter();
    let segment = headers.take(128).find(|header| header.p_type(LittleEndian) == elf::PT_DYNAMIC)?;
    let bytes = file.bytes_at(segment.p_vaddr(LittleEndian))?;
    let entries: Vec<(i64, u64)> = bytes
        .as_chunks::<16>()
        .0
        .iter()
        .take(ENTRIES)
        .filter_map(|entry| {
            Some((i64::from_le_bytes(*entry.first_chunk()?), u64::from_le_bytes(*entry.last_chunk()?)))
        })
        .take_while(|(tag, _)| *tag != elf::DT_NULL.0)
        .collect();
    let value = |wanted: i64| entries.iter().find(|(tag, _)| *tag == wanted).map(|(_, value)| *value);
    let count = value(elf::DT_GNU_HASH.0)
        .and_then(|address| count_by_gnu_hash(file.bytes_at(address)?))
        .or_else(|| count_by_hash(file.bytes_at(value(elf::DT_HASH.0)?)?))?;
    let symbols = file.bytes_at(value(elf::DT_SYMTAB.0)?)?;
    let fitting = symbols.len() / size_of::<elf::Sym64<LittleEndian>>();
    let (symbols, _) = pod::slice_from_bytes(symbols, count.min(fitting)).ok()?;
    let strings = file.bytes_at(value(elf::DT_STRTAB.0)?)?;
    let length = value(elf::DT_STRSZ.0).and_then(|length| usize::try_from(length).ok());
    let strings = length.and_then(|length| strings.get(..length)).unwrap_or(strings);
    Some((symbols, strings))
}

fn word(bytes: &[u8], index: usize) -> Option<u32> {
    let words = bytes.as_chunks::<4>().0;
    words.get(index).map(|bytes| u32::from_le_bytes(*bytes))
}

/// Of `DT_HASH`: number of buckets, number of symbols.
fn count_by_hash(table: &[u8]) -> Option<usize> {
    usize::try_from(word(table, 1)?).ok()
}

/// Of `DT_GNU_HASH`: number of buckets, first symbol with a hash, words of 8 bytes of the filter, its shift; the filter;
/// the first symbol of each bucket; and of each symbol its hash, whose lowest bit ends a chain. The last symbol is the end
/// of the chain that begins last.
fn count_by_gnu_hash(table: &[u8]) -> Option<usize> {
    let header = |index| word(table, index).and_then(|word| usize::try_from(word).ok());
    let (buckets, first, filter) = (header(0)?, header(1)?, header(2)?);
    let begin = filter.checked_mul(2)?.checked_add(4)?;
    let end = begin.checked_add(buckets)?;
    let starts = table.as_chunks::<4>().0.get(begin..end)?;
    let last = starts.iter().map(|bytes| u32::from_le_bytes(*bytes)).max()?;
    let last = usize::try_from(last).ok()?;
    let Some(chain) = last.checked_sub(first) else { return Some(first) };
    let hashes = table.as_chunks::<4>().0.get(end.checked_add(chain)?..)?;
    let length = hashes.iter().position(|hash| u32::from_le_bytes(*hash) & 1 == 1)?;
    last.checked_add(length)?.checked_add(1)
}
