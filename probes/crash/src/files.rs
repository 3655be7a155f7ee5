//! Where files of the crashed process come from.

use super::core::FileMapping;
use super::elf::BuildId;

/// Opens files. The bytes live as long as the analysis, which is one report. Paths and names that come out of DWARF are
/// foreign: who opens them decides where.
pub trait Files<'data> {
    /// The file that this range shows, at this path.
    fn mapped(&self, mapping: &FileMapping, path: &str) -> Option<ModuleFile<'data>>;
    /// A separate debug file.
    fn debug_by_build_id(&self, build_id: &BuildId) -> Option<&'data [u8]>;
    /// The debug file that `.gnu_debuglink` of the module at this path names; its checksum is the caller's to check.
    fn debug_link(&self, module_path: &str, name: &str) -> Option<&'data [u8]>;
    /// What several debug files share, by a path of `.gnu_debugaltlink` that was made absolute.
    fn supplement(&self, _path: &str) -> Option<&'data [u8]> {
        None
    }
    /// `BINARY.dwp`, beside the module.
    fn dwarf_package(&self, _module_path: &str) -> Option<&'data [u8]> {
        None
    }
    /// Split DWARF of one unit: a `.dwo` file of this name, which may be a path, for a unit that was compiled in this
    /// directory.
    fn dwarf_object(&self, _module_path: &str, _directory: &str, _name: &str) -> Option<&'data [u8]> {
        None
    }
}

/// A module's file, and what is known of it without reading.
#[derive(Clone, Copy, Debug)]
pub struct ModuleFile<'data> {
    /// Its bytes.
    pub bytes: &'data [u8],
    /// How it was found.
    pub found: Found,
}

/// How a file was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It is the very file that the process has mapped.
    Mapped,
    /// By its path, and it was there before the crash.
    ByPath,
    /// By its path, and it was written since.
    ByPathYounger,
}
