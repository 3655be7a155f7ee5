//! The call frame information of a module: `.eh_frame` and `.debug_frame` as one index.

use super::row::{Row, SectionName};
use crate::elf::Elf;
use crate::limits::{DEBUG_FRAME_BYTES, FRAME_DESCRIPTIONS};
use crate::registers::Arch;
use gimli::{
    BaseAddresses, CieOrFde, DebugFrame, EhFrame, EhFrameHdr, EndianSlice, FrameDescriptionEntry,
    LittleEndian, ParsedEhFrameHdr, Register, RegisterRule, UnwindContext, UnwindContextStorage,
    UnwindOffset, UnwindSection, UnwindTableRow, Vendor,
};
use object::elf::PT_GNU_EH_FRAME;
use object::read::elf::ProgramHeader;
use std::borrow::Cow;

type Slice<'data> = EndianSlice<'data, LittleEndian>;

/// Rows that may be remembered within another (`DW_CFA_remember_state`): gimli's own store has 4, which hand-written
/// assembler has been seen to exceed.
const REMEMBERED: usize = 16;

/// Registers with a rule of their own; gimli's own store has as many.
const RULES: usize = 192;

/// Where rows are kept while they are evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DeepStack;

impl UnwindContextStorage<usize> for DeepStack {
    type Rules = [(Register, RegisterRule<usize>); RULES];
    // The first row, and that of the CIE, lie there too.
    type Stack = Box<[UnwindTableRow<usize, Self>; REMEMBERED + 2]>;
}

/// What a module has.
pub(super) struct CfiTable<'data> {
    vendor: Vendor,
    bases: BaseAddresses,
    /// The sorted table that linkers make of `.eh_frame`.
    header: Option<ParsedEhFrameHdr<Slice<'data>>>,
    eh_frame: Indexed<'data>,
    debug_frame: Indexed<'data>,
    /// That of the separate debug file; none until it is needed.
    stripped_off: Option<Indexed<'data>>,
    context: UnwindContext<usize, DeepStack>,
}

/// A section, and where in it the functions are described.
struct Indexed<'data> {
    bytes: Option<Cow<'data, [u8]>>,
    /// Start, end and offset, by rising start; none until it is needed.
    index: Option<Vec<(u64, u64, usize)>>,
}

impl<'data> CfiTable<'data> {
    pub(super) fn new(elf: &Elf<'data>) -> Self {
        let vendor = if elf.arch == Arch::Aarch64 { Vendor::AArch64 } else { Vendor::Default };
        let mut bases = BaseAddresses::default();
        for (name, set) in [
            (".text", BaseAddresses::set_text as fn(BaseAddresses, u64) -> BaseAddresses),
            (".got", BaseAddresses::set_got),
        ] {
            if let Some((address, _)) = elf.section(name) {
                bases = set(bases, address);
            }
        }
        let mut header = None;
        if let Some((address, bytes)) = eh_frame_header(elf) {
            bases = bases.set_eh_frame_hdr(address);
            header = EhFrameHdr::new(bytes, LittleEndian).parse(&bases, 8).ok();
        }
        // A file without section headers still leads to it.
        let by_header = || {
            let address = header.as_ref()?.eh_frame_ptr().direct().ok()?;
            Some((address, elf.bytes_at(address)?))
        };
        let eh_frame = elf.section(".eh_frame").filter(|(_, bytes)| !bytes.is_empty()).or_else(by_header);
        if let Some((address, _)) = eh_frame {
            bases = bases.set_eh_frame(address);
        }
        let debug_frame = elf.section_data(".debug_frame", DEBUG_FRAME_BYTES).map(|(_, bytes)| bytes);
        Self {
            vendor,
            bases,
            header,
            eh_frame: Indexed { bytes: eh_frame.map(|(_, bytes)| Cow::Borrowed(bytes)), index: None },
            debug_frame: Indexed { bytes: debug_frame, index: None },
            stripped_off: None,
            context: UnwindContext::new_in(),
        }
    }

    /// The rules at this address. `debug_file` is asked for once, if the module itself says nothing; its `.eh_frame` is
    /// empty.
    pub(super) fn row<'file>(
        &mut self,
        svma: u64,
        debug_file: impl FnOnce() -> Option<&'file Elf<'data>>,
    ) -> Option<Row>
    where
        'data: 'file,
    {
        let own = self.eh_frame_row(svma);
        let own = own.or_else(|| {
            debug_frame_row(&mut self.debug_frame, &self.bases, self.vendor, &mut self.context, svma)
        });
        own.or_else(|| {
            let stripped_off = self.stripped_off.get_or_insert_with(|| Indexed {
                bytes: debug_file()
                    .and_then(|elf| elf.section_data(".debug_frame", DEBUG_FRAME_BYTES))
                    .map(|(_, bytes)| bytes),
                index: None,
            });
            debug_frame_row(stripped_off, &self.bases, self.vendor, &mut self.context, svma)
        })
    }

    fn eh_frame_row(&mut self, svma: u64) -> Option<Row> {
        let bytes = self.eh_frame.bytes.as_deref()?;
        let mut section = EhFrame::new(bytes, LittleEndian);
        section.set_address_size(8);
        section.set_vendor(self.vendor);
        let header = self.header.as_ref();
        let fde = match header.map_or(Lookup::Unknown, |header| look_up(header, &section, &self.bases, svma))
        {
            Lookup::Found(fde) => fde,
            Lookup::None => return None,
            Lookup::Unknown => {
                let index = self.eh_frame.index.get_or_insert_with(|| index(&section, &self.bases));
                description(&section, &self.bases, find(index, svma)?.into())?
            }
        };
        row(&section, &self.bases, &mut self.context, &fde, svma, SectionName::EhFrame(bytes))
    }
}

