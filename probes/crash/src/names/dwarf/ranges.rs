//! Ranges of addresses: which of them are of this module, and what they hold.

use super::root::Root;
use super::{Sections, Slice};
use crate::elf::Elf;
use gimli::{
    Attribute, AttributeValue, DebugAddr, DebugAddrBase, DebugRanges, DebugRngLists, Encoding, LittleEndian,
    RangeLists, RangeListsOffset, constants,
};

/// Ranges of one function or unit that are read; a unit of `-ffunction-sections` has one a function.
const RANGES: usize = 1 << 16;

/// Bytes of a compressed section that are read for a list, by and by.
const LIST_BYTES: [usize; 3] = [1 << 12, 1 << 16, 1 << 20];

/// Largest `.debug_addr` that is unpacked as a whole.
const ADDRESSES_BYTES: u64 = 4 << 20;

/// A number of an attribute, or where it is.
#[derive(Clone, Copy, Debug)]
enum Value {
    Address(u64),
    AddressIndex(u64),
    Number(u64),
    ListOffset(u64),
    ListIndex(u64),
}

/// The attributes of an entry that say where its code is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extent {
    low: Option<Value>,
    high: Option<Value>,
    ranges: Option<Value>,
}

impl Extent {
    /// Takes an attribute, if it is one of these.
    pub(super) fn take(&mut self, attribute: &Attribute<Slice<'_>>) {
        let value = match attribute.value() {
            AttributeValue::Addr(address) => Some(Value::Address(address)),
            AttributeValue::DebugAddrIndex(index) => Some(Value::AddressIndex(index.0 as u64)),
            AttributeValue::RangeListsRef(offset) => Some(Value::ListOffset(offset.0 as u64)),
            AttributeValue::SecOffset(offset) => Some(Value::ListOffset(offset as u64)),
            AttributeValue::DebugRngListsIndex(index) => Some(Value::ListIndex(index.0 as u64)),
            other => other.udata_value().map(Value::Number),
        };
        match attribute.name() {
            constants::DW_AT_low_pc => self.low = value,
            constants::DW_AT_high_pc => self.high = value,
            constants::DW_AT_ranges => self.ranges = value,
            _ => {}
        }
    }
}

/// Whether a range may be of code of the module. Debug data of functions that a linker dropped stays, with a begin of 0, 1,
/// -1, -2, or what was added to these.
pub(super) fn is_code(module: &Elf<'_>, begin: u64, end: u64) -> bool {
    module.loads.iter().any(|load| {
        load.executable
            && begin >= load.svma
            && end > begin
            && end <= load.svma.saturating_add(load.memory_bytes)
    })
}

/// What leads from the attributes of a unit to its ranges.
pub(super) struct Places<'s, 'a> {
    pub(super) sections: &'s Sections<'a>,
    /// Of the file that has the skeleton of this unit, or the same.
    pub(super) skeleton: &'s Sections<'a>,
    pub(super) module: &'s Elf<'a>,
    pub(super) encoding: Encoding,
    pub(super) low: u64,
    pub(super) addr_base: u64,
    pub(super) rnglists_base: u64,
    pub(super) ranges_base: u64,
}

impl<'s, 'a> Places<'s, 'a> {
    /// Those of a unit whose first entry this is.
    pub(super) fn new(sections: &'s Sections<'a>, module: &'s Elf<'a>, root: &Root<'_>) -> Self {
        let mut places = Self {
            sections,
            skeleton: sections,
            module,
            encoding: root.encoding,
            low: 0,
            addr_base: root.addr_base.unwrap_or_default(),
            rnglists_base: root.rnglists_base,
            // Those of its own entries are whole; the base is for those of the other file.
            ranges_base: 0,
        };
        places.low = root.extent.low.and_then(|low| places.address(low)).unwrap_or_default();
        places
    }

    /// The ranges of an entry, without those that are not of this module.
    pub(super) fn ranges(&self, extent: &Extent) -> Vec<(u64, u64)> {
        let mut found = match extent.ranges {
            Some(list) => self.listed(list).unwrap_or_default(),
            None => self.single(extent).into_iter().collect(),
        };
        found.retain(|(begin, end)| is_code(self.module, *begin, *end));
        found
    }

    fn single(&self, extent: &Extent) -> Option<(u64, u64)> {
        let begin = self.address(extent.low?)?;
        let end = match extent.high? {
            Value::Number(length) => begin.checked_add(length)?,
            high => self.address(high)?,
        };
        Some((begin, end))
    }

    /// An address, by itself or by its number.
    fn address(&self, value: Value) -> Option<u64> {
        match value {
            Value::Address(address) => Some(address),
            Value::AddressIndex(index) => {
                let offset = self.addr_base.checked_add(index.checked_mul(8)?)?;
                let bytes = self.skeleton.addr.read(offset, 8)?;
                bytes.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
            }
            _ => None,
        }
    }

    fn listed(&self, list: Value) -> Option<Vec<(u64, u64)>> {
        let is_new = self.encoding.version >= 5;
        let offset = match list {
            Value::ListOffset(offset) | Value::Number(offset) if is_new => offset,
            Value::ListOffset(offset) | Value::Number(offset) => offset.checked_add(self.ranges_base)?,
            Value::ListIndex(index) => {
                let size = u64::from(self.encoding.format.word_size());
                let place = self.rnglists_base.checked_add(index.checked_mul(size)?)?;
                let offset = number(self.sections.rnglists.read(place, 8)?, size)?;
                self.rnglists_base.checked_add(offset)?
            }
            Value::Address(_) | Value::AddressIndex(_) => return None,
        };
        // Lists of the old form stay in the file with the skeleton.
        let section = if is_new { &self.sections.rnglists } else { &self.skeleton.ranges };
        LIST_BYTES.into_iter().find_map(|count| self.read_list(section.read(offset, count)?, is_new))
    }

    /// The list that these bytes begin with; none if they end before it does.
    fn read_list(&self, bytes: &'a [u8], is_new: bool) -> Option<Vec<(u64, u64)>> {
        let (old, new): (&[u8], &[u8]) = if is_new { (&[], bytes) } else { (bytes, &[]) };
        let lists =
            RangeLists::new(DebugRanges::new(old, LittleEndian), DebugRngLists::new(new, LittleEndian));
        let addresses = if is_new { self.skeleton.addr.whole(ADDRESSES_BYTES)? } else { &[] };
        let addresses = DebugAddr::from(Slice::new(addresses, LittleEndian));
        let base = DebugAddrBase(usize::try_from(self.addr_base).ok()?);
        let mut entries =
            lists.ranges(RangeListsOffset(0), self.encoding, self.low, &addresses, base).ok()?;
        let mut found = Vec::new();
        while let Some(range) = entries.next().ok()? {
            if found.len() >= RANGES {
                break;
            }
            found.push((range.begin, range.end));
        }
        Some(found)
    }
}

/// A number of 4 or 8 bytes.
pub(super) fn number(bytes: &[u8], size: u64) -> Option<u64> {
    Some(match size {
        4 => u32::from_le_bytes(*bytes.first_chunk()?).into(),
        _ => u64::from_le_bytes(*bytes.first_chunk()?),
    })
}
