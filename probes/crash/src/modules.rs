//! The files that the process has mapped, found by address and opened when they are needed.

use super::core::{CoreHead, FileMapping, Segment};
use super::elf::{Beginning, BuildId, Elf, FIRST_PAGE_BYTES};
use super::limits::VDSO_BYTES;
use super::memory::Memory;
use super::unwind::CodeMap;
use std::cell::OnceCell;
use std::ops::Range;

/// What the vdso is called in reports, as in `/proc/PID/maps`.
const VDSO: &str = "[vdso]";

/// Where files of the crashed process come from. The bytes live as long as the analysis, which is one report.
pub trait Files<'data> {
    /// The file that this range shows, at this path.
    fn mapped(&self, mapping: &FileMapping, path: &str) -> Option<&'data [u8]>;
    /// A separate debug file.
    fn debug_by_build_id(&self, build_id: &BuildId) -> Option<&'data [u8]>;
    /// The debug file that `.gnu_debuglink` of the module at this path names; its checksum is the caller's to check.
    fn debug_link(&self, module_path: &str, name: &str) -> Option<&'data [u8]>;
}

/// A file, or the vdso.
#[derive(Debug)]
pub struct Module<'data> {
    /// Its path; `[vdso]` for the vdso.
    pub path: String,
    contents: OnceCell<Contents<'data>>,
}

#[derive(Debug, Default)]
struct Contents<'data> {
    elf: Option<Elf<'data>>,
    /// What is in memory.
    beginning: Beginning,
}

impl<'data> Contents<'data> {
    fn svma_of_offset(&self, file_offset: u64) -> Option<u64> {
        match &self.elf {
            Some(elf) => elf.svma_of_offset(file_offset),
            None => self.beginning.svma_of_offset(file_offset),
        }
    }
}

impl<'data> Module<'data> {
    fn new(path: &str) -> Self {
        Self { path: path.to_owned(), contents: OnceCell::new() }
    }

    /// What a frame shows: the path's last part.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// Its contents, once an address in it was asked for; none if it cannot be opened, is another file than the
    /// one in memory, or no ELF file of a known architecture.
    pub fn elf(&self) -> Option<&Elf<'data>> {
        self.contents.get()?.elf.as_ref()
    }

    /// The build-id of what was in memory, once an address in it was asked for.
    pub fn build_id(&self) -> Option<&BuildId> {
        let contents = self.contents.get()?;
        contents.beginning.build_id.as_ref().or_else(|| contents.elf.as_ref()?.build_id.as_ref())
    }
}

/// Where an address of the process lies.
#[derive(Clone, Copy, Debug)]
pub struct ModuleAddress<'a, 'data> {
    /// In which module.
    pub module: &'a Module<'data>,
    /// The module's number in its table.
    pub index: usize,
    /// The linker's address of it; none if neither the file nor what is in memory says.
    pub svma: Option<u64>,
}

/// All modules of a process.
pub struct ModuleTable<'a, 'data> {
    modules: Vec<Module<'data>>,
    mappings: Vec<FileMapping>,
    segments: &'a [Segment],
    blank_vdso: Option<Range<u64>>,
    memory: &'a dyn Memory,
    files: &'a dyn Files<'data>,
}

impl<'a, 'data> ModuleTable<'a, 'data> {
    /// The modules of a core; `vdso` is what [`vdso_image`] read.
    pub fn new(
        head: &'a CoreHead,
        vdso: Option<&'data [u8]>,
        memory: &'a dyn Memory,
        files: &'a dyn Files<'data>,
    ) -> Self {
        let mut modules: Vec<_> = head.files.iter().map(|file| Module::new(&file.path)).collect();
        let mut mappings = head.mappings.clone();
        let range = vdso_range(head);
        if let Some(Range { start, end }) = range {
            let module = Module::new(VDSO);
            let elf = vdso.and_then(|bytes| Elf::parse(bytes).ok());
            let _ = module.contents.set(Contents { elf, beginning: Beginning::default() });
            let found = mappings.partition_point(|mapping| mapping.start < start);
            mappings.insert(found, FileMapping { start, end, file_offset: 0, file: modules.len() });
            modules.push(module);
        }
        let blank_vdso = range.filter(|_| vdso.is_none());
        Self { modules, mappings, segments: &head.segments, blank_vdso, memory, files }
    }

