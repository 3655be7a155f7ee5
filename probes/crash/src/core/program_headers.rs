//! The ELF header and the program headers of a core.

use super::stream::{Input, Stream};
use super::{CoreError, Segment};
use crate::elf::{ElfError, arch_of};
use crate::limits::{NOTES_BYTES, SEGMENTS};
use crate::registers::Arch;
use object::elf;

/// Size of a program header of 64 bits.
const HEADER_BYTES: u64 = 56;

/// Says that the number of program headers does not fit into the ELF header (elf(5)).
const PN_XNUM: u16 = 0xffff;

/// What the program headers say.
pub(super) struct Headers {
    /// Memory, by rising address.
    pub(super) segments: Vec<Segment>,
    /// Where the notes are, and how many bytes of them.
    pub(super) notes: Option<(u64, u64)>,
}

struct Header {
    kind: u32,
    flags: u32,
    offset: u64,
    address: u64,
    file_bytes: u64,
    memory_bytes: u64,
}

pub(super) fn read(stream: &mut Stream<impl Input>) -> Result<(Arch, Headers), CoreError> {
    let ident: [u8; 16] = stream.array()?;
    let [0x7f, b'E', b'L', b'F', class, order, ..] = ident else { return Err(CoreError::NoCore) };
    let kind = u16::from_le_bytes(stream.array()?);
    let machine = u16::from_le_bytes(stream.array()?);
    match (class, order) {
        (2, 1) if kind == elf::ET_CORE.0 => {}
        (1, 1) if kind == elf::ET_CORE.0 => return Err(CoreError::Foreign(name_of_32_bits(machine))),
        (1 | 2, 2) if kind.swap_bytes() == elf::ET_CORE.0 => {
            return Err(CoreError::Foreign("big-endian process"));
        }
        _ => return Err(CoreError::NoCore),
    }
    let arch = arch_of(elf::Machine(machine)).map_err(|error| match error {
        ElfError::OtherArch(machine) => CoreError::OtherArch(machine),
        ElfError::Unreadable(_) => CoreError::NoCore,
    })?;
    let _version_and_entry: [u8; 12] = stream.array()?;
    let offset = u64::from_le_bytes(stream.array()?);
    let _section_headers_and_flags: [u8; 12] = stream.array()?;
    let _header_bytes: [u8; 2] = stream.array()?;
    let entry_bytes = u16::from_le_bytes(stream.array()?);
    let count = u16::from_le_bytes(stream.array()?);
    if u64::from(entry_bytes) != HEADER_BYTES {
        return Err(CoreError::Damaged("its program headers have no known size"));
    }
    stream.skip_to(offset)?;
    Ok((arch, read_headers(stream, offset, count)?))
}

fn read_headers(stream: &mut Stream<impl Input>, offset: u64, count: u16) -> Result<Headers, CoreError> {
    let mut headers = Headers { segments: Vec::new(), notes: None };
    let mut left = u64::from(count);
    while left > 0 {
        let header = read_header(stream)?;
        left = left.saturating_sub(1);
        if header.kind == elf::PT_NOTE.0 && headers.notes.is_none() {
            headers.notes = Some((header.offset, header.file_bytes.min(NOTES_BYTES)));
            if count == PN_XNUM {
                // The true count stands in a section header at the very end. But Linux writes the notes as the first
                // segment and right behind the program headers.
                let all = header.offset.saturating_sub(offset) / HEADER_BYTES;
                left = all.saturating_sub(1);
            }
        } else if header.kind == elf::PT_LOAD.0 && headers.segments.len() < SEGMENTS {
            headers.segments.extend(segment(&header));
        }
    }
    headers.segments.sort_unstable_by_key(|segment| segment.start);
    Ok(headers)
}

fn read_header(stream: &mut Stream<impl Input>) -> Result<Header, CoreError> {
    let kind = u32::from_le_bytes(stream.array()?);
    let flags = u32::from_le_bytes(stream.array()?);
    let offset = u64::from_le_bytes(stream.array()?);
    let address = u64::from_le_bytes(stream.array()?);
    let _physical_address: [u8; 8] = stream.array()?;
    let file_bytes = u64::from_le_bytes(stream.array()?);
    let memory_bytes = u64::from_le_bytes(stream.array()?);
    let _alignment: [u8; 8] = stream.array()?;
    Ok(Header { kind, flags, offset, address, file_bytes, memory_bytes })
}

fn segment(header: &Header) -> Option<Segment> {
    let bytes = header.memory_bytes.max(header.file_bytes);
    let may = |flag: elf::ProgramFlags| header.flags & flag.0 != 0;
    Some(Segment {
        start: header.address,
        end: header.address.checked_add(bytes)?,
        readable: may(elf::PF_R),
        writable: may(elf::PF_W),
        executable: may(elf::PF_X),
        core_offset: header.offset,
        core_bytes: header.file_bytes,
    })
}

fn name_of_32_bits(machine: u16) -> &'static str {
    match elf::Machine(machine) {
        elf::EM_386 => "32-bit process (i386)",
        elf::EM_ARM => "32-bit process (arm)",
        elf::EM_X86_64 => "32-bit process (x32)",
        _ => "32-bit process",
    }
}
