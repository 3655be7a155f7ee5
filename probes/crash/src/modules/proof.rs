//! Whether a file is the one that the process has mapped. A file of the same path may be another one: it was replaced, the
//! process lived in a container, or the core comes from another machine. Names out of it would be wrong.

use crate::core::FileMapping;
use crate::elf::{BuildId, Elf, FIRST_PAGE_BYTES};
use crate::files::{Found, ModuleFile};
use crate::memory::Memory;
use object::LittleEndian;
use object::elf::{PT_DYNAMIC, PT_GNU_RELRO, ProgramType};
use object::read::elf::ProgramHeader;

/// Words that are compared where not even a page of the file is in memory as it was.
const WORDS: usize = 64;

/// What memory says of a module.
pub(super) struct Evidence<'e> {
    /// The build-id in memory.
    pub(super) build_id: Option<&'e BuildId>,
    /// The first page of the file in memory.
    pub(super) first_page: Option<&'e [u8; FIRST_PAGE_BYTES]>,
    /// Whether the file was deleted since.
    pub(super) deleted: bool,
    /// All mappings.
    pub(super) mappings: &'e [FileMapping],
    /// One of this file.
    pub(super) mapping: &'e FileMapping,
    pub(super) memory: &'e dyn Memory,
}

impl Evidence<'_> {
    /// Whether the file is the one: it has the same build-id; or there is none to compare, and it is the very file, or one
    /// at its path that is as old as it has to be and has the same bytes.
    pub(super) fn proves(&self, file: &ModuleFile<'_>, elf: &Elf<'_>) -> bool {
        if let Some(build_id) = self.build_id {
            return elf.build_id.as_ref() == Some(build_id);
        }
        match file.found {
            Found::Mapped => true,
            Found::ByPathYounger => false,
            Found::ByPath => !self.deleted && self.is_alike(file.bytes, elf),
        }
    }

    fn is_alike(&self, bytes: &[u8], elf: &Elf<'_>) -> bool {
        if let Some(page) = self.first_page {
            return starts_with(bytes, page);
        }
        // Cores of qemu-user have no page that can be executed, in which the file's begin is as a rule.
        let others = self.mappings.iter().filter(|mapping| mapping.file == self.mapping.file);
        let mut pages = others.filter_map(|mapping| {
            let offset = usize::try_from(mapping.file_offset).ok()?;
            let load = elf.loads.iter().find(|load| load.file_offset == mapping.file_offset)?;
            let mut page = [0; FIRST_PAGE_BYTES];
            let is_there = !load.writable && self.memory.read(mapping.start, &mut page);
            is_there.then(|| bytes.get(offset..).is_some_and(|bytes| starts_with(bytes, &page)))
        });
        pages.next().unwrap_or_else(|| self.has_same_words(elf))
    }

    /// Whether the data that the dynamic linker reads, or what is read-only once it has run, are those of the file: each
    /// word as it is there, or moved to where the module lies. A few may be filled in.
    fn has_same_words(&self, elf: &Elf<'_>) -> bool {
        let Some(svma) = elf.svma_of_offset(self.mapping.file_offset) else { return false };
        let bias = self.mapping.start.wrapping_sub(svma);
        let segment = |kind: ProgramType| {
            let headers = elf.file.elf_program_headers().iter().take(128);
            let found = headers.clone().find(|header| header.p_type(LittleEndian) == kind)?;
            Some((found.p_vaddr(LittleEndian), usize::try_from(found.p_filesz(LittleEndian)).ok()?))
        };
        let Some((start, bytes)) = segment(PT_DYNAMIC).or_else(|| segment(PT_GNU_RELRO)) else {
            return false;
        };
        let words = elf.bytes_at(start).and_then(|all| all.get(..bytes)).unwrap_or_default();
        let words: Vec<u64> =
            words.as_chunks::<8>().0.iter().take(WORDS).map(|word| u64::from_le_bytes(*word)).collect();
        let is_same = |(number, word): (usize, &u64)| {
            let address = start.wrapping_add(bias).wrapping_add(8 * number as u64);
            let found = self.memory.read_u64(address);
            found.is_some_and(|found| found == *word || found == word.wrapping_add(bias))
        };
        let same = words.iter().enumerate().filter(|word| is_same(*word)).count();
        same >= 8 && same.saturating_mul(4) >= words.len().saturating_mul(3)
    }
}

fn starts_with(bytes: &[u8], page: &[u8; FIRST_PAGE_BYTES]) -> bool {
    let count = page.len().min(bytes.len());
    bytes.get(..count) == page.get(..count)
}
