//! From addresses to functions, files and lines.
//!
//! A module's names come from where they are, the best first: DWARF of a separate debug file, or its own; the symbol
//! table of either; mini debug information (`.gnu_debugdata`); the dynamic symbol table; the stubs of the PLT.

mod debug_file;
mod lines;
mod plt;
mod shown;
mod symbols;

use super::elf::Elf;
use super::limits::DEBUG_DATA_BYTES;
use super::modules::Files;
use lines::Lines;
use std::cell::Cell;
use std::collections::HashMap;
use typed_arena::Arena;

/// Decompressed debug data, which lives as long as the names that are read in it.
#[derive(Default)]
pub struct DebugData {
    buffers: Arena<Vec<u8>>,
    bytes: Cell<u64>,
}

impl DebugData {
    /// How much more may be kept.
    fn room(&self) -> u64 {
        DEBUG_DATA_BYTES.saturating_sub(self.bytes.get())
    }

    fn keep(&self, buffer: Vec<u8>) -> &[u8] {
        self.bytes.set(self.bytes.get().saturating_add(buffer.len() as u64));
        self.buffers.alloc(buffer)
    }
}

/// A function that an address belongs to. An inlined call gives several for one address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name {
    /// The function, demangled; none if no symbol covers the address.
    pub function: Option<String>,
    /// Base name of the source file, and line.
    pub location: Option<(String, u32)>,
    /// Whether it was inlined into the next one.
    pub inlined: bool,
}

/// Names the addresses of modules.
pub struct Names<'a, 'data> {
    files: &'a dyn Files<'data>,
    data: &'a DebugData,
    modules: HashMap<usize, ModuleNames<'a>>,
}

/// Where the names of a module are.
struct ModuleNames<'a> {
    lines: Option<Lines<'a>>,
    /// Files with symbols: the debug file, and the mini debug information.
    others: Vec<Elf<'a>>,
}

impl<'a, 'data> Names<'a, 'data> {
    /// Names that are read in the modules and in these files.
    pub fn new(files: &'a dyn Files<'data>, data: &'a DebugData) -> Self {
        Self { files, data, modules: HashMap::new() }
    }

    /// The functions of an address of the module with this number, the innermost inlined call first. There is always
    /// at least one, maybe without a name.
    pub fn resolve(&mut self, module: usize, elf: &Elf<'data>, module_path: &str, svma: u64) -> Vec<Name> {
        let (files, data) = (self.files, self.data);
        let names =
            self.modules.entry(module).or_insert_with(|| ModuleNames::new(elf, module_path, files, data));
        let mut found = names.lines.as_ref().map(|lines| lines.find(svma)).unwrap_or_default();
        if found.is_empty() {
            found.push(Name::default());
        }
        // DWARF of assembler has lines and no functions.
        if let Some(outermost) = found.last_mut().filter(|name| name.function.is_none()) {
            outermost.function = names.symbol(elf, svma).map(|name| shown::function(&name));
        }
        found
    }
}

impl<'a> ModuleNames<'a> {
    fn new<'data: 'a>(
        elf: &Elf<'data>,
        module_path: &str,
        files: &dyn Files<'data>,
        data: &'a DebugData,
    ) -> Self {
        let debug_file = debug_file::find(elf, module_path, files);
        let with_lines: [Option<&Elf<'a>>; 2] = [debug_file.as_ref(), Some(elf)];
        let with_lines = with_lines.into_iter().flatten().find(|elf| elf.section(".debug_info").is_some());
        let supplement = with_lines.and_then(|elf| debug_file::supplement(elf, files));
        let lines = with_lines.and_then(|elf| Lines::new(elf, supplement.as_ref(), data));
        let mini = || debug_file::mini_debug_info(elf, data);
        let has_symbols = elf.section(".symtab").is_some();
        let others = debug_file.or_else(|| if has_symbols { None } else { mini() });
        Self { lines, others: others.into_iter().collect() }
    }

    fn symbol(&self, elf: &Elf<'_>, svma: u64) -> Option<String> {
        let in_others = self.others.iter().find_map(|other| symbols::find(other, svma));
        in_others.or_else(|| symbols::find(elf, svma)).or_else(|| plt::find(elf, svma))
    }
}

#[cfg(test)]
mod tests;
