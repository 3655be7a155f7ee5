//! How much a file system holds: statvfs(3), and what is said of it.

use super::mounts::{self, Mount};
use crate::catalogue::{FILESYSTEM_INODES, FILESYSTEM_USAGE};
use crate::limits::MOUNTS_BYTES;
use crate::metric::{Family, Sample};
use nix::errno::Errno;
use nix::sys::stat::{major, minor, stat};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use telemetry_files::bounded_file;

/// Where the mounts of this process are.
const OWN_MOUNTS: &str = "/proc/self/mountinfo";

/// File systems whose files have other device numbers than their mount.
const OF_MANY_DEVICES: [&str; 2] = ["btrfs", "bcachefs"];

/// What a file system says of itself, in blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) block_bytes: u64,
    pub(crate) blocks: u64,
    pub(crate) free: u64,
    /// Of those, what is not root's alone.
    pub(crate) available: u64,
    pub(crate) inodes: u64,
    pub(crate) inodes_free: u64,
}

/// Asks a file system. This may hang.
///
/// # Errors
/// As the system says; none of its numbers where another file system is seen there.
pub(crate) fn statvfs(mount: &Mount, own: &[Mount]) -> Result<Usage, Option<Errno>> {
    let path = Path::new(OsStr::from_bytes(&mount.point));
    let device = stat(path)?.st_dev;
    let is_device = (major(device), minor(device)) == (mount.device.0.into(), mount.device.1.into());
    let is_of_many = OF_MANY_DEVICES.contains(&mount.kind.as_str());
    let is_seen = own.iter().any(|own| own.point == mount.point && own.device == mount.device);
    if !(is_device || is_of_many && is_seen) {
        return Err(None);
    }
    let found = nix::sys::statvfs::statvfs(path)?;
    Ok(Usage {
        block_bytes: found.fragment_size(),
        blocks: found.blocks(),
        free: found.blocks_free(),
        available: found.blocks_available(),
        inodes: found.files(),
        inodes_free: found.files_free(),
    })
}

/// The mounts that this process sees.
pub(crate) fn own_mounts() -> Vec<Mount> {
    bounded_file::read_head(Path::new(OWN_MOUNTS), MOUNTS_BYTES)
        .map(|bytes| mounts::parse(&bytes))
        .unwrap_or_default()
}

/// The series of these. One without blocks (`/proc`) has none, one without a number of inodes (btrfs) none of those.
pub(crate) fn families(usages: &[(String, Usage)]) -> Vec<Family> {
    let (mut space, mut inodes) = (Vec::new(), Vec::new());
    let add = |samples: &mut Vec<Sample>, point: &str, states: [(&str, u64); 3]| {
        let sample =
            |(state, value): (&str, u64)| Sample::labelled("mountpoint", point, value).and("state", state);
        samples.extend(states.into_iter().map(sample));
    };
    for (point, usage) in usages {
        if usage.blocks > 0 {
            add(&mut space, point, usage.space());
        }
        if usage.inodes > 0 {
            let free = usage.inodes_free.min(usage.inodes);
            let states = [("used", usage.inodes - free), ("free", free)];
            let sample = |(state, value)| Sample::labelled("mountpoint", point, value).and("state", state);
            inodes.extend(states.map(sample));
        }
    }
    vec![
        Family { metric: &FILESYSTEM_USAGE, samples: space },
        Family { metric: &FILESYSTEM_INODES, samples: inodes },
    ]
}

impl Usage {
    /// In bytes; they add up to the size. Free is what everybody can have, reserved what root alone can have besides.
    fn space(&self) -> [(&'static str, u64); 3] {
        let bytes = |blocks: u64| blocks.saturating_mul(self.block_bytes);
        let free = self.free.min(self.blocks);
        let available = self.available.min(free);
        [
            ("used", bytes(self.blocks - free)),
            ("free", bytes(available)),
            ("reserved", bytes(free - available)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openmetrics;
    use proptest::prelude::*;

    #[test]
    fn states_add_up_and_what_has_no_size_is_left_out() {
        let usage =
            Usage { block_bytes: 4096, blocks: 100, free: 30, available: 25, inodes: 50, inodes_free: 20 };
        let text = openmetrics::text(&families(&[
            ("/".to_owned(), usage),
            ("/proc".to_owned(), Usage::default()),
            ("/b".to_owned(), Usage { inodes: 0, ..usage }),
        ]));
        for line in [
            "system_filesystem_usage_bytes{mountpoint=\"/\",state=\"used\"} 286720",
            "system_filesystem_usage_bytes{mountpoint=\"/\",state=\"free\"} 102400",
            "system_filesystem_usage_bytes{mountpoint=\"/b\",state=\"reserved\"} 20480",
            "system_filesystem_inodes{mountpoint=\"/\",state=\"used\"} 30",
        ] {
            assert!(text.lines().any(|there| there == line), "{line}: {text}");
        }
        assert!(!text.contains("/proc") && !text.contains("inodes{mountpoint=\"/b\""), "{text}");
    }

    proptest! {
        #[test]
        fn no_file_system_can_say_what_breaks_a_sum(numbers in any::<[u64; 4]>()) {
            let [block_bytes, blocks, free, available] = numbers;
            let usage = Usage { block_bytes, blocks, free, available, inodes: free, inodes_free: blocks };
            let sum = usage.space().iter().fold(0_u64, |sum, (_, bytes)| sum.saturating_add(*bytes));
            prop_assert!(sum <= blocks.saturating_mul(block_bytes) || sum == u64::MAX);
            families(&[("/".to_owned(), usage)]);
        }
    }
}
