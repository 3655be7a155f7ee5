//! From addresses to functions, files and lines.
//!
//! A module's names come from where they are, the best first: DWARF of a separate debug file, or its own; the symbol
//! table of either; mini debug information (`.gnu_debugdata`); the dynamic symbol table; the stubs of the PLT. Where DWARF
//! and the symbol table contradict each other, the symbol is reported without a line: debug data of a function that a linker
//! dropped may claim the addresses of another one.

mod dwarf;
mod plt;
mod section;
mod shown;
mod symbols;

use super::debug_files;
use super::elf::Elf;
use super::files::Files;
use super::go::GoTable;
use super::limits::DEBUG_DATA_BYTES;
use dwarf::{Answer, Source};
use std::cell::Cell;
use symbols::Symbols;
use typed_arena::Arena;

/// Decompressed debug data of one module, which lives as long as its names are read.
#[derive(Default)]
struct DebugData {
    buffers: Arena<Vec<u8>>,
    bytes: Cell<u64>,
    inflated: Cell<u64>,
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

/// An address to name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Wanted {
    /// The linker's address.
    pub svma: u64,
    /// Whether only a symbol that says how long it is may name it.
    pub needs_size: bool,
}

/// A module whose addresses are named.
#[derive(Clone, Copy)]
pub struct NamedModule<'m, 'data> {
    /// Its file.
    pub elf: &'m Elf<'data>,
    /// Its separate debug file.
    pub debug_file: Option<&'m Elf<'data>>,
    /// Its table of functions, if it is a program of Go.
    pub go_table: Option<&'m GoTable<'data>>,
    /// Its path.
    pub path: &'m str,
}

/// The functions of each address of a module, the innermost inlined call first. There is always at least one, maybe
/// without a name.
pub fn resolve<'data>(
    module: NamedModule<'_, 'data>,
    files: &dyn Files<'data>,
    wanted: &[Wanted],
) -> Vec<Vec<Name>> {
    let data = DebugData::default();
    let NamedModule { elf, debug_file, go_table, path } = module;
    let mini = || debug_files::mini_debug_info(elf, data.room()).map(|bytes| data.keep(bytes));
    let has_symbols = debug_file.is_some() || elf.section(".symtab").is_some();
    let mini = if has_symbols { None } else { mini() }.and_then(|bytes| Elf::parse(bytes).ok());
    let mut symbols = Symbols::find(debug_file.into_iter().chain(mini.as_ref()), elf, wanted);
    if let Some(table) = go_table {
        symbols.prefer(wanted, |svma| table.find(svma).map(|function| function.plain_name().to_owned()));
    }
    let with_dwarf = debug_file.into_iter().chain([elf]).find(|elf| elf.section(".debug_info").is_some());
    let answers = with_dwarf.map(|file| {
        let supplement = debug_files::supplement(file, path, files);
        let source = Source {
            module: elf,
            file,
            supplement: supplement.as_ref(),
            module_path: path,
            files,
            data: &data,
        };
        dwarf::find(&source, wanted)
    });
    let mut answers = answers.unwrap_or_default().into_iter();
    let answers = wanted.iter().map(|_| answers.next().unwrap_or_default());
    wanted
        .iter()
        .zip(answers)
        .enumerate()
        .map(|(number, (_, answers))| choose(answers, &symbols, number))
        .collect()
}

/// What is reported of an address.
fn choose(answers: Vec<Answer>, symbols: &Symbols, number: usize) -> Vec<Name> {
    let symbol = || Name { function: symbols.name(number), ..Name::default() };
    let agreeing = answers.into_iter().find(|answer| symbols.agree(number, &answer.begins));
    let Some(Answer { mut names, is_assembler, .. }) = agreeing else { return vec![symbol()] };
    match names.last_mut() {
        None => names.push(symbol()),
        // DWARF of assembler has lines and no functions, or one of the names that others know better.
        Some(outermost) if outermost.function.is_none() || is_assembler => {
            outermost.function = symbols.name(number).or_else(|| outermost.function.take());
        }
        Some(_) => {}
    }
    names
}

#[cfg(test)]
mod tests;
