//! The files that the process has mapped, found by address and opened when they are needed.

mod proof;

use super::core::{CoreHead, FileMapping, Segment};
use super::debug_files;
use super::elf::{Beginning, BuildId, Elf, FIRST_PAGE_BYTES};
use super::files::Files;
use super::go::GoTable;
use super::limits::VDSO_BYTES;
use super::link_map::{self, Linked};
use super::memory::Memory;
use super::unwind::CodeMap;
use proof::Evidence;
use std::cell::OnceCell;
use std::ops::Range;

/// What the vdso is called in reports, as in `/proc/PID/maps`.
const VDSO: &str = "[vdso]";

/// A file, or the vdso.
#[derive(Debug)]
pub struct Module<'data> {
    /// Its path; `[vdso]` for the vdso.
    pub path: String,
    /// Whether it was deleted or replaced since.
    deleted: bool,
    contents: OnceCell<Contents<'data>>,
    debug_file: OnceCell<Option<Elf<'data>>>,
    go_table: OnceCell<Option<GoTable<'data>>>,
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
    fn new(path: &str, deleted: bool) -> Self {
        Self {
            path: path.to_owned(),
            deleted,
            contents: OnceCell::new(),
            debug_file: OnceCell::new(),
            go_table: OnceCell::new(),
        }
    }

    /// What a frame shows: the path's last part.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// Its contents, once an address in it was asked for; none if it cannot be opened, is not proven to be the one in
    /// memory, or no ELF file of a known architecture.
    pub fn elf(&self) -> Option<&Elf<'data>> {
        self.contents.get()?.elf.as_ref()
    }

    /// The table of functions of a program of Go, once an address in it was asked for.
    pub fn go_table(&self) -> Option<&GoTable<'data>> {
        let elf = self.elf()?;
        self.go_table.get_or_init(|| GoTable::of(elf)).as_ref()
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
    head: &'a CoreHead,
    /// What the dynamic linker says, once code is in no mapping of a file.
    linked: OnceCell<Vec<Linked>>,
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
        let mut modules: Vec<_> =
            head.files.iter().map(|file| Module::new(&file.path, file.deleted)).collect();
        let mut mappings = head.mappings.clone();
        let range = vdso_range(head);
        if let Some(Range { start, end }) = range {
            let module = Module::new(VDSO, false);
            let elf = vdso.and_then(|bytes| Elf::parse(bytes).ok());
            let _ = module.contents.set(Contents { elf, beginning: Beginning::default() });
            let found = mappings.partition_point(|mapping| mapping.start < start);
            mappings.insert(found, FileMapping { start, end, file_offset: 0, file: modules.len() });
            modules.push(module);
        }
        let blank_vdso = range.filter(|_| vdso.is_none());
        Self { modules, mappings, head, linked: OnceCell::new(), blank_vdso, memory, files }
    }

    /// A module by its number.
    pub fn get(&self, index: usize) -> Option<&Module<'data>> {
        self.modules.get(index)
    }

    /// The module that this address lies in, opened.
    pub fn find(&self, process_addr: u64) -> Option<ModuleAddress<'_, 'data>> {
        let after = self.mappings.partition_point(|mapping| mapping.start <= process_addr);
        let mapping = self.mappings.get(after.checked_sub(1)?).filter(|mapping| process_addr < mapping.end);
        let Some(mapping) = mapping else { return self.find_moved(process_addr) };
        let module = self.modules.get(mapping.file)?;
        let contents = self.contents(mapping, module);
        let offset = mapping.file_offset.checked_add(process_addr.checked_sub(mapping.start)?);
        let svma = offset.and_then(|offset| contents.svma_of_offset(offset));
        Some(ModuleAddress { module, index: mapping.file, svma })
    }

    /// The module at this path, opened.
    pub fn by_path(&self, path: &str) -> Option<usize> {
        let index = self.modules.iter().position(|module| module.path == path)?;
        let mapping = self.mappings.iter().find(|mapping| mapping.file == index)?;
        self.contents(mapping, self.modules.get(index)?);
        Some(index)
    }

    /// The separate debug file of a module, if it is opened and has one.
    pub fn debug_file_of(&self, index: usize) -> Option<&Elf<'data>> {
        let module = self.modules.get(index)?;
        let elf = module.elf()?;
        module.debug_file.get_or_init(|| debug_files::find(elf, &module.path, self.files)).as_ref()
    }

    /// The segment that this address lies in.
    fn segment(&self, process_addr: u64) -> Option<&Segment> {
        self.head.segment(process_addr)
    }

    fn contents<'m>(&self, mapping: &FileMapping, module: &'m Module<'data>) -> &'m Contents<'data> {
        module.contents.get_or_init(|| self.open(mapping, module))
    }

    /// Code that was moved to memory of no file, as where a program wants large pages for it: its module is the one that
    /// the dynamic linker has at this place, if the module's file has the same bytes there.
    fn find_moved(&self, process_addr: u64) -> Option<ModuleAddress<'_, 'data>> {
        self.segment(process_addr).filter(|segment| segment.executable)?;
        let linked = self.linked.get_or_init(|| link_map::linked(self.head, self.memory));
        linked.iter().find_map(|linked| {
            let module = self.modules.get(linked.file)?;
            let mapping = self.mappings.iter().find(|mapping| mapping.file == linked.file)?;
            let elf = self.contents(mapping, module).elf.as_ref()?;
            let svma = process_addr.wrapping_sub(linked.bias);
            let is_there = elf.is_code(svma) && self.has_the_code(elf, svma, process_addr);
            is_there.then_some(ModuleAddress { module, index: linked.file, svma: Some(svma) })
        })
    }

    /// Whether the code around this address is the file's; code has no relocations.
    fn has_the_code(&self, elf: &Elf<'data>, svma: u64, process_addr: u64) -> bool {
        const AROUND: u64 = 32;
        // At either end of the code there is less.
        let before =
            (0..=AROUND).rev().find(|count| elf.is_code(svma.wrapping_sub(*count))).unwrap_or_default();
        let Some(bytes) = elf.bytes_at(svma.wrapping_sub(before)) else { return false };
        let count = usize::try_from(before.saturating_add(AROUND)).unwrap_or_default();
        let expected = bytes.get(..count).unwrap_or(bytes);
        let mut found = vec![0; expected.len()];
        self.memory.read(process_addr.wrapping_sub(before), &mut found) && found == expected
    }

    fn open(&self, mapping: &FileMapping, module: &Module<'data>) -> Contents<'data> {
        let page = self.first_page(mapping.file);
        let beginning = page.as_ref().and_then(|page| Beginning::read(page)).unwrap_or_default();
        let elf = self.files.mapped(mapping, &module.path).and_then(|file| {
            let elf = Elf::parse(file.bytes).ok()?;
            let evidence = Evidence {
                build_id: beginning.build_id.as_ref(),
                first_page: page.as_ref(),
                deleted: module.deleted,
                mappings: &self.mappings,
                mapping,
                memory: self.memory,
            };
            evidence.proves(&file, &elf).then_some(elf)
        });
        Contents { elf, beginning }
    }

    /// The first page of a mapped file, if that is in memory.
    fn first_page(&self, file: usize) -> Option<[u8; FIRST_PAGE_BYTES]> {
        let mapping =
            self.mappings.iter().find(|mapping| mapping.file == file && mapping.file_offset == 0)?;
        let mut page = [0; FIRST_PAGE_BYTES];
        self.memory.read(mapping.start, &mut page).then_some(page)
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
        match self.segment(process_addr) {
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

    fn stack_at(&self, process_addr: u64) -> Option<Range<u64>> {
        self.segment(process_addr)
            .filter(|segment| segment.readable)
            .map(|segment| segment.start..segment.end)
    }

    fn debug_file(&self, module: usize) -> Option<&Elf<'data>> {
        self.debug_file_of(module)
    }

    fn go_table(&self, module: usize) -> Option<&GoTable<'data>> {
        self.get(module)?.go_table()
    }
}
