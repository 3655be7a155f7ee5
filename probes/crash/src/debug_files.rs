//! Where distributions put what they strip off: separate debug files, found by build-id or by name, and
//! `.gnu_debugdata`, an xz-compressed symbol table inside the program ("mini debuginfo" of Fedora).

use super::elf::{BuildId, Elf};
use super::files::Files;
use super::limits::{MINI_DEBUG_BYTES, MINI_DEBUG_DECODER_KIB};
use flate2::Crc;
use lzma_rust2::XzReader;
use object::Object;
use std::io::Read;

/// Where debug files lie that are shared by several, and nowhere else.
const DEBUG_ROOT: &str = "/usr/lib/debug";

/// The separate debug file of a module.
pub(crate) fn find<'data>(
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

/// What several debug files share (`.gnu_debugaltlink`, made by dwz): known by its build-id, wherever it was found.
pub(crate) fn supplement<'data>(
    elf: &Elf<'data>,
    module_path: &str,
    files: &dyn Files<'data>,
) -> Option<Elf<'data>> {
    let (path, id) = elf.file.gnu_debugaltlink().ok()??;
    let id = BuildId::new(id)?;
    let is_meant =
        |bytes: &'data [u8]| Elf::parse(bytes).ok().filter(|found| found.build_id.as_ref() == Some(&id));
    let by_id = files.debug_by_build_id(&id).and_then(is_meant);
    by_id.or_else(|| {
        let path = str::from_utf8(path).ok()?;
        let directories = debug_directories(elf, module_path);
        let mut paths = directories.iter().filter_map(|directory| absolute(directory, path));
        paths.find_map(|path| is_meant(files.supplement(&path)?))
    })
}

/// Where the debug file of a module may lie.
fn debug_directories(elf: &Elf<'_>, module_path: &str) -> Vec<String> {
    let beside = module_path.rsplit_once('/').map_or("", |(directory, _)| directory);
    let by_id = elf.build_id.as_ref().map(|id| id.to_string());
    let by_id = by_id.as_deref().and_then(|id| Some(format!("{DEBUG_ROOT}/.build-id/{}", id.get(..2)?)));
    let by_link = [format!("{DEBUG_ROOT}{beside}"), beside.to_owned(), format!("{beside}/.debug")];
    by_id.into_iter().chain(by_link).collect()
}

/// A path of `.gnu_debugaltlink` as an absolute one without `.` and `..`; none if it leaves [`DEBUG_ROOT`].
fn absolute(directory: &str, path: &str) -> Option<String> {
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{directory}/{path}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    let absolute = format!("/{}", parts.join("/"));
    absolute
        .strip_prefix(DEBUG_ROOT)?
        .strip_prefix('/')
        .is_some_and(|rest| !rest.is_empty())
        .then_some(absolute)
}

/// The mini debug information, unpacked, in at most this many bytes.
pub(crate) fn mini_debug_info(elf: &Elf<'_>, room: u64) -> Option<Vec<u8>> {
    let (_, packed) = elf.section(".gnu_debugdata")?;
    let limit = MINI_DEBUG_BYTES.min(room);
    let decoder = XzReader::new_mem_limit(packed, false, MINI_DEBUG_DECODER_KIB);
    let mut unpacked = Vec::new();
    decoder.take(limit.saturating_add(1)).read_to_end(&mut unpacked).ok()?;
    (unpacked.len() as u64 <= limit).then_some(unpacked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_debug_data_lies_below_its_root() {
        let by_id = "/usr/lib/debug/.build-id/ab";
        for (directory, path, expected) in [
            (
                by_id,
                "../../.dwz/x86_64-linux-gnu/x.debug",
                Some("/usr/lib/debug/.dwz/x86_64-linux-gnu/x.debug"),
            ),
            (by_id, "/usr/lib/debug/.dwz/x", Some("/usr/lib/debug/.dwz/x")),
            ("/usr/bin", "../lib/debug/./.dwz//x", Some("/usr/lib/debug/.dwz/x")),
            (by_id, "../../../../../etc/shadow", None),
            (by_id, "/usr/lib/debug/../../../etc/shadow", None),
            (by_id, "/usr/lib/debugger/x", None),
            (by_id, "/usr/lib/debug", None),
            (by_id, "../../../../../../../usr/lib/debug/x", None),
            (by_id, "", Some(by_id)),
        ] {
            assert_eq!(absolute(directory, path).as_deref(), expected, "{directory} {path}");
        }
    }
}
