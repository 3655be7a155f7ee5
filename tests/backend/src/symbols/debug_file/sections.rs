//! The sections of DWARF, unpacked within a bound.

use std::borrow::Cow;

use gimli::{Dwarf, DwarfSections, EndianSlice, RunTimeEndian, SectionId};
use object::{File, Object, ObjectSection};

use crate::symbols::limits::UNPACKED_BYTES;

/// What DWARF is read by.
pub(super) type Reader<'a> = EndianSlice<'a, RunTimeEndian>;

type Bytes<'a> = Cow<'a, [u8]>;

/// The sections of a file, and of what it shares with others.
pub(super) struct Sections<'a> {
    own: DwarfSections<Bytes<'a>>,
    shared: Option<DwarfSections<Bytes<'a>>>,
}

impl<'a> Sections<'a> {
    /// Reads them; nothing if that is out of order, or more than its bound unpacked.
    pub(super) fn load(file: &File<'a>, supplement: Option<&File<'a>>) -> Option<Self> {
        let mut room = UNPACKED_BYTES;
        let own = load(file, &mut room)?;
        let shared = match supplement {
            Some(supplement) => Some(load(supplement, &mut room)?),
            None => None,
        };
        Some(Self { own, shared })
    }

    pub(super) fn dwarf(&self, file: &File<'_>) -> Dwarf<Reader<'_>> {
        let endian = if file.is_little_endian() { RunTimeEndian::Little } else { RunTimeEndian::Big };
        self.own.borrow_with_sup(self.shared.as_ref(), |bytes| EndianSlice::new(bytes, endian))
    }
}

fn load<'a>(file: &File<'a>, room: &mut u64) -> Option<DwarfSections<Bytes<'a>>> {
    DwarfSections::load(|id: SectionId| {
        let Some(section) = file.section_by_name(id.name()) else { return Ok(Cow::Borrowed(&[][..])) };
        let data = section.compressed_data().map_err(drop)?;
        if data.format != object::CompressionFormat::None {
            // Before any memory is taken for it.
            *room = room.checked_sub(data.uncompressed_size).ok_or(())?;
        }
        data.decompress().map_err(drop)
    })
    .ok()
}
