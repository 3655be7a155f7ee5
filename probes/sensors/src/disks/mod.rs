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
