//! Values of attributes that lead elsewhere: strings, and entries of this unit and of others.

use super::ranges::number;
use super::text::{Strings, Text};
use super::units::Unit;
use super::{Context, Slice};
use crate::limits::MANGLED_NAME_BYTES;
use gimli::{AttributeValue, DwAt, UnitOffset, constants};

/// How often an entry may refer to another one for its name.
const REFERENCES: usize = 16;

impl<'a> Unit<'_, 'a> {
    /// A string, or where it is.
    pub(super) fn text(&self, value: &AttributeValue<Slice<'a>>) -> Option<Text<'a>> {
        match value {
            AttributeValue::String(bytes) => Some(Text::Here(bytes.slice())),
            AttributeValue::DebugStrRef(offset) => self.string_at(offset.0 as u64),
            AttributeValue::DebugStrRefSup(offset) => Some(Text::Shared(offset.0 as u64)),
            AttributeValue::DebugLineStrRef(offset) => Some(Text::LineStr(offset.0 as u64)),
            AttributeValue::DebugStrOffsetsIndex(index) => {
                let size = u64::from(self.root.encoding.format.word_size());
                let place = self.root.str_offsets_base.checked_add((index.0 as u64).checked_mul(size)?)?;
                let bytes = self.places.sections.str_offsets.read(place, 8)?;
                self.string_at(number(bytes, size)?)
            }
            _ => None,
        }
    }

    fn string_at(&self, offset: u64) -> Option<Text<'a>> {
        if self.is_shared {
            return Some(Text::Shared(offset));
        }
        if !self.is_split {
            return Some(Text::Str(offset));
        }
        let bytes = self.places.sections.string.read(offset, MANGLED_NAME_BYTES)?;
        Some(Text::Split(bytes.get(..bytes.iter().position(|byte| *byte == 0)?)?))
    }
}

/// What an entry says of its name.
#[derive(Default)]
struct Naming<'a> {
    linkage_name: Option<AttributeValue<Slice<'a>>>,
    name: Option<AttributeValue<Slice<'a>>>,
    reference: Option<AttributeValue<Slice<'a>>>,
}

impl<'a> Naming<'a> {
    fn read(unit: &Unit<'_, 'a>, offset: UnitOffset<usize>) -> Option<Self> {
        let mut entries = unit.entries_at(offset)?;
        let abbreviation = entries.read_abbreviation().ok()??;
        let mut found = Self::default();
        for specification in abbreviation.attributes() {
            let attribute = entries.read_attribute(*specification).ok()?;
            found.take(attribute.name(), attribute.value());
        }
        Some(found)
    }

    fn take(&mut self, name: DwAt, value: AttributeValue<Slice<'a>>) {
        match name {
            constants::DW_AT_linkage_name | constants::DW_AT_MIPS_linkage_name => {
                self.linkage_name = Some(value)
            }
            constants::DW_AT_name => self.name = Some(value),
            constants::DW_AT_abstract_origin | constants::DW_AT_specification => self.reference = Some(value),
            _ => {}
        }
    }
}

/// The names of a function.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FunctionName<'a> {
    /// As the linker knows it, where that differs.
    linkage: Option<Text<'a>>,
    /// As it was written.
    own: Option<Text<'a>>,
}

impl<'a> FunctionName<'a> {
    pub(super) fn texts(&self) -> impl Iterator<Item = &Text<'a>> {
        self.linkage.iter().chain(&self.own)
    }

    /// The name to show: as it was mangled, but not what glibc calls it for itself (`__GI_raise`).
    pub(super) fn read(&self, strings: &Strings<'_, 'a>) -> Option<&'a [u8]> {
        let read = |text: &Option<Text<'a>>| strings.read(text.as_ref()?);
        let own = || read(&self.own);
        match read(&self.linkage) {
            Some(linkage) if linkage.starts_with(b"__GI_") => own().or(Some(linkage)),
            linkage => linkage.or_else(own),
        }
    }
}

/// The name of a function, by whichever entry has it.
pub(super) fn name<'a>(context: &Context<'_, 'a>, offset: UnitOffset<usize>) -> FunctionName<'a> {
    name_in(context, context.unit, offset, REFERENCES).unwrap_or_default()
}

fn name_in<'a>(
    context: &Context<'_, 'a>,
    unit: &Unit<'_, 'a>,
    offset: UnitOffset<usize>,
    references: usize,
) -> Option<FunctionName<'a>> {
    let naming = Naming::read(unit, offset)?;
    let text = |value: Option<AttributeValue<Slice<'a>>>| unit.text(&value?);
    let own = FunctionName { linkage: text(naming.linkage_name), own: text(naming.name) };
    if own.linkage.is_some() {
        return Some(own);
    }
    let left = references.checked_sub(1);
    let referred = naming.reference.zip(left).and_then(|(reference, left)| match reference {
        AttributeValue::UnitRef(offset) => name_in(context, unit, offset, left),
        AttributeValue::DebugInfoRef(offset) if !unit.is_shared && !unit.is_split => {
            let (unit, offset) = context.list.entry(offset.0 as u64)?;
            name_in(context, &unit, offset, left)
        }
        AttributeValue::DebugInfoRef(offset) | AttributeValue::DebugInfoRefSup(offset) => {
            let (unit, offset) = context.list.shared_entry(context.supplement?, offset.0 as u64)?;
            name_in(context, &unit, offset, left)
        }
        _ => None,
    });
    let referred = referred.unwrap_or_default();
    Some(FunctionName { linkage: referred.linkage, own: own.own.or(referred.own) })
}
