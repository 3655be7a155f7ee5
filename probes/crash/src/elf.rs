//! An ELF file or image of the crashed process: sections, segments, build-id. All of it is foreign.

mod dynamic;

use super::registers::Arch;
use object::read::elf::{ElfFile64, FileHeader, ProgramHeader, SectionHeader};
use object::{CompressionFormat, LittleEndian, Object, ObjectSection, elf};
use std::borrow::Cow;
use std::fmt;

/// How much of a file's beginning is read in memory: a page, which is what the kernel keeps of it in a core.
pub const FIRST_PAGE_BYTES: usize = 4096;

/// Maximum of segments that are read; programs have about a dozen.
const SEGMENTS: usize = 128;

/// Maximum of notes that are read; programs have two or three.
const NOTES: usize = 64;

/// A table of symbols, and the names in it.
pub type SymbolsAndStrings<'data> = (&'data [elf::Sym64<LittleEndian>], &'data [u8]);

/// A parsed file, whose bytes live as long as `'data`.
#[derive(Debug)]
pub struct Elf<'data> {
    /// The parsed file.
    pub file: ElfFile64<'data, LittleEndian>,
    /// Its architecture.
    pub arch: Arch,
    /// What it loads, in the order of the file.
    pub loads: Vec<Load>,
    /// Its build-id.
    pub build_id: Option<BuildId>,
}

/// A `PT_LOAD` segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Address that the linker gave it.
    pub svma: u64,
    /// Where in the file it begins.
    pub file_offset: u64,
    /// Bytes of it in the file.
    pub file_bytes: u64,
    /// Bytes of it in memory.
    pub memory_bytes: u64,
    /// Whether it is code.
    pub executable: bool,
    /// Whether the program may write to it.
    pub writable: bool,
}

/// A build-id, as the linker gave it: 1 to 64 bytes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct BuildId(Vec<u8>);

impl BuildId {
    /// A build-id of these bytes; none if there are none, or too many.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (1..=64).contains(&bytes.len()).then(|| Self(bytes.to_owned()))
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for BuildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for BuildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What the beginning of an ELF image in memory says of it, where the file is gone or another one.
#[derive(Debug, Default)]
pub struct Beginning {
    /// Its build-id; linkers put it there.
    pub build_id: Option<BuildId>,
    loads: Vec<Load>,
}

impl Beginning {
    /// Reads a page of [`FIRST_PAGE_BYTES`]; none if it begins no ELF image.
    pub fn read(page: &[u8]) -> Option<Self> {
        let header = elf::FileHeader64::<LittleEndian>::parse(page).ok()?;
        let headers = header.program_headers(LittleEndian, page).ok()?;
        let build_id = headers.iter().take(SEGMENTS).find_map(|header| {
            let notes = header.notes(LittleEndian, page).ok()??;
            BuildId::new(notes.take(NOTES).filter_map(Result::ok).find_map(|note| {
                (note.name() == elf::ELF_NOTE_GNU && note.n_type(LittleEndian) == elf::NT_GNU_BUILD_ID)
                    .then(|| note.desc())
            })?)
        });
        Some(Self { build_id, loads: headers.iter().take(SEGMENTS).filter_map(load_of).collect() })
    }

    /// The linker's address of what stands at this offset of the file.
    pub fn svma_of_offset(&self, file_offset: u64) -> Option<u64> {
        svma_of_offset(&self.loads, file_offset)
    }
}

fn svma_of_offset(loads: &[Load], file_offset: u64) -> Option<u64> {
    let load = loads.iter().find(|load| {
        file_offset.checked_sub(load.file_offset).is_some_and(|distance| distance < load.file_bytes)
    })?;
    load.svma.checked_add(file_offset.checked_sub(load.file_offset)?)
}

/// Why a file is of no use.
#[derive(Debug, thiserror::Error)]
pub enum ElfError {
    /// No ELF file of 64 bits, little endian, or a damaged one.
    #[error("no usable ELF file: {0}")]
    Unreadable(#[from] object::Error),
    /// Of another architecture.
    #[error("a program for another architecture (ELF machine {0})")]
    OtherArch(u16),
}

impl<'data> Elf<'data> {
    /// Parses a file.
    ///
    /// # Errors
    /// [`ElfError`].
    pub fn parse(bytes: &'data [u8]) -> Result<Self, ElfError> {
        let file = ElfFile64::<LittleEndian>::parse(bytes)?;
        let arch = arch_of(file.elf_header().e_machine(LittleEndian))?;
        let loads = file.elf_program_headers().iter().take(SEGMENTS).filter_map(load_of).collect();
        let build_id = file.build_id().ok().flatten().and_then(BuildId::new);
        Ok(Self { file, arch, loads, build_id })
    }

