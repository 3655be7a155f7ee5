//! The sections of DWARF, unpacked within a bound.

use std::borrow::Cow;

use gimli::{Dwarf, DwarfSections, EndianSlice, RunTimeEndian, SectionId};
use object::{File, Object, ObjectSection};

/// What DWARF is read by.
pub(super) type Reader<'a> = EndianSlice<'a, RunTimeEndian>;

/// A section, unpacked where it was packed.
pub(super) type Bytes<'a> = Cow<'a, [u8]>;

/// The sections of a file, and of what it shares with others.
pub(super) struct Sections<'a> {
    own: DwarfSections<Bytes<'a>>,
    shared: Option<DwarfSections<Bytes<'a>>>,
}

impl<'a> Sections<'a> {
    /// Reads them; nothing if that is out of order, or more than there is `room` for unpacked.
    pub(super) fn load(file: &File<'a>, supplement: Option<&File<'a>>, room: &mut u64) -> Option<Self> {
        let own = load(file, room)?;
        let shared = match supplement {
            Some(supplement) => Some(load(supplement, room)?),
            None => None,
        };
        Some(Self { own, shared })
    }

    pub(super) fn dwarf(&self, file: &File<'_>) -> Dwarf<Reader<'_>> {
        let endian = endian_of(file);
        self.own.borrow_with_sup(self.shared.as_ref(), |bytes| EndianSlice::new(bytes, endian))
    }
}

fn load<'a>(file: &File<'a>, room: &mut u64) -> Option<DwarfSections<Bytes<'a>>> {
    DwarfSections::load(|id: SectionId| unpacked(file, id.name(), room)).ok()
}

/// A section; one that is not there is empty.
pub(super) fn unpacked<'a>(file: &File<'a>, name: &str, room: &mut u64) -> Result<Bytes<'a>, ()> {
    let Some(section) = file.section_by_name(name) else { return Ok(Cow::Borrowed(&[][..])) };
    let data = section.compressed_data().map_err(drop)?;
    if data.format != object::CompressionFormat::None {
        // Before any memory is taken for it.
        *room = room.checked_sub(data.uncompressed_size).ok_or(())?;
    }
    data.decompress().map_err(drop)
}

pub(super) fn endian_of(file: &File<'_>) -> RunTimeEndian {
    if file.is_little_endian() { RunTimeEndian::Little } else { RunTimeEndian::Big }
}
