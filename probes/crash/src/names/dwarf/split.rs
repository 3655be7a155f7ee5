//! Split DWARF: the functions of a unit in a file of their own (`.dwo`), or in one of the whole module (`.dwp`). The paths
//! of such files come out of the crashed program's file: where they are searched for is the opener's to decide, and what is
//! found is known by the id that both units have.

use super::text::Strings;
use super::units::Unit;
use super::{Sections, Source};
use crate::elf::Elf;
use crate::limits::PACKAGE_INDEX_BYTES;
use crate::names::section::Section;
use gimli::{DebugCuIndex, LittleEndian, SectionId};

/// The sections of a unit's functions; none if they are not in another file, or that is not there.
pub(super) fn sections<'a, 'data: 'a>(
    source: &Source<'_, 'a, 'data>,
    unit: &Unit<'_, 'a>,
    own: &Sections<'a>,
) -> Option<Sections<'a>> {
    let id = unit.root.dwo_id.filter(|_| unit.is_skeleton())?;
    let package =
        || in_package(&Elf::parse(source.files.dwarf_package(source.module_path)?).ok()?, id, source);
    let object = || {
        let strings = Strings::new(own, None);
        let text = |value| {
            let bytes = strings.read(&unit.text(value)?)?;
            str::from_utf8(bytes).ok()
        };
        let name = text(unit.root.dwo_name.as_ref()?)?;
        let directory = unit.root.directory.as_ref().and_then(text).unwrap_or_default();
        let file = source.files.dwarf_object(source.module_path, directory, name)?;
        Some(Sections::split(&Elf::parse(file).ok()?, source))
    };
    package().or_else(object)
}

/// The unit with the functions of a skeleton; none if it is that of another one.
pub(super) fn load<'s, 'a>(sections: &'s Sections<'a>, skeleton: &Unit<'s, 'a>) -> Option<Unit<'s, 'a>> {
    let mut unit = Unit::load(sections, 0, skeleton.places.module)?;
    let is_meant = unit.root.dwo_id.is_some() && unit.root.dwo_id == skeleton.root.dwo_id;
    unit.places.skeleton = skeleton.places.sections;
    unit.places.addr_base = skeleton.places.addr_base;
    unit.places.ranges_base = skeleton.root.ranges_base;
    unit.places.low = skeleton.places.low;
    unit.is_split = true;
    is_meant.then_some(unit)
}

impl<'a> Sections<'a> {
    fn split(elf: &Elf<'a>, source: &Source<'_, 'a, '_>) -> Self {
        let section = |name| Section::of(elf, name, source.data);
        Self {
            info: section(".debug_info.dwo"),
            abbrev: section(".debug_abbrev.dwo"),
            aranges: Section::plain(&[]),
            line: Section::plain(&[]),
            line_str: Section::plain(&[]),
            string: section(".debug_str.dwo"),
            str_offsets: section(".debug_str_offsets.dwo"),
            addr: Section::plain(&[]),
            ranges: Section::plain(&[]),
            rnglists: section(".debug_rnglists.dwo"),
        }
    }
}

/// The parts of a package that belong to a unit, by its index.
fn in_package<'a>(package: &Elf<'a>, id: u64, source: &Source<'_, 'a, '_>) -> Option<Sections<'a>> {
    let index = Section::of(package, ".debug_cu_index", source.data).whole(PACKAGE_INDEX_BYTES)?;
    let index = DebugCuIndex::new(index, LittleEndian).index().ok()?;
    let row = index.find(id)?;
    let whole = Sections::split(package, source);
    let part = |section: &Section<'a>, wanted: SectionId| {
        let mut parts = index.sections(row).ok()?;
        let part = parts.find(|part| part.section.section_id() == wanted)?;
        let length = usize::try_from(part.size).ok()?;
        Some(Section::plain(section.read(part.offset.into(), length)?.get(..length)?))
    };
    let part = |section, wanted| part(section, wanted).unwrap_or_else(|| Section::plain(&[]));
    Some(Sections {
        info: part(&whole.info, SectionId::DebugInfo),
        abbrev: part(&whole.abbrev, SectionId::DebugAbbrev),
        str_offsets: part(&whole.str_offsets, SectionId::DebugStrOffsets),
        rnglists: part(&whole.rnglists, SectionId::DebugRngLists),
        ..whole
    })
}
