//! The first entry of a unit, which says where everything else of it is.

use super::Slice;
use super::ranges::Extent;
use gimli::{
    Abbreviations, Attribute, AttributeValue, DebugRngListsBase, DebugStrOffsetsBase, DwarfFileType,
    Encoding, UnitHeader, UnitType, constants,
};

/// What the first entry says.
pub(super) struct Root<'h> {
    pub(super) encoding: Encoding,
    pub(super) extent: Extent,
    /// Whether it was written in assembler.
    pub(super) is_assembler: bool,
    /// Offset of its line program.
    pub(super) line: Option<u64>,
    pub(super) addr_base: Option<u64>,
    pub(super) str_offsets_base: u64,
    pub(super) rnglists_base: u64,
    pub(super) ranges_base: u64,
    /// Where it was compiled.
    pub(super) directory: Option<AttributeValue<Slice<'h>>>,
    /// The file that has its functions, if another one has them.
    pub(super) dwo_name: Option<AttributeValue<Slice<'h>>>,
    /// What that file is known by.
    pub(super) dwo_id: Option<u64>,
}

impl<'h> Root<'h> {
    pub(super) fn read(header: &UnitHeader<Slice<'h>>, abbreviations: &Abbreviations) -> Option<Self> {
        let (dwo_id, file_type) = match header.type_() {
            UnitType::Skeleton(id) => (Some(id.0), DwarfFileType::Main),
            UnitType::SplitCompilation(id) => (Some(id.0), DwarfFileType::Dwo),
            UnitType::Compilation | UnitType::Partial => (None, DwarfFileType::Main),
            _ => return None,
        };
        let encoding = header.encoding();
        let mut root = Self {
            encoding,
            extent: Extent::default(),
            is_assembler: false,
            line: None,
            addr_base: None,
            str_offsets_base: DebugStrOffsetsBase::<usize>::default_for_encoding_and_file(encoding, file_type)
                .0 as u64,
            rnglists_base: DebugRngListsBase::<usize>::default_for_encoding_and_file(encoding, file_type).0
                as u64,
            ranges_base: 0,
            directory: None,
            dwo_name: None,
            dwo_id,
        };
        let mut entries = header.entries_raw(abbreviations, None).ok()?;
        let abbreviation = entries.read_abbreviation().ok()??;
        for specification in abbreviation.attributes() {
            root.take(&entries.read_attribute(*specification).ok()?);
        }
        Some(root)
    }

    fn take(&mut self, attribute: &Attribute<Slice<'h>>) {
        let value = attribute.value();
        self.extent.take(attribute);
        match (attribute.name(), value) {
            (constants::DW_AT_stmt_list, AttributeValue::DebugLineRef(offset)) => {
                self.line = Some(offset.0 as u64)
            }
            (
                constants::DW_AT_addr_base | constants::DW_AT_GNU_addr_base,
                AttributeValue::DebugAddrBase(base),
            ) => {
                self.addr_base = Some(base.0 as u64);
            }
            (constants::DW_AT_str_offsets_base, AttributeValue::DebugStrOffsetsBase(base)) => {
                self.str_offsets_base = base.0 as u64;
            }
            (constants::DW_AT_rnglists_base, AttributeValue::DebugRngListsBase(base)) => {
                self.rnglists_base = base.0 as u64;
            }
            (constants::DW_AT_GNU_ranges_base, AttributeValue::RangeListsRef(base)) => {
                self.ranges_base = base.0 as u64;
            }
            (constants::DW_AT_language, AttributeValue::Language(language)) => {
                self.is_assembler = language == constants::DW_LANG_Mips_Assembler;
            }
            (constants::DW_AT_comp_dir, value) => self.directory = Some(value),
            (constants::DW_AT_dwo_name | constants::DW_AT_GNU_dwo_name, value) => self.dwo_name = Some(value),
            (constants::DW_AT_GNU_dwo_id, AttributeValue::DwoId(id)) => {
                self.dwo_id = self.dwo_id.or(Some(id.0))
            }
            _ => {}
        }
    }
}
