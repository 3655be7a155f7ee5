//! What is asked in a helper, and the numbers that come back.

use super::packet::NUMBERS;
use crate::disks::{Mount, Usage, statvfs};
use crate::source::Source;
use crate::system::temperature;
use nix::errno::Errno;

/// The numbers of an answer; what they mean depends on the question.
pub(crate) type Answer = [u64; NUMBERS];

/// Something that may hang.
#[derive(Clone, Debug)]
pub(crate) enum Question {
    /// The space of a file system.
    FileSystem(Mount),
    /// The highest temperature.
    Temperature,
}

impl Question {
    /// What is locked while it is asked: by the device, since a file system hangs wherever it is mounted.
    pub(super) fn key(&self) -> u64 {
        match self {
            Question::Temperature => 0,
            Question::FileSystem(mount) => {
                let (major, minor) = mount.device;
                // As the kernel packs the two, and 1 for that of temperature.
                (u64::from(major) << 20 | u64::from(minor)).saturating_add(1)
            }
        }
    }

    /// Asks. None of the system's numbers where a sandbox hides what was asked for.
    pub(super) fn ask(&self, source: &Source, own: &[Mount]) -> Result<Answer, Option<Errno>> {
        match self {
            Question::FileSystem(mount) => statvfs(mount, own).map(|usage| {
                let Usage { block_bytes, blocks, free, available, inodes, inodes_free } = usage;
                [block_bytes, blocks, free, available, inodes, inodes_free]
            }),
            Question::Temperature => match temperature::highest(source) {
                Ok(highest) => {
                    let value = highest.map_or(0, i64::cast_unsigned);
                    Ok([highest.is_some().into(), value, 0, 0, 0, 0])
                }
                Err(error) => Err(Some(error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))),
            },
        }
    }
}

/// A file system's answer.
pub(crate) fn usage([block_bytes, blocks, free, available, inodes, inodes_free]: Answer) -> Usage {
    Usage { block_bytes, blocks, free, available, inodes, inodes_free }
}

/// The answer about temperature, in thousandths of a degree.
pub(crate) fn highest([is_there, value, ..]: Answer) -> Option<i64> {
    (is_there == 1).then_some(value.cast_signed())
}
