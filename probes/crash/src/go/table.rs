//! The table of functions of a Go program (`runtime/symtab.go`, `debug/gosym`).
//!
//! ```text
//! header   magic u32 | 0 0 | instruction quantum u8 | pointer size u8 | functions, files: words | from 1.18: text start |
//!          from 1.16: offsets of names, units, files, tables of program counters, functions
//! function entry (1.18: u32 from the text's begin, before: a word) | offset of its description; one more entry ends them
//! describes entry | name | ... | offset of its table of frame sizes | ... | flags
//! table    pairs of varints: change of the value (zigzag), length in quanta; the value begins at -1; 0 ends it
//! ```
//!
//! | magic | Go |
//! |---|---|
//! | `fffffffb` | 1.2 |
//! | `fffffffa` | 1.16 |
//! | `fffffff0` | 1.18 |
//! | `fffffff1` | 1.20 |

use crate::elf::Elf;
use object::{Object, ObjectSymbol};

/// Longest name that is read.
const NAME_BYTES: usize = 4096;

/// Steps of one table of program counters; long functions have some hundred.
const STEPS: usize = 1 << 16;

/// Largest file without section headers that is searched for the table.
const SEARCHED_BYTES: usize = 256 * 1024 * 1024;

/// Sections that have it.
const SECTIONS: [&str; 2] = [".gopclntab", ".data.rel.ro.gopclntab"];

/// Functions whose addresses show where the text begins, since a program's entry is known.
const ENTRIES: [&str; 2] = ["_rt0_amd64_linux", "_rt0_arm64_linux"];

/// The versions of the table, by what differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Version {
    Go1_2,
    Go1_16,
    Go1_18,
    Go1_20,
}

/// The table.
#[derive(Debug)]
pub struct GoTable<'data> {
    version: Version,
    quantum: u64,
    functions: usize,
    names: &'data [u8],
    counters: &'data [u8],
    /// The list of functions, and what its offsets count from.
    list: &'data [u8],
    text: u64,
}

/// A function of it.
#[derive(Clone, Copy, Debug)]
pub struct Function<'t> {
    /// Its name: `main.(*T).Deref`.
    pub name: &'t str,
    /// Where it begins.
    pub start: u64,
    /// Whether it moves the stack pointer in ways that the table does not say.
    pub writes_stack_pointer: bool,
    quantum: u64,
    sizes: &'t [u8],
}

impl<'data> GoTable<'data> {
    /// The table of a file, if it is a program of Go.
    pub fn of(elf: &Elf<'data>) -> Option<Self> {
        let sections = SECTIONS.iter().filter_map(|name| elf.section(name)).map(|(_, bytes)| bytes);
        let mut found = sections.filter_map(Self::parse);
        let mut table = found.next().or_else(|| Self::search(elf))?;
        table.find_text(elf);
        Some(table)
    }

    /// Parses a table that begins here.
    pub fn parse(bytes: &'data [u8]) -> Option<Self> {
        let version = match bytes.first_chunk().map(|magic| u32::from_le_bytes(*magic))? {
            0xffff_fffb => Version::Go1_2,
            0xffff_fffa => Version::Go1_16,
            0xffff_fff0 => Version::Go1_18,
            0xffff_fff1 => Version::Go1_20,
            _ => return None,
        };
        let &[0, 0, quantum @ (1 | 4), 8] = bytes.get(4..8)? else { return None };
        let word = |number: usize| u64_at(bytes, 8_usize.checked_add(number.checked_mul(8)?)?);
        let functions = usize::try_from(word(0)?).ok()?;
        let part = |number: usize| bytes.get(usize::try_from(word(number)?).ok()?..);
        let table = match version {
            Version::Go1_2 => {
                let list = bytes.get(16..)?;
                // Offsets count from the begin of all.
                Self {
                    version,
                    quantum: quantum.into(),
                    functions,
                    names: bytes,
                    counters: bytes,
                    list,
                    text: 0,
                }
            }
            _ => {
                let first = if version >= Version::Go1_18 { 3 } else { 2 };
                Self {
                    version,
                    quantum: quantum.into(),
                    functions,
                    names: part(first)?,
                    counters: part(first + 3)?,
                    list: part(first + 4)?,
                    text: if version >= Version::Go1_18 { word(2)? } else { 0 },
                }
            }
        };
        // The list is whole: one more entry ends it.
        let bytes = functions.checked_add(1)?.checked_mul(table.entry_bytes())?;
        (functions > 0 && table.list.len() >= bytes).then_some(table)
    }

    /// Searches the data of a file that has no section headers.
    fn search(elf: &Elf<'data>) -> Option<Self> {
        if !elf.file.elf_section_table().is_empty() {
            return None;
        }
        let segments = elf.loads.iter().filter(|load| !load.executable);
        let mut data = segments.filter_map(|load| elf.bytes_at(load.svma));
        data.find_map(|bytes| {
            let places = (0..bytes.len().min(SEARCHED_BYTES)).step_by(16);
            places.filter_map(|place| bytes.get(place..)).find_map(|bytes| {
                let is_magic = matches!(
                    bytes.first_chunk::<6>(),
                    Some([0xfb | 0xfa | 0xf0 | 0xf1, 0xff, 0xff, 0xff, 0, 0])
                );
                is_magic.then(|| Self::parse(bytes)).flatten().filter(|table| table.is_in_order())
            })
        })
    }

