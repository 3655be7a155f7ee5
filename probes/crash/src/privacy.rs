//! Whose code it is that crashed. What is not the distribution's is nobody's business, unless the administrator said so
//! (`etc_dir/opt-in-no-privacy-filters`).

use super::core::CoreHead;
use super::link_map;
use super::memory::Memory;
use super::modules::ModuleTable;
use super::report::class;
use super::trace::Backtrace;
use object::elf::PT_INTERP;
use object::read::elf::ProgramHeader;

/// Whether the rules for paths hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privacy {
    /// Programs and libraries outside of `/usr/` and those in `/usr/local/` are not named.
    Filters,
    /// Everything is named.
    Off,
}

/// Libraries of the C library: a crash in one of them is a crash of who called it. With a version, `.`, or `-` may follow.
const C_LIBRARY: [&str; 14] = [
    "libc",
    "libm",
    "libpthread",
    "libdl",
    "librt",
    "libanl",
    "libresolv",
    "libutil",
    "libBrokenLocale",
    "libthread_db",
    "libmvec",
    "ld",
    "ld-linux",
    "ld-musl",
];

impl Privacy {
    /// Whether anything is hidden.
    pub fn hides_any(self) -> bool {
        self == Self::Filters
    }

    /// Whether frames in the module at this path are those of a third party.
    pub fn hides(self, path: &str) -> bool {
        self.hides_any()
            && !path.starts_with('[')
            && !class::is_of_distribution(path)
            && !is_of_c_library(path)
    }
}

/// Whether a crash is a third party's by the code that crashed: the module of the first frame that is not the C library's.
pub(crate) fn is_of_third_party(modules: &ModuleTable<'_, '_>, backtrace: &Backtrace) -> bool {
    let paths = backtrace.frames.iter().filter_map(|frame| modules.find(frame.lookup_addr));
    let mut paths = paths.map(|found| found.module.path.as_str());
    let first = paths.find(|path| !path.starts_with('[') && !is_of_c_library(path));
    first.is_some_and(|path| !class::is_of_distribution(path))
}

/// Whether a path is one where the C library may lie, and the name one of its names. On systems without a merged `/usr` it
/// is in `/lib`.
fn is_of_c_library(path: &str) -> bool {
    let Some((directory, name)) = path.rsplit_once('/') else { return false };
    let is_there = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/libx32", "/lib32"].iter().any(|root| {
        directory == *root || directory.strip_prefix(root).is_some_and(|rest| rest.starts_with('/'))
    });
    let is_called = |known: &str| name.strip_prefix(known).is_some_and(|rest| rest.starts_with(['.', '-']));
    is_there && !directory.contains("/..") && C_LIBRARY.iter().any(|known| is_called(known))
}

/// The path of the program: the file that AT_ENTRY is in, or, where that is a dynamic linker which was executed itself, what
/// it runs.
pub fn program(head: &CoreHead, memory: &dyn Memory, modules: &ModuleTable<'_, '_>) -> Option<String> {
    let entry = head.auxv.entry().or_else(|| head.auxv.program_headers())?;
    let of_entry = head.files.get(head.mapping(entry)?.file)?.path.clone();
    let found = modules.find(entry);
    let of_loader = found.and_then(|found| {
        let elf = found.module.elf()?;
        let has_interpreter = elf
            .file
            .elf_program_headers()
            .iter()
            .any(|header| header.p_type(object::LittleEndian) == PT_INTERP);
        let bias = entry.wrapping_sub(found.svma?);
        let file = (!has_interpreter).then(|| link_map::program_of_loader(head, memory, elf, bias))??;
        Some(head.files.get(file)?.path.clone())
    });
    Some(of_loader.unwrap_or(of_entry)).filter(|path| path.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_outside_of_usr_is_not_named() {
        for (path, is_hidden) in [
            ("/usr/lib/x86_64-linux-gnu/libgtk.so", false),
            ("/home/me/lib/libprivate.so", true),
            ("/usr/local/lib/libprivate.so", true),
            ("/opt/x/libc.so.6", true),
            ("/lib/x86_64-linux-gnu/libc.so.6", false),
            ("/lib64/ld-linux-x86-64.so.2", false),
            ("/lib/ld-musl-x86_64.so.1", false),
            ("/lib/x86_64-linux-gnu/libc-2.31.so", false),
            ("/lib/libcrypt.so.1", true),
            ("/lib/../home/libc.so.6", true),
            ("[vdso]", false),
            ("/memfd:jit", true),
            ("", true),
        ] {
            assert_eq!(Privacy::Filters.hides(path), is_hidden, "{path}");
            assert!(!Privacy::Off.hides(path), "{path}");
        }
    }
}
