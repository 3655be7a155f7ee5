//! A single file of split DWARF (`.dwo`): the functions of one source file, which the compiler left beside its object.

use std::sync::Arc;

use gimli::{Dwarf, DwarfSections, DwoId, EndianSlice, RunTimeEndian, Section, SectionId};
use object::File;

use super::sections::{Bytes, Reader, endian_of, unpacked};

/// Its sections, unpacked within a bound.
pub(super) struct UnitFile<'a> {
    sections: DwarfSections<Bytes<'a>>,
    endian: RunTimeEndian,
}

impl<'a> UnitFile<'a> {
    /// Reads them; nothing if that is out of order, or more than there is `room` for.
    pub(super) fn load(bytes: &'a [u8], room: &mut u64) -> Option<Self> {
        let file = File::parse(bytes).ok()?;
        let section = |id: SectionId| {
            let Some(name) = id.dwo_name() else { return Ok(Bytes::Borrowed(&[][..])) };
            unpacked(&file, name, room)
        };
        let sections = DwarfSections::load(section).ok()?;
        Some(Self { sections, endian: endian_of(&file) })
    }

    /// Its unit of an id, if it has one: another compilation left a file of the same name.
    pub(super) fn find<'b>(
        &'b self,
        id: DwoId,
        parent: &Dwarf<Reader<'b>>,
    ) -> Option<Arc<Dwarf<Reader<'b>>>> {
        let slice = |bytes: &'b Bytes<'a>| EndianSlice::new(bytes, self.endian);
        let mut dwarf = self.sections.borrow(slice);
        dwarf.make_dwo(parent);
        let mut headers = dwarf.units();
        while let Ok(Some(header)) = headers.next() {
            // Before version 5 the id is an attribute.
            if dwarf.unit(header).ok().and_then(|unit| unit.dwo_id) != Some(id) {
                continue;
            }
            // Others may stand before it; who looks up takes the first.
            let offset = header.debug_info_offset()?.0;
            let rest = dwarf.debug_info.reader().slice().get(offset..)?;
            dwarf.debug_info = gimli::DebugInfo::new(rest, self.endian);
            return Some(Arc::new(dwarf));
        }
        None
    }
}
