//! Where distributions put what they strip off: separate debug files, found by build-id or by name, and
//! `.gnu_debugdata`, an xz-compressed symbol table inside the program ("mini debuginfo" of Fedora).

use super::DebugData;
use crate::elf::{BuildId, Elf};
use crate::limits::{MINI_DEBUG_BYTES, MINI_DEBUG_DECODER_KIB};
use crate::modules::Files;
use flate2::Crc;
use lzma_rust2::XzReader;
use object::Object;
use std::io::Read;

/// The separate debug file of a module.
pub(super) fn find<'data>(
    elf: &Elf<'data>,
    module_path: &str,
    files: &dyn Files<'data>,
) -> Option<Elf<'data>> {
    let by_id = elf.build_id.as_ref().and_then(|id| {
        let file = Elf::parse(files.debug_by_build_id(id)?).ok()?;
        (file.build_id.as_ref() == Some(id)).then_some(file)
    });
    by_id.or_else(|| by_link(elf, module_path, files))
}

fn by_link<'data>(elf: &Elf<'data>, module_path: &str, files: &dyn Files<'data>) -> Option<Elf<'data>> {
    let (name, checksum) = elf.file.gnu_debuglink().ok()??;
    let name = str::from_utf8(name).ok().filter(|name| !name.is_empty() && !name.contains('/'))?;
    let bytes = files.debug_link(module_path, name)?;
    let file = Elf::parse(bytes).ok()?;
    let is_meant = match (&elf.build_id, &file.build_id) {
        // Says the same as the checksum, without reading all of the file.
        (Some(ours), Some(its)) => ours == its,
        _ => {
            let mut crc = Crc::new();
            crc.update(bytes);
            crc.sum() == checksum
        }
    };
    is_meant.then_some(file)
}

/// What several debug files share (`.gnu_debugaltlink`, made by dwz).
pub(super) fn supplement<'a, 'data: 'a>(elf: &Elf<'a>, files: &dyn Files<'data>) -> Option<Elf<'a>> {
    let (_, id) = elf.file.gnu_debugaltlink().ok()??;
    Elf::parse(files.debug_by_build_id(&BuildId::new(id)?)?).ok()
}

/// The mini debug information.
pub(super) fn mini_debug_info<'a>(elf: &Elf<'_>, data: &'a DebugData) -> Option<Elf<'a>> {
    let (_, packed) = elf.section(".gnu_debugdata")?;
    let limit = MINI_DEBUG_BYTES.min(data.room());
    let decoder = XzReader::new_mem_limit(packed, false, MINI_DEBUG_DECODER_KIB);
    let mut unpacked = Vec::new();
    decoder.take(limit.saturating_add(1)).read_to_end(&mut unpacked).ok()?;
    if unpacked.len() as u64 > limit {
        return None;
    }
    Elf::parse(data.keep(unpacked)).ok()
}
