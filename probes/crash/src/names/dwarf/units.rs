//! Units: which of them an address belongs to, and one of them, loaded alone.

use super::ranges::{Places, is_code};
use super::root::Root;
use super::{Sections, Slice};
use crate::elf::Elf;
use crate::limits::{ABBREVIATIONS_BYTES, ARANGES_BYTES, UNIT_BYTES, UNITS};
use crate::names::Wanted;
use crate::names::section::Section;
use gimli::{
    Abbreviations, DebugAbbrev, DebugAbbrevOffset, DebugAranges, DebugInfo, EntriesRaw, LittleEndian,
    UnitHeader, UnitOffset, constants,
};
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

/// Units that may claim one address.
const CLAIMS: usize = 4;

/// Read of each unit to know its ranges: its header and its first entry.
const HEAD_BYTES: usize = 512;

/// Read of each abbreviation table, to know its first declaration.
const DECLARATION_BYTES: usize = 256;

/// The units of a file.
pub(super) struct UnitList<'s, 'a> {
    sections: &'s Sections<'a>,
    module: &'s Elf<'a>,
    /// Where units begin and end.
    bounds: OnceCell<Vec<(u64, u64)>>,
    shared_bounds: OnceCell<Vec<(u64, u64)>>,
}

impl<'s, 'a> UnitList<'s, 'a> {
    pub(super) fn new(sections: &'s Sections<'a>, module: &'s Elf<'a>) -> Self {
        Self { sections, module, bounds: OnceCell::new(), shared_bounds: OnceCell::new() }
    }

    /// The units that claim an address, by rising offset, each with the numbers of its addresses.
    pub(super) fn units_of(&self, wanted: &[Wanted]) -> BTreeMap<u64, Vec<usize>> {
        let mut found = Claims { units: BTreeMap::new(), claimed: vec![0; wanted.len()] };
        let listed = self.listed(wanted, &mut found);
        // What has none there may be in a unit that is not listed: other compilers write no list.
        if found.claimed.contains(&0) && !self.sections.info.is_empty() {
            self.by_heads(wanted, &listed, &mut found);
        }
        found.units
    }

    /// By `.debug_aranges`; returns the units that are listed there.
    fn listed(&self, wanted: &[Wanted], found: &mut Claims) -> BTreeSet<u64> {
        let mut listed = BTreeSet::new();
        let bytes = self.sections.aranges.whole(ARANGES_BYTES).unwrap_or_default();
        let section = DebugAranges::new(bytes, LittleEndian);
        let mut headers = section.headers();
        while let Ok(Some(header)) = headers.next() {
            let unit = header.debug_info_offset().0 as u64;
            listed.insert(unit);
            let mut entries = header.entries();
            while let Ok(Some(entry)) = entries.next() {
                let (begin, end) = (entry.range().begin, entry.range().end);
                if is_code(self.module, begin, end) {
                    found.claim(unit, wanted, |address| (begin..end).contains(&address));
                }
            }
        }
        listed
    }

    /// By the first entry of each unit, in one pass over all of them.
    fn by_heads(&self, wanted: &[Wanted], listed: &BTreeSet<u64>, found: &mut Claims) {
        let mut offset = 0;
        for _ in 0..UNITS {
            let mut head = [0; HEAD_BYTES];
            let count = self.sections.info.copy(offset, &mut head);
            let Some(head) = head.get_mut(..count) else { return };
            let Some(length) = unit_length(head) else { return };
            // A unit that is shorter than what was read ends where it ends.
            let own = usize::try_from(length).unwrap_or(usize::MAX).min(head.len());
            if !listed.contains(&offset)
                && let Some(head) = head.get_mut(..own)
                && let Some(ranges) = head_ranges(self.sections, head, self.module)
            {
                found.claim(offset, wanted, |address| {
                    ranges.iter().any(|(begin, end)| (*begin..*end).contains(&address))
                });
            }
            let Some(next) = offset.checked_add(length) else { return };
            offset = next;
        }
    }

