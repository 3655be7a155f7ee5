//! Functions, inlined calls and source lines, from DWARF.
//!
//! ```text
//!  address ──▶ .debug_aranges, or the heads of all units ──▶ units
//!  unit ──▶ functions whose ranges hold the address, and the calls inlined there
//!  unit ──▶ the row of its line program, which is run and not kept
//! ```
//!
//! Only the units that are needed are read. What is too big, or damaged, costs lines: the symbol tables still name it.

mod attributes;
mod functions;
mod ranges;
mod root;
mod rows;
mod split;
mod text;
mod units;

use super::section::Section;
use super::{DebugData, Name, Wanted, shown};
use crate::elf::Elf;
use crate::files::Files;
use functions::Chain;
use gimli::{EndianSlice, LittleEndian};
use text::Text;
use units::{Unit, UnitList};

pub(super) type Slice<'a> = EndianSlice<'a, LittleEndian>;

/// The sections of one file, or of one unit of a package.
pub(super) struct Sections<'a> {
    info: Section<'a>,
    abbrev: Section<'a>,
    aranges: Section<'a>,
    line: Section<'a>,
    line_str: Section<'a>,
    string: Section<'a>,
    str_offsets: Section<'a>,
    addr: Section<'a>,
    ranges: Section<'a>,
    rnglists: Section<'a>,
}

impl<'a> Sections<'a> {
    fn of(elf: &Elf<'a>, data: &'a DebugData) -> Self {
        let section = |name| Section::of(elf, name, data);
        Self {
            info: section(".debug_info"),
            abbrev: section(".debug_abbrev"),
            aranges: section(".debug_aranges"),
            line: section(".debug_line"),
            line_str: section(".debug_line_str"),
            string: section(".debug_str"),
            str_offsets: section(".debug_str_offsets"),
            addr: section(".debug_addr"),
            ranges: section(".debug_ranges"),
            rnglists: section(".debug_rnglists"),
        }
    }
}

/// Where a module's DWARF comes from.
pub(super) struct Source<'s, 'a, 'data> {
    /// The module itself, whose segments say what is code.
    pub(super) module: &'s Elf<'a>,
    /// The file with the DWARF.
    pub(super) file: &'s Elf<'a>,
    /// What it shares with others.
    pub(super) supplement: Option<&'s Elf<'a>>,
    pub(super) module_path: &'s str,
    pub(super) files: &'s dyn Files<'data>,
    pub(super) data: &'a DebugData,
}

/// What DWARF says of an address.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    /// The functions, the innermost first; the last one has no name where DWARF has only lines (assembler).
    pub(super) names: Vec<Name>,
    /// Where the ranges of the outermost function begin; empty without a function.
    pub(super) begins: Vec<u64>,
    /// Whether the function was written in assembler, whose debug data has any one of its names.
    pub(super) is_assembler: bool,
}

/// What DWARF says of each address: every answer that it has, since debug data of functions that were dropped may claim
/// the addresses of others.
pub(super) fn find<'a, 'data: 'a>(source: &Source<'_, 'a, 'data>, wanted: &[Wanted]) -> Vec<Vec<Answer>> {
    let sections = Sections::of(source.file, source.data);
    let supplement = source.supplement.map(|elf| Sections::of(elf, source.data));
    let list = UnitList::new(&sections, source.module);
    let mut drafts: Vec<Draft<'a>> = Vec::new();
    for (offset, numbers) in list.units_of(wanted) {
        let Some(unit) = Unit::load(&sections, offset, source.module) else { continue };
        let addresses: Vec<u64> = numbers.iter().filter_map(|n| wanted.get(*n)).map(|w| w.svma).collect();
        let split_sections = split::sections(source, &unit, &sections);
        let split = split_sections.as_ref().and_then(|split| split::load(split, &unit));
        let of_functions = split.as_ref().unwrap_or(&unit);
        let context = Context { list: &list, supplement: supplement.as_ref(), unit: of_functions };
        let found = functions::find(&context, &addresses);
        // Which functions there are is in a file that is not there: their lines would be given to others.
        let has_lines = split.is_some() || !unit.is_skeleton();
        let (rows, files) =
            if has_lines { rows::find(&unit, &addresses, &found) } else { Default::default() };
        let rows = rows.into_iter().chain(std::iter::repeat(None));
        for ((number, chains), row) in numbers.iter().zip(found).zip(rows) {
            let draft = |chain| Draft {
                number: *number,
                chain,
                row,
                files: files.clone(),
                is_assembler: unit.root.is_assembler,
            };
            let only_line = chains.is_empty() && row.is_some();
            if only_line && wanted.get(*number).is_some_and(|wanted| unit.covers(wanted.svma)) {
                drafts.push(draft(None));
            }
            drafts.extend(chains.into_iter().map(|chain| draft(Some(chain))));
        }
    }
    // In one pass over each section of strings, which may be compressed.
    let mut texts: Vec<&Text<'a>> = drafts.iter().flat_map(Draft::texts).collect();
    texts.sort_by_key(|text| text.offset());
    let strings = text::Strings::new(&sections, supplement.as_ref());
    for text in texts {
        let _ = strings.read(text);
    }
    let mut answers = vec![Vec::new(); wanted.len()];
    for draft in &drafts {
        if let Some(answers) = answers.get_mut(draft.number) {
            answers.push(draft.answer(&strings));
        }
    }
    answers
}

/// What is needed to follow references out of a unit.
pub(super) struct Context<'c, 'a> {
    list: &'c UnitList<'c, 'a>,
    supplement: Option<&'c Sections<'a>>,
    unit: &'c Unit<'c, 'a>,
}

/// A row of a line program: number of the file, line.
type Row = (u64, u32);

/// An answer whose strings are not read yet.
struct Draft<'a> {
    number: usize,
    chain: Option<Chain<'a>>,
    row: Option<Row>,
    files: Vec<(u64, Text<'a>)>,
    is_assembler: bool,
}

impl<'a> Draft<'a> {
    fn texts(&self) -> impl Iterator<Item = &Text<'a>> {
        let names = self.chain.iter().flat_map(|chain| &chain.calls).flat_map(|call| call.name.texts());
        names.chain(self.files.iter().map(|(_, name)| name))
    }

    fn location(&self, row: Option<Row>, strings: &text::Strings<'_, 'a>) -> Option<(String, u32)> {
        let (file, line) = row?;
        let (_, name) = self.files.iter().find(|(number, _)| *number == file)?;
        let path = String::from_utf8_lossy(strings.read(name)?).into_owned();
        let base = path.rsplit('/').next()?;
        (line > 0).then(|| (shown::text(base), line))
    }

    fn answer(&self, strings: &text::Strings<'_, 'a>) -> Answer {
        let Some(chain) = &self.chain else {
            let name = Name { function: None, location: self.location(self.row, strings), inlined: false };
            return Answer { names: vec![name], ..Answer::default() };
        };
        let mut row = self.row;
        let mut names = Vec::new();
        for (depth, call) in chain.calls.iter().enumerate().rev() {
            let function = call.name.read(strings);
            let function = function.map(|name| shown::function(&String::from_utf8_lossy(name)));
            names.push(Name { function, location: self.location(row, strings), inlined: depth > 0 });
            row = call.site;
        }
        // Without a name for an inlined call there is nothing to report of it.
        names.retain(|name| !name.inlined || name.function.is_some());
        Answer { names, begins: chain.begins.clone(), is_assembler: self.is_assembler }
    }
}