    /// Whether the first functions follow each other, as all do.
    fn is_in_order(&self) -> bool {
        let starts = (0..self.functions.min(64)).map(|number| self.entry(number).map(|(start, _)| start));
        starts.collect::<Option<Vec<_>>>().is_some_and(|starts| starts.is_sorted())
    }

    /// Where the text begins, from which entries count since 1.18. Newer tables do not say; in those that are moved when
    /// they are loaded it is not there before.
    fn find_text(&mut self, elf: &Elf<'data>) {
        if self.version < Version::Go1_18 || elf.is_code(self.text) {
            return;
        }
        let symbol = elf
            .file
            .symbols()
            .find(|symbol| symbol.name() == Ok("runtime.text"))
            .map(|symbol| symbol.address());
        let section = || elf.section(".text").map(|(address, _)| address);
        self.text = symbol.or_else(|| self.text_by_entry(elf)).or_else(section).unwrap_or_default();
    }

    fn text_by_entry(&mut self, elf: &Elf<'data>) -> Option<u64> {
        self.text = 0;
        let entry = elf.file.elf_header().e_entry.get(object::LittleEndian);
        let mut all = (0..self.functions).filter_map(|number| self.function(number));
        let function = all.find(|function| ENTRIES.contains(&function.name))?;
        entry.checked_sub(function.start)
    }

    /// Bytes of an entry of the list.
    fn entry_bytes(&self) -> usize {
        if self.version >= Version::Go1_18 { 8 } else { 16 }
    }

    /// Where a function begins, and the offset of its description.
    fn entry(&self, number: usize) -> Option<(u64, usize)> {
        let bytes = self.list.get(number.checked_mul(self.entry_bytes())?..)?;
        if self.version >= Version::Go1_18 {
            let (start, offset) = (u32_at(bytes, 0)?, u32_at(bytes, 4)?);
            Some((self.text.checked_add(start.into())?, usize::try_from(offset).ok()?))
        } else {
            Some((u64_at(bytes, 0)?, usize::try_from(u64_at(bytes, 8)?).ok()?))
        }
    }

    /// The function at an address.
    pub fn find(&self, svma: u64) -> Option<Function<'data>> {
        let (mut low, mut high) = (0, self.functions);
        while low < high {
            let middle = low.midpoint(high);
            if self.entry(middle)?.0 <= svma { low = middle.checked_add(1)? } else { high = middle }
        }
        // What follows the last function is the end of all.
        let ends = u64::from(u32_at(self.list, self.functions.checked_mul(self.entry_bytes())?)?);
        let end = if self.version >= Version::Go1_18 {
            self.text.checked_add(ends)?
        } else {
            u64_at(self.list, self.functions.checked_mul(self.entry_bytes())?)?
        };
        if svma >= end {
            return None;
        }
        self.function(low.checked_sub(1)?)
    }

    fn function(&self, number: usize) -> Option<Function<'data>> {
        let (start, offset) = self.entry(number)?;
        let base = if self.version == Version::Go1_2 { self.names } else { self.list };
        let described = base.get(offset..)?;
        // The entry, at the begin.
        let first = if self.version >= Version::Go1_18 { 4 } else { 8 };
        let field = |number: usize| u32_at(described, number.checked_mul(4)?.checked_add(first)?);
        let name = self.names.get(usize::try_from(field(0)?).ok()?..)?;
        let name = name.get(..name.iter().take(NAME_BYTES).position(|byte| *byte == 0)?)?;
        let sizes = match usize::try_from(field(3)?).ok()? {
            0 => &[],
            offset => self.counters.get(offset..)?,
        };
        // Behind the number of the unit, and since 1.20 the first line: an id, then flags.
        let flags = match self.version {
            Version::Go1_2 | Version::Go1_16 => None,
            Version::Go1_18 => described.get(first + 33),
            Version::Go1_20 => described.get(first + 37),
        };
        let writes_stack_pointer = flags.is_some_and(|flags| flags & 2 != 0);
        Some(Function {
            name: str::from_utf8(name).ok()?,
            start,
            writes_stack_pointer,
            quantum: self.quantum,
            sizes,
        })
    }
}

impl<'t> Function<'t> {
    /// The name without the mark of its calling convention.
    pub fn plain_name(&self) -> &'t str {
        self.name.strip_suffix(".abi0").unwrap_or(self.name)
    }

    /// How large its frame is at an address, the return address left out.
    pub fn frame_bytes(&self, svma: u64) -> Option<u64> {
        let (mut rest, mut value, mut end) = (self.sizes, -1_i64, self.start);
        for step in 0..STEPS {
            let change = varint(&mut rest)?;
            if change == 0 && step > 0 {
                return None;
            }
            let change = i64::from(change >> 1) ^ -i64::from(change & 1);
            value = value.checked_add(change)?;
            end = end.checked_add(u64::from(varint(&mut rest)?).checked_mul(self.quantum)?)?;
            if svma < end {
                return u64::try_from(value).ok();
            }
        }
        None
    }
}

fn varint(bytes: &mut &[u8]) -> Option<u32> {
    let mut value = 0_u32;
    for place in 0..5_u32 {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u32::from(byte & 0x7f).checked_shl(place.checked_mul(7)?)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    bytes.get(offset..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}
