//! What the dynamic linker knows (`<link.h>`), found as a debugger finds it, from the auxiliary vector over the program
//! headers: the modules of a core that does not list its mapped files, as those of qemu-user do not; where a module lies
//! whose code was moved; and which program it is, whose loader was executed.

use crate::core::{CoreHead, FileMapping, MappedFile};
use crate::elf::Elf;
use crate::files::Files;
use crate::limits::MODULES;
use crate::memory::Memory;
use object::read::elf::{FileHeader, ProgramHeader as _};
use object::{LittleEndian, Object, ObjectSymbol, elf};
use std::collections::HashSet;

/// Maximum of program headers of a module, and of entries of its dynamic section; both have a few dozen.
const PROGRAM_HEADERS: u64 = 128;
const DYNAMIC_ENTRIES: u64 = 1024;
/// Longest path (`PATH_MAX`).
const PATH_BYTES: u64 = 4096;
/// The tag of the entry that leads to `struct r_debug` (elf.h).
const DT_DEBUG: u64 = 21;

/// Lists the modules, if the core does not; `executable` is the path of the program where that is known. Program
/// headers are read in the files, and in memory where a file is not there: cores leave out what files have, or files
/// are gone.
pub fn add_modules(
    head: &mut CoreHead,
    memory: &dyn Memory,
    files: &dyn Files<'_>,
    executable: Option<&str>,
) {
    if head.mappings.is_empty() {
        let modules = Modules { memory, files };
        modules.add_program(head, executable);
        head.mappings.sort_unstable_by_key(|mapping| mapping.start);
    }
}

/// A module of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Linked {
    /// Index in [`CoreHead::files`].
    pub file: usize,
    /// What is added to the linker's addresses.
    pub bias: u64,
}

/// Where the modules of a core lie by the list, the program first. Each is known by its dynamic section, which is written
/// to and so stays where it was mapped.
pub fn linked(head: &CoreHead, memory: &dyn Memory) -> Vec<Linked> {
    let program = head.auxv.program_headers().and_then(|address| {
        let headers = ProgramHeaders::read(memory, address, head.auxv.program_header_count()?);
        Some((headers.bias(address)?, headers, head.mapping(address)?.file))
    });
    let Some((bias, headers, file)) = program else { return Vec::new() };
    let mut found = vec![Linked { file, bias }];
    let first = headers.r_debug(memory, bias).and_then(|debug| memory.read_u64(debug.wrapping_add(8)));
    let maps = first.into_iter().flat_map(|first| link_maps(memory, first));
    found.extend(maps.filter_map(|map| {
        let file = head.mapping(memory.read_u64(map.wrapping_add(16))?)?.file;
        Some(Linked { file, bias: memory.read_u64(map)? })
    }));
    found
}

/// The file of the program that a dynamic linker runs which was itself executed: the first of its list.
pub fn program_of_loader(head: &CoreHead, memory: &dyn Memory, loader: &Elf<'_>, bias: u64) -> Option<usize> {
    let symbol = |name: &str| {
        let found = loader.file.dynamic_symbols().find(|symbol| symbol.name() == Ok(name))?;
        Some(found.address().wrapping_add(bias))
    };
    // glibc has the structure, musl a pointer to it.
    let debug = symbol("_r_debug").or_else(|| memory.read_u64(symbol("_dl_debug_addr")?))?;
    let first = memory.read_u64(debug.wrapping_add(8))?;
    Some(head.mapping(memory.read_u64(first.wrapping_add(16))?)?.file)
}

/// The addresses of a list of `struct link_map`, which may be damaged: each once, and a bounded number.
fn link_maps(memory: &dyn Memory, first: u64) -> impl Iterator<Item = u64> {
    let mut seen = HashSet::new();
    let mut next = Some(first);
    std::iter::from_fn(move || {
        let map = next.filter(|map| *map != 0 && seen.len() < MODULES && seen.insert(*map))?;
        next = memory.read_u64(map.wrapping_add(24));
        Some(map)
    })
}

struct Modules<'a, 'data> {
    memory: &'a dyn Memory,
    files: &'a dyn Files<'data>,
}

impl Modules<'_, '_> {
    fn add_program(&self, head: &mut CoreHead, executable: Option<&str>) -> Option<()> {
        let executed = || text(self.memory, head.auxv.executed_name()?);
        let path = executable.map(str::to_owned).or_else(executed).unwrap_or_default();
        let of_file = self.file(&path).and_then(|elf| {
            let entry = elf.file.elf_header().e_entry(LittleEndian);
            Some((head.auxv.entry()?.wrapping_sub(entry), ProgramHeaders::of_file(&elf)))
        });
        let (bias, headers) = of_file.or_else(|| {
            let address = head.auxv.program_headers()?;
            let headers = ProgramHeaders::read(self.memory, address, head.auxv.program_header_count()?);
            Some((headers.bias(address)?, headers))
        })?;
        headers.add_to(head, bias, path);
        let debug = headers.r_debug(self.memory, bias)?;
        let first = self.memory.read_u64(debug.wrapping_add(8))?;
        // The first is the program itself.
        link_maps(self.memory, first).skip(1).for_each(|module| {
            let _ = self.add_module(head, module);
        });
        None
    }