    /// The linker's address of what stands at this offset of the file.
    pub fn svma_of_offset(&self, file_offset: u64) -> Option<u64> {
        svma_of_offset(&self.loads, file_offset)
    }

    /// Whether a program may execute what is at this address.
    pub fn is_code(&self, svma: u64) -> bool {
        self.load_of(svma).is_some_and(|load| load.executable)
    }

    fn load_of(&self, svma: u64) -> Option<&Load> {
        let holds =
            |load: &&Load| svma.checked_sub(load.svma).is_some_and(|distance| distance < load.file_bytes);
        self.loads.iter().find(holds)
    }

    /// What the file has from this address to the end of its segment.
    pub fn bytes_at(&self, svma: u64) -> Option<&'data [u8]> {
        let load = self.load_of(svma)?;
        let start = load.file_offset.checked_add(svma.checked_sub(load.svma)?)?;
        let end = load.file_offset.checked_add(load.file_bytes)?;
        self.file.data().get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
    }

    /// A section's address and bytes, decompressed if they are compressed and at most `limit` long then.
    pub fn section_data(&self, name: &str, limit: u64) -> Option<(u64, Cow<'data, [u8]>)> {
        let section = self.file.section_by_name(name)?;
        let data = section.compressed_data().ok()?;
        let fits = data.format == CompressionFormat::None || data.uncompressed_size <= limit;
        fits.then(|| Some((section.address(), data.decompress().ok()?))).flatten()
    }

    /// The symbol tables with their strings: that of the linker, and the dynamic one, which a file without section headers
    /// has by its dynamic segment.
    pub fn symbol_tables(&self) -> Vec<SymbolsAndStrings<'data>> {
        let (sections, bytes) = (self.file.elf_section_table(), self.file.data());
        let table = |kind| {
            let table = sections.symbols(LittleEndian, bytes, kind).ok()?;
            let strings = sections.section(table.string_section()).ok()?.data(LittleEndian, bytes).ok()?;
            (!table.is_empty()).then(|| (table.symbols(), strings))
        };
        let mut tables: Vec<_> = [elf::SHT_SYMTAB, elf::SHT_DYNSYM].into_iter().filter_map(table).collect();
        if sections.is_empty() {
            tables.extend(dynamic::symbols(self));
        }
        tables
    }

    /// A section's address and bytes as they stand in the file (compressed ones stay so).
    pub fn section(&self, name: &str) -> Option<(u64, &'data [u8])> {
        let section = self.file.section_by_name(name)?;
        Some((section.address(), section.data().ok()?))
    }
}

/// The architecture of an ELF machine number.
///
/// # Errors
/// It is none that is unwound.
pub fn arch_of(machine: elf::Machine) -> Result<Arch, ElfError> {
    match machine {
        elf::EM_X86_64 => Ok(Arch::X86_64),
        elf::EM_AARCH64 => Ok(Arch::Aarch64),
        other => Err(ElfError::OtherArch(other.0)),
    }
}

fn load_of(header: &elf::ProgramHeader64<LittleEndian>) -> Option<Load> {
    (header.p_type(LittleEndian) == elf::PT_LOAD).then(|| Load {
        svma: header.p_vaddr(LittleEndian),
        file_offset: header.p_offset(LittleEndian),
        file_bytes: header.p_filesz(LittleEndian),
        memory_bytes: header.p_memsz(LittleEndian),
        executable: header.p_flags(LittleEndian).0 & elf::PF_X.0 != 0,
        writable: header.p_flags(LittleEndian).0 & elf::PF_W.0 != 0,
    })
}
