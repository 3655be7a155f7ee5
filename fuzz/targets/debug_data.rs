//! Symbols, debug links, mini debuginfo and DWARF of an ELF file.
//!
//! Input: 8 bytes of an address, then the file, which is its own separate debug file too.
#![no_main]

use libfuzzer_sys::fuzz_target;
use telemetry_crash::core::FileMapping;
use telemetry_crash::elf::{BuildId, Elf};
use telemetry_crash::files::{Files, Found, ModuleFile};
use telemetry_crash::names::{NamedModule, Wanted, resolve};

struct SameFile<'data>(&'data [u8]);

impl<'data> Files<'data> for SameFile<'data> {
    fn mapped(&self, _: &FileMapping, _: &str) -> Option<ModuleFile<'data>> {
        Some(ModuleFile { bytes: self.0, found: Found::Mapped })
    }
    fn supplement(&self, _: &str) -> Option<&'data [u8]> {
        Some(self.0)
    }
    fn dwarf_package(&self, _: &str) -> Option<&'data [u8]> {
        Some(self.0)
    }
    fn dwarf_object(&self, _: &str, _: &str, _: &str) -> Option<&'data [u8]> {
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
    let svma = u64::from_le_bytes(*svma);
    let wanted = [svma, elf.file.elf_header().e_entry.get(object::LittleEndian), svma.wrapping_add(1)]
        .map(|svma| Wanted { svma, needs_size: svma % 2 == 1 });
    let module = NamedModule { elf: &elf, debug_file: Some(&elf), go_table: None, path: "/usr/bin/fuzzed" };
    let found = resolve(module, &files, &wanted);
    assert!(found.len() == wanted.len() && found.iter().all(|names| !names.is_empty()));
    for name in found.iter().flatten().filter_map(|name| name.function.as_ref()) {
        assert!(!name.contains(|c: char| c.is_control()) && name.len() <= 1024, "{name:?}");
    }
});