/// What the table of a linker says of an address.
enum Lookup<T> {
    Found(T),
    /// It has no description.
    None,
    /// The table is missing or damaged.
    Unknown,
}

/// The description of an address by the table. What that does not have is not searched for in the section, which may have
/// megabytes of it: the unwinder of exceptions relies on the table, too, so that linkers list all or nothing.
fn look_up<'bytes>(
    header: &ParsedEhFrameHdr<Slice<'_>>,
    section: &EhFrame<Slice<'bytes>>,
    bases: &BaseAddresses,
    svma: u64,
) -> Lookup<FrameDescriptionEntry<Slice<'bytes>>> {
    let Some(table) = header.table() else { return Lookup::Unknown };
    let first = table.iter(bases).next().ok().flatten().and_then(|(begin, _)| begin.direct().ok());
    let Some(first) = first else { return Lookup::Unknown };
    if svma < first {
        return Lookup::None;
    }
    let offset = table.lookup(svma, bases).and_then(|pointer| table.pointer_to_offset(pointer));
    match offset.ok().and_then(|offset| description(section, bases, offset)) {
        Some(fde) if fde.contains(svma) => Lookup::Found(fde),
        // That before the address, which ends before it.
        Some(fde) if fde.initial_address() <= svma => Lookup::None,
        _ => Lookup::Unknown,
    }
}

fn debug_frame_row(
    frames: &mut Indexed<'_>,
    bases: &BaseAddresses,
    vendor: Vendor,
    context: &mut UnwindContext<usize, DeepStack>,
    svma: u64,
) -> Option<Row> {
    let bytes = frames.bytes.as_deref()?;
    let mut section = DebugFrame::new(bytes, LittleEndian);
    section.set_address_size(8);
    section.set_vendor(vendor);
    let index = frames.index.get_or_insert_with(|| index(&section, bases));
    let fde = description(&section, bases, find(index, svma)?.into())?;
    row(&section, bases, context, &fde, svma, SectionName::DebugFrame(bytes))
}

/// `.eh_frame_hdr`, by its section or by its segment.
fn eh_frame_header<'data>(elf: &Elf<'data>) -> Option<(u64, &'data [u8])> {
    elf.section(".eh_frame_hdr").or_else(|| {
        let headers = elf.file.elf_program_headers().iter();
        let header = headers.take(128).find(|header| header.p_type(LITTLE) == PT_GNU_EH_FRAME)?;
        let address = header.p_vaddr(LITTLE);
        Some((address, elf.bytes_at(address)?))
    })
}

const LITTLE: object::LittleEndian = object::LittleEndian;

fn description<'bytes, S: UnwindSection<Slice<'bytes>>>(
    section: &S,
    bases: &BaseAddresses,
    offset: S::Offset,
) -> Option<FrameDescriptionEntry<Slice<'bytes>>> {
    section.fde_from_offset(bases, offset, S::cie_from_offset).ok()
}

/// Every description that can be read, up to the first that cannot.
fn index<'bytes, S: UnwindSection<Slice<'bytes>>>(
    section: &S,
    bases: &BaseAddresses,
) -> Vec<(u64, u64, usize)>
where
    S::Offset: UnwindOffset<usize>,
{
    let mut found = Vec::new();
    let mut entries = section.entries(bases);
    while let Ok(Some(entry)) = entries.next() {
        let CieOrFde::Fde(partial) = entry else { continue };
        let Ok(fde) = partial.parse(S::cie_from_offset) else { continue };
        if found.len() >= FRAME_DESCRIPTIONS {
            break;
        }
        if fde.len() > 0 {
            found.push((fde.initial_address(), fde.end_address(), fde.offset()));
        }
    }
    found.sort_unstable();
    found
}

fn find(index: &[(u64, u64, usize)], svma: u64) -> Option<usize> {
    let after = index.partition_point(|(start, _, _)| *start <= svma);
    let (_, end, offset) = index.get(after.checked_sub(1)?)?;
    (svma < *end).then_some(*offset)
}

fn row<'bytes, S: UnwindSection<Slice<'bytes>>>(
    section: &S,
    bases: &BaseAddresses,
    context: &mut UnwindContext<usize, DeepStack>,
    fde: &FrameDescriptionEntry<Slice<'bytes>>,
    svma: u64,
    name: SectionName<'_>,
) -> Option<Row> {
    let row = fde.unwind_info_for_address(section, bases, context, svma).ok()?;
    Row::new(row, fde.cie(), name)
}