    /// `struct link_map`: bias, address of the path, address of the dynamic section, next.
    fn add_module(&self, head: &mut CoreHead, module: u64) -> Option<()> {
        let bias = self.memory.read_u64(module)?;
        let path = text(self.memory, self.memory.read_u64(module.wrapping_add(8))?)?;
        let headers = match self.file(&path) {
            Some(elf) => ProgramHeaders::of_file(&elf),
            None => ProgramHeaders::of_image(self.memory, bias)?,
        };
        // The vdso has no path, and is known otherwise.
        if !path.is_empty() {
            headers.add_to(head, bias, path);
        }
        Some(())
    }

    fn file(&self, path: &str) -> Option<Elf<'_>> {
        // Where it is mapped is not known yet: by its path, then.
        let nowhere = FileMapping { start: 0, end: 1, file_offset: 0, file: 0 };
        path.starts_with('/').then(|| Elf::parse(self.files.mapped(&nowhere, path)?.bytes).ok()).flatten()
    }
}

struct ProgramHeader {
    kind: u32,
    offset: u64,
    svma: u64,
    file_bytes: u64,
}

struct ProgramHeaders(Vec<ProgramHeader>);

impl ProgramHeaders {
    fn of_file(elf: &Elf<'_>) -> Self {
        let headers = elf.file.elf_program_headers().iter().map(|header| ProgramHeader {
            kind: header.p_type(LittleEndian).0,
            offset: header.p_offset(LittleEndian),
            svma: header.p_vaddr(LittleEndian),
            file_bytes: header.p_filesz(LittleEndian),
        });
        Self(headers.take(PROGRAM_HEADERS as usize).collect())
    }

    /// The headers of an ELF image that begins at this address.
    fn of_image(memory: &dyn Memory, address: u64) -> Option<Self> {
        let mut header = [0; 64];
        if !memory.read(address, &mut header) || !header.starts_with(b"\x7fELF") {
            return None;
        }
        let offset = header.get(32..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))?;
        let count = header.get(56..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))?;
        Some(Self::read(memory, address.wrapping_add(offset), count.into()))
    }

    fn read(memory: &dyn Memory, address: u64, count: u64) -> Self {
        let read = |number: u64| {
            let at = address.wrapping_add(number.wrapping_mul(56));
            Some(ProgramHeader {
                kind: u32::try_from(memory.read_u64(at)? & 0xffff_ffff).ok()?,
                offset: memory.read_u64(at.wrapping_add(8))?,
                svma: memory.read_u64(at.wrapping_add(16))?,
                file_bytes: memory.read_u64(at.wrapping_add(32))?,
            })
        };
        Self((0..count.min(PROGRAM_HEADERS)).map_while(read).collect())
    }

    fn of_kind(&self, kind: elf::ProgramType) -> impl Iterator<Item = &ProgramHeader> {
        self.0.iter().filter(move |header| header.kind == kind.0)
    }

    /// What to add to the linker's addresses, given where the headers themselves are.
    fn bias(&self, address: u64) -> Option<u64> {
        if let Some(own) = self.of_kind(elf::PT_PHDR).next() {
            return Some(address.wrapping_sub(own.svma));
        }
        // A static program has no PT_PHDR. The headers follow the ELF header, which the first segment shows.
        let first = self.of_kind(elf::PT_LOAD).find(|header| header.offset == 0)?;
        Some(address.wrapping_sub(64).wrapping_sub(first.svma))
    }

    fn r_debug(&self, memory: &dyn Memory, bias: u64) -> Option<u64> {
        let dynamic = self.of_kind(elf::PT_DYNAMIC).next()?.svma.wrapping_add(bias);
        let entries = (0..DYNAMIC_ENTRIES).map(|number| dynamic.wrapping_add(number.wrapping_mul(16)));
        let mut entries = entries.map_while(|entry| Some((memory.read_u64(entry)?, entry)));
        let (_, entry) =
            entries.find(|(tag, _)| matches!(*tag, 0 | DT_DEBUG)).filter(|(tag, _)| *tag != 0)?;
        memory.read_u64(entry.wrapping_add(8)).filter(|debug| *debug != 0)
    }

    fn add_to(&self, head: &mut CoreHead, bias: u64, path: String) {
        let file = head.files.len();
        let mappings = self.of_kind(elf::PT_LOAD).filter_map(|header| {
            let start = header.svma.wrapping_add(bias);
            let end = start.checked_add(header.file_bytes).filter(|end| *end > start)?;
            Some(FileMapping { start, end, file_offset: header.offset, file })
        });
        head.mappings.extend(mappings);
        head.files.push(MappedFile { path, deleted: false });
    }
}

fn text(memory: &dyn Memory, address: u64) -> Option<String> {
    let byte = |offset: u64| {
        let mut byte = [0];
        memory.read(address.wrapping_add(offset), &mut byte).then_some(byte[0]).filter(|byte| *byte != 0)
    };
    let bytes: Vec<u8> = (0..PATH_BYTES).map_while(byte).collect();
    String::from_utf8(bytes).ok()
}