    /// The unit that this offset of `.debug_info` lies in, and the entry there.
    pub(super) fn entry(&self, offset: u64) -> Option<(Unit<'s, 'a>, UnitOffset<usize>)> {
        let bounds = self.bounds.get_or_init(|| bounds(&self.sections.info));
        entry(self.sections, self.module, bounds, offset)
    }

    /// As [`UnitList::entry`], in what several files share.
    pub(super) fn shared_entry<'x>(
        &'x self,
        shared: &'x Sections<'a>,
        offset: u64,
    ) -> Option<(Unit<'x, 'a>, UnitOffset<usize>)> {
        let bounds = self.shared_bounds.get_or_init(|| bounds(&shared.info));
        let (unit, offset) = entry(shared, self.module, bounds, offset)?;
        Some((Unit { is_shared: true, ..unit }, offset))
    }
}

/// Which units claim which addresses.
struct Claims {
    units: BTreeMap<u64, Vec<usize>>,
    claimed: Vec<usize>,
}

impl Claims {
    fn claim(&mut self, unit: u64, wanted: &[Wanted], holds: impl Fn(u64) -> bool) {
        for (number, (wanted, claimed)) in wanted.iter().zip(&mut self.claimed).enumerate() {
            if holds(wanted.svma) && *claimed < CLAIMS {
                let numbers = self.units.entry(unit).or_default();
                if numbers.last() != Some(&number) && !numbers.contains(&number) {
                    numbers.push(number);
                    *claimed = claimed.saturating_add(1);
                }
            }
        }
    }
}

fn entry<'x, 'a>(
    sections: &'x Sections<'a>,
    module: &'x Elf<'a>,
    bounds: &[(u64, u64)],
    offset: u64,
) -> Option<(Unit<'x, 'a>, UnitOffset<usize>)> {
    let after = bounds.partition_point(|(begin, _)| *begin <= offset);
    let (begin, _) = bounds.get(after.checked_sub(1)?).filter(|(_, end)| offset < *end)?;
    let within = usize::try_from(offset.checked_sub(*begin)?).ok()?;
    Some((Unit::load(sections, *begin, module)?, UnitOffset(within)))
}

/// Where each unit begins and ends.
fn bounds(info: &Section<'_>) -> Vec<(u64, u64)> {
    let mut bounds = Vec::new();
    let mut offset: u64 = 0;
    while bounds.len() < UNITS {
        let mut head = [0; 12];
        let count = info.copy(offset, &mut head);
        let Some(end) = head.get(..count).and_then(unit_length).and_then(|length| offset.checked_add(length))
        else {
            break;
        };
        bounds.push((offset, end));
        offset = end;
    }
    bounds
}

/// The length of a unit with its length.
fn unit_length(head: &[u8]) -> Option<u64> {
    match u32::from_le_bytes(*head.first_chunk()?) {
        u32::MAX => u64::from_le_bytes(*head.get(4..)?.first_chunk()?).checked_add(12),
        length => u64::from(length).checked_add(4),
    }
}

/// A unit, apart from all others.
pub(super) struct Unit<'s, 'a> {
    header: UnitHeader<Slice<'a>>,
    abbreviations: Abbreviations,
    pub(super) root: Root<'a>,
    pub(super) places: Places<'s, 'a>,
    /// Whether it is of a file that several share.
    pub(super) is_shared: bool,
    /// Whether it is of a file of its own (`.dwo`, `.dwp`).
    pub(super) is_split: bool,
}

impl<'s, 'a> Unit<'s, 'a> {
    /// Loads the unit at this offset.
    pub(super) fn load(sections: &'s Sections<'a>, offset: u64, module: &'s Elf<'a>) -> Option<Self> {
        let head = sections.info.read(offset, 12)?;
        let length = unit_length(head).filter(|length| *length <= UNIT_BYTES)?;
        let length = usize::try_from(length).ok()?;
        let bytes = sections.info.read(offset, length)?.get(..length)?;
        let header = DebugInfo::new(bytes, LittleEndian).units().next().ok()??;
        let abbreviations = abbreviations(sections, header.debug_abbrev_offset().0 as u64)?;
        let root = Root::read(&header, &abbreviations)?;
        let places = Places::new(sections, module, &root);
        Some(Self { header, abbreviations, root, places, is_shared: false, is_split: false })
    }

