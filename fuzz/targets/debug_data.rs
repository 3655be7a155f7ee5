//! Symbols, debug links, mini debuginfo and DWARF of an ELF file.
//!
//! Input: 8 bytes of an address, then the file, which is its own separate debug file too.
#![no_main]

use libfuzzer_sys::fuzz_target;
use telemetry_crash::core::FileMapping;
use telemetry_crash::elf::{BuildId, Elf};
use telemetry_crash::modules::Files;
use telemetry_crash::names::{DebugData, Names};

struct SameFile<'data>(&'data [u8]);

impl<'data> Files<'data> for SameFile<'data> {
    fn mapped(&self, _: &FileMapping, _: &str) -> Option<&'data [u8]> {
        Some(self.0)
    }
    fn debug_by_build_id(&self, _: &BuildId) -> Option<&'data [u8]> {
        Some(self.0)
    }
    fn debug_link(&self, _: &str, _: &str) -> Option<&'data [u8]> {
        Some(self.0)
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((svma, bytes)) = bytes.split_first_chunk::<8>() else { return };
    let Ok(elf) = Elf::parse(bytes) else { return };
    let files = SameFile(bytes);
    let data = DebugData::default();
    let mut names = Names::new(&files, &data);
    let svma = u64::from_le_bytes(*svma);
    for svma in [svma, elf.file.elf_header().e_entry.get(object::LittleEndian), svma.wrapping_add(1)] {
        let found = names.resolve(0, &elf, "/usr/bin/fuzzed", svma);
        assert!(!found.is_empty());
        for name in found.iter().filter_map(|name| name.function.as_ref()) {
            assert!(!name.contains(|c: char| c.is_control()) && name.len() <= 1024, "{name:?}");
        }
    }
});
