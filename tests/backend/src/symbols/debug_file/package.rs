//! The package of a program's split DWARF (`.dwp`): its functions, apart from what is in the program.

use gimli::{DwarfPackage, DwarfPackageSections, EndianSlice, RunTimeEndian};
use object::File;

use super::sections::{Bytes, Reader, endian_of, unpacked};

/// Its sections, unpacked within a bound.
pub(super) struct Package<'a> {
    sections: DwarfPackageSections<Bytes<'a>>,
    endian: RunTimeEndian,
}

impl<'a> Package<'a> {
    /// Reads them; nothing if that is out of order, or more than there is `room` for.
    pub(super) fn load(bytes: &'a [u8], room: &mut u64) -> Option<Self> {
        let file = File::parse(bytes).ok()?;
        let section = |id: gimli::SectionId| {
            let Some(name) = id.dwo_name() else { return Ok(Bytes::Borrowed(&[][..])) };
            unpacked(&file, name, room).map_err(|()| gimli::Error::Io)
        };
        let sections = DwarfPackageSections::load(section).ok()?;
        Some(Self { sections, endian: endian_of(&file) })
    }

    /// With its index read.
    pub(super) fn borrow(&self) -> Option<DwarfPackage<Reader<'_>>> {
        self.sections
            .borrow(|bytes| EndianSlice::new(bytes, self.endian), EndianSlice::new(&[], self.endian))
            .ok()
    }
}