    pub(super) fn entries(&self) -> Option<EntriesRaw<'_, Slice<'a>>> {
        self.header.entries_raw(&self.abbreviations, None).ok()
    }

    pub(super) fn entries_at(&self, offset: UnitOffset<usize>) -> Option<EntriesRaw<'_, Slice<'a>>> {
        self.header.entries_raw(&self.abbreviations, Some(offset)).ok()
    }

    /// Whether its functions are in another file.
    pub(super) fn is_skeleton(&self) -> bool {
        self.root.dwo_id.is_some() && !self.is_split
    }

    /// Whether the unit itself says that this address is its own.
    pub(super) fn covers(&self, address: u64) -> bool {
        let ranges = self.places.ranges(&self.root.extent);
        ranges.iter().any(|(begin, end)| (*begin..*end).contains(&address))
    }
}

fn abbreviations(sections: &Sections<'_>, offset: u64) -> Option<Abbreviations> {
    [1 << 12, 1 << 16, ABBREVIATIONS_BYTES].into_iter().find_map(|count| {
        let bytes = sections.abbrev.read(offset, count)?;
        let section = DebugAbbrev::new(bytes.get(..ABBREVIATIONS_BYTES).unwrap_or(bytes), LittleEndian);
        section.abbreviations(DebugAbbrevOffset(0)).ok()
    })
}

/// The ranges of the unit that begins with these bytes, from its first entry alone.
fn head_ranges<'a>(sections: &Sections<'a>, head: &mut [u8], module: &Elf<'a>) -> Option<Vec<(u64, u64)>> {
    let is_64 = head.starts_with(&[0xff; 4]);
    // The unit is as if it ended where what was read ends.
    let (place, size) = if is_64 { (4, 8) } else { (0, 4) };
    let length = (head.len() as u64).checked_sub(place as u64)?.checked_sub(size as u64)?.to_le_bytes();
    head.get_mut(place..)?.get_mut(..size)?.copy_from_slice(length.get(..size)?);
    let header = DebugInfo::new(head, LittleEndian).units().next().ok()??;
    let mut declaration = [0; DECLARATION_BYTES];
    let count = sections.abbrev.copy(header.debug_abbrev_offset().0 as u64, &mut declaration);
    let end = declaration.get(..count).and_then(first_declaration)?;
    // As if no other followed.
    *declaration.get_mut(end)? = 0;
    let section = DebugAbbrev::new(declaration.get(..=end)?, LittleEndian);
    let abbreviations = section.abbreviations(DebugAbbrevOffset(0)).ok()?;
    let root = Root::read(&header, &abbreviations)?;
    Some(Places::new(sections, module, &root).ranges(&root.extent))
}

/// Where the first declaration of an abbreviation table ends: code, tag, a byte for children, pairs of attribute and
/// form up to a pair of zeros; one form has a constant besides.
fn first_declaration(bytes: &[u8]) -> Option<usize> {
    let mut at = skip_number(bytes, skip_number(bytes, 0)?.1)?.1.checked_add(1)?;
    loop {
        let (attribute, form_at) = skip_number(bytes, at)?;
        let (form, next) = skip_number(bytes, form_at)?;
        at = next;
        if form == u64::from(constants::DW_FORM_implicit_const.0) {
            at = skip_number(bytes, at)?.1;
        }
        if attribute == 0 && form == 0 {
            return Some(at);
        }
    }
}

/// A LEB128 number and where it ends; the value of a long one is of no interest.
fn skip_number(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let rest = bytes.get(at..)?;
    let length = rest.iter().take(10).position(|byte| byte & 0x80 == 0)?.checked_add(1)?;
    let digits = rest.iter().take(length.min(9)).rev();
    let value = digits.fold(0_u64, |value, byte| value << 7 | u64::from(byte & 0x7f));
    Some((value, at.checked_add(length)?))
}
