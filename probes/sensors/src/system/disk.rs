//! `/proc/diskstats`: what was read from and written to disks.
//!
//! ```text
//! 8 0 sda reads merged sectors ms writes merged sectors ms ...      more numbers since 4.18 and 5.5
//! ```
//!
//! A disk is what has a device: no partition, and nothing that is made of others (loop, dm, md, zram), which would count
//! twice.

use crate::catalogue::{DISK_IO, DISK_OPERATIONS};
use crate::error::SensorError;
use crate::metric::Family;
use crate::source::Source;
use crate::text::{whole, whole_lines};

/// What a sector is in this file, whatever the disk has.
const SECTOR_BYTES: u64 = 512;

/// Sums over disks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    reads: u64,
    read_sectors: u64,
    writes: u64,
    written_sectors: u64,
}

pub(super) fn read(source: &Source) -> Result<Vec<Family>, SensorError> {
    let text = source.proc("diskstats")?;
    let blocks = source.sys_path("block");
    let is_disk = |name: &str| {
        // A name with a slash has its directory with an exclamation mark.
        let name = name.replace('/', "!");
        name != ".." && blocks.join(name).join("device").exists()
    };
    Ok(sums(&text, is_disk).map_or_else(Vec::new, |sums| {
        let bytes = |sectors: u64| Some(sectors.saturating_mul(SECTOR_BYTES));
        let io = [("read", bytes(sums.read_sectors)), ("write", bytes(sums.written_sectors))];
        vec![
            Family::by(&DISK_IO, "direction", io),
            Family::by(
                &DISK_OPERATIONS,
                "direction",
                [("read", Some(sums.reads)), ("write", Some(sums.writes))],
            ),
        ]
    }))
}

/// None without a disk, as in a container.
fn sums(text: &str, is_disk: impl Fn(&str) -> bool) -> Option<Sums> {
    let disks = whole_lines(text).filter_map(line).filter(|(name, _)| is_disk(name));
    disks.map(|(_, sums)| sums).reduce(|all, disk| Sums {
        reads: all.reads.saturating_add(disk.reads),
        read_sectors: all.read_sectors.saturating_add(disk.read_sectors),
        writes: all.writes.saturating_add(disk.writes),
        written_sectors: all.written_sectors.saturating_add(disk.written_sectors),
    })
}

fn line(line: &str) -> Option<(&str, Sums)> {
    let mut words = line.split_ascii_whitespace().skip(2);
    let name = words.next()?;
    let mut numbers = words.map(whole);
    let mut next = |skipped| numbers.nth(skipped).flatten();
    let (reads, read_sectors, writes, written_sectors) = (next(0)?, next(1)?, next(1)?, next(1)?);
    Some((name, Sums { reads, read_sectors, writes, written_sectors }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_are_summed() {
        let text = "   8       0 sda 10 1 100 5 20 2 200 7 0 1 2 0 0 0 0\n   8       1 sda1 9 1 99 5 19 2 199 7 0 1 2\n \
                    253 0 vda 1 0 8 0 2 0 16 0 0 0 0\n 7 0 loop0 5 5 5 5 5 5 5 5 5 5 5\n 8 16 sdb 1 2 3\n";
        let disks = |name: &str| ["sda", "vda", "sdb"].contains(&name);
        let expected = Sums { reads: 11, read_sectors: 108, writes: 22, written_sectors: 216 };
        assert_eq!(sums(text, disks), Some(expected));
        assert_eq!(sums(text, |_| false), None);
        let cut = text.split_once(" 7 0 loop0").unwrap().0.trim_end();
        assert_eq!(sums(cut, disks).unwrap().reads, 10, "a line without end does not count");
    }
}