    /// A module by its number.
    pub fn get(&self, index: usize) -> Option<&Module<'data>> {
        self.modules.get(index)
    }

    /// The module that this address lies in, opened.
    pub fn find(&self, process_addr: u64) -> Option<ModuleAddress<'_, 'data>> {
        let after = self.mappings.partition_point(|mapping| mapping.start <= process_addr);
        let mapping =
            self.mappings.get(after.checked_sub(1)?).filter(|mapping| process_addr < mapping.end)?;
        let module = self.modules.get(mapping.file)?;
        let contents = module.contents.get_or_init(|| self.open(mapping, &module.path));
        let offset = mapping.file_offset.checked_add(process_addr.checked_sub(mapping.start)?);
        let svma = offset.and_then(|offset| contents.svma_of_offset(offset));
        Some(ModuleAddress { module, index: mapping.file, svma })
    }

    fn open(&self, mapping: &FileMapping, path: &str) -> Contents<'data> {
        let beginning = self.beginning(mapping.file).unwrap_or_default();
        let elf = self.files.mapped(mapping, path).and_then(|bytes| Elf::parse(bytes).ok());
        // Not that of a core that is older than the file, or comes from another machine.
        let elf = elf.filter(|elf| beginning.build_id.is_none() || elf.build_id == beginning.build_id);
        Contents { elf, beginning }
    }

    /// What the first page of a mapped file says, if that is in memory.
    fn beginning(&self, file: usize) -> Option<Beginning> {
        let mapping =
            self.mappings.iter().find(|mapping| mapping.file == file && mapping.file_offset == 0)?;
        let mut page = [0; FIRST_PAGE_BYTES];
        self.memory.read(mapping.start, &mut page).then(|| Beginning::read(&page)).flatten()
    }
}

/// Reads the vdso out of memory.
pub fn vdso_image(head: &CoreHead, memory: &dyn Memory) -> Option<Vec<u8>> {
    let Range { start, end } = vdso_range(head)?;
    let mut image = vec![0; usize::try_from(end.saturating_sub(start)).ok()?];
    memory.read(start, &mut image).then_some(image)
}

fn vdso_range(head: &CoreHead) -> Option<Range<u64>> {
    let start = head.auxv.vdso()?;
    let segment = head.segment(start)?;
    Some(start..segment.end.min(start.saturating_add(VDSO_BYTES as u64)))
}

impl<'data> CodeMap<'data> for ModuleTable<'_, 'data> {
    fn elf_at(&self, process_addr: u64) -> Option<(usize, &Elf<'data>, u64)> {
        let found = self.find(process_addr)?;
        Some((found.index, found.module.elf()?, found.svma?))
    }

    fn is_executable(&self, process_addr: u64) -> bool {
        let after = self.segments.partition_point(|segment| segment.start <= process_addr);
        let segment = after.checked_sub(1).and_then(|found| self.segments.get(found));
        match segment.filter(|segment| process_addr < segment.end) {
            Some(segment) => segment.executable,
            // gdb leaves mappings of files out of its cores.
            None => self.elf_at(process_addr).is_some_and(|(_, elf, svma)| elf.is_code(svma)),
        }
    }

    fn code(&self, process_addr: u64, buffer: &mut [u8]) -> bool {
        let bytes = self.find(process_addr).and_then(|found| {
            let bytes = found.module.elf()?.bytes_at(found.svma?)?;
            bytes.get(..buffer.len())
        });
        bytes.map(|bytes| buffer.copy_from_slice(bytes)).is_some()
    }

    fn is_in_blank_vdso(&self, process_addr: u64) -> bool {
        self.blank_vdso.as_ref().is_some_and(|vdso| vdso.contains(&process_addr))
    }
}
