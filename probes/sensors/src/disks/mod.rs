//! File systems: which there are, which of them are read, and how much is free there.

mod choice;
mod mounts;
mod usage;

pub use choice::Wanted;
pub(crate) use usage::{Usage, families, own_mounts, statvfs};

use crate::error::SensorError;
use crate::limits::{FILE_SYSTEMS, MOUNTS_BYTES};
use crate::source::Source;
pub(crate) use mounts::Mount;
use telemetry_files::bounded_file;

/// The mount points that a text of `mountinfo` has and that can be seen, as they are shown.
pub fn mount_points(mountinfo: &[u8]) -> Vec<String> {
    let point = |mount: &Mount| crate::text::name(&mount.point).into_owned();
    mounts::parse(mountinfo).iter().map(point).collect()
}

/// The mounts of the machine that are to be read, and how many more there are than are read.
///
/// A sandbox has mounts of its own: those of the first process are the machine's. Where `/proc` does not show that one, they
/// are this process's.
pub(crate) fn chosen(source: &Source, wanted: &Wanted) -> Result<(Vec<Mount>, usize), SensorError> {
    let first = read(source, "1/mountinfo");
    let mounts = if first.is_ok() { first } else { read(source, "self/mountinfo") }?;
    let mut chosen = choice::choose(mounts, wanted);
    let more = chosen.len().saturating_sub(FILE_SYSTEMS);
    chosen.truncate(FILE_SYSTEMS);
    Ok((chosen, more))
}

fn read(source: &Source, name: &str) -> Result<Vec<Mount>, SensorError> {
    let path = source.proc_path(name);
    let bytes = bounded_file::read_head(&path, MOUNTS_BYTES)
        .map_err(|error| SensorError::file(path.display(), &error))?;
    Ok(mounts::parse(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn of_four_thousand_mounts_some_are_read_and_the_rest_is_counted() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("proc/1")).unwrap();
        let line = |id: usize| {
            format!("{id} 1 8:{id} / /very/long/path/of/a/container\\040{id:0200} rw - ext4 a rw\n")
        };
        let lines: String = (2..4000).map(line).collect();
        let text =
            format!("1 1 8:1 / / rw - ext4 a rw\n4000 2 8:4000 / /x\\012y\\134 rw - ext4 a rw\n{lines}");
        fs::write(root.path().join("proc/1/mountinfo"), text).unwrap();
        let source = Source::below(root.path());
        let (mounts, more) = chosen(&source, &Wanted::Local).unwrap();
        assert_eq!((mounts.len(), more), (FILE_SYSTEMS, 4000 - FILE_SYSTEMS));
        assert_eq!((mounts[0].point.as_slice(), mounts[1].point.as_slice()), (&b"/"[..], &b"/x\ny\\"[..]));
        // Whoever names one gets it, wherever it stands.
        let last = format!("/very/long/path/of/a/container {:0200}", 3999);
        let (mounts, more) = chosen(&source, &Wanted::Named(vec![last.clone()])).unwrap();
        assert_eq!((mounts.len(), more, mounts[0].point.as_slice()), (1, 0, last.as_bytes()));
    }
}
