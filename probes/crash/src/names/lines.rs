//! Source lines and inlined calls, from DWARF.

use super::{DebugData, Name, shown};
use crate::elf::Elf;
use addr2line::Context;
use gimli::{Dwarf, DwarfSections, EndianSlice, LittleEndian, SectionId};
use std::borrow::Cow;

/// Maximum of inlined calls at one address; compilers make a dozen or two.
const INLINED: usize = 32;

type Slice<'a> = EndianSlice<'a, LittleEndian>;

/// The DWARF of a module.
pub(super) struct Lines<'a>(Context<Slice<'a>>);

impl<'a> Lines<'a> {
    /// None if there is no DWARF that can be used, or too much of it is compressed.
    pub(super) fn new(elf: &Elf<'a>, supplement: Option<&Elf<'a>>, data: &'a DebugData) -> Option<Self> {
        let mut dwarf = load(elf, data)?;
        if let Some(shared) = supplement.and_then(|elf| load(elf, data)) {
            dwarf.set_sup(shared);
        }
        Context::from_dwarf(dwarf).ok().map(Self)
    }

    /// The functions at an address, the innermost first; empty if DWARF does not know it.
    pub(super) fn find(&self, svma: u64) -> Vec<Name> {
        let Ok(mut frames) = self.0.find_frames(svma).skip_all_loads() else { return Vec::new() };
        let mut names = Vec::new();
        while let Ok(Some(frame)) = frames.next() {
            if names.len() >= INLINED {
                break;
            }
            let function = frame.function.as_ref().and_then(|function| {
                let raw = function.raw_name().ok()?;
                Some(shown::function(&raw))
            });
            let location = frame.location.and_then(|location| {
                let file = location.file?.rsplit('/').next()?;
                Some((shown::text(file), location.line.filter(|line| *line > 0)?))
            });
            names.push(Name { function, location, inlined: true });
        }
        if let Some(outermost) = names.last_mut() {
            outermost.inlined = false;
        }
        // Without a name for an inlined call there is nothing to report of it.
        names.retain(|name| !name.inlined || name.function.is_some());
        names
    }
}

fn load<'a>(elf: &Elf<'a>, data: &'a DebugData) -> Option<Dwarf<Slice<'a>>> {
    let sections = DwarfSections::load(|id| section(elf, id, data).ok_or(())).ok()?;
    Some(sections.borrow(|bytes| EndianSlice::new(bytes, LittleEndian)))
}

/// Sections that say where variables are and what macros are: nothing that a report says.
const UNUSED: [SectionId; 5] = [
    SectionId::DebugLoc,
    SectionId::DebugLocLists,
    SectionId::DebugMacinfo,
    SectionId::DebugMacro,
    SectionId::DebugTypes,
];

/// A section's bytes, empty if it is not there or not needed; none if it cannot be decompressed within the limit.
fn section<'a>(elf: &Elf<'a>, id: SectionId, data: &'a DebugData) -> Option<&'a [u8]> {
    if UNUSED.contains(&id) || elf.section(id.name()).is_none() {
        return Some(&[]);
    }
    Some(match elf.section_data(id.name(), data.room())? {
        (_, Cow::Borrowed(bytes)) => bytes,
        (_, Cow::Owned(bytes)) => data.keep(bytes),
    })
}
