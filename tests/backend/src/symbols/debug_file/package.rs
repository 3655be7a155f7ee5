//! The package of a program's split DWARF (`.dwp`): its functions, apart from what is in the program.

use std::sync::Arc;

use addr2line::{LookupContinuation, LookupResult};
use gimli::{Dwarf, DwarfPackage, DwarfPackageSections, EndianSlice, RunTimeEndian};
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

/// Ends a look-up with the units of a package; those that it has not are left out.
pub(super) fn finish<'a, L>(
    mut result: LookupResult<L>,
    package: Option<&DwarfPackage<Reader<'a>>>,
) -> L::Output
where
    L: LookupContinuation<Buf = Reader<'a>>,
{
    loop {
        match result {
            LookupResult::Output(output) => return output,
            LookupResult::Load { load, continuation } => {
                let unit = |package: &DwarfPackage<Reader<'a>>| -> Option<Dwarf<Reader<'a>>> {
                    package.find_cu(load.dwo_id, &load.parent).ok().flatten()
                };
                result = continuation.resume(package.and_then(unit).map(Arc::new));
            }
        }
    }
}
