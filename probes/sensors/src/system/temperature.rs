//! The highest temperature of the machine's sensors, in `/sys`: thousandths of a degree. Some are on a bus and take their
//! time, so that they are asked in a helper.

use crate::limits::TEMPERATURES;
use crate::source::{Source, names, read};
use std::io;
use std::path::PathBuf;

/// What no sensor measures and some say when nothing is connected, in thousandths of a degree.
const PLAUSIBLE: std::ops::RangeInclusive<i64> = -50_000..=200_000;

/// Longest number that is read, in bytes.
const NUMBER_BYTES: u64 = 32;

/// In thousandths of a degree; none where the machine has no sensor.
pub(crate) fn highest(source: &Source) -> io::Result<Option<i64>> {
    let temperatures = files(source)?.into_iter().take(TEMPERATURES).filter_map(|path| {
        // One that is asleep or gone says an error, and the others count.
        parse(&read(&path, NUMBER_BYTES).ok()?)
    });
    Ok(temperatures.max())
}

/// Files of hwmon, whose older drivers have them one directory below, and of thermal zones.
fn files(source: &Source) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let monitors = source.sys_path("class/hwmon");
    for monitor in names(&monitors, TEMPERATURES)? {
        for directory in [monitors.join(&monitor), monitors.join(&monitor).join("device")] {
            let found = names(&directory, 4096)?.into_iter().filter(|name| is_input(name));
            files.extend(found.map(|name| directory.join(name)));
        }
    }
    let zones = source.sys_path("class/thermal");
    let found = names(&zones, TEMPERATURES)?.into_iter().filter(|name| name.starts_with("thermal_zone"));
    files.extend(found.map(|name| zones.join(name).join("temp")));
    Ok(files)
}

fn is_input(name: &str) -> bool {
    name.starts_with("temp") && name.ends_with("_input")
}

fn parse(text: &str) -> Option<i64> {
    text.strip_suffix('\n')?.parse().ok().filter(|temperature| PLAUSIBLE.contains(temperature))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_highest_that_can_be_is_it() {
        let root = tempfile::tempdir().unwrap();
        let source = Source::below(root.path());
        assert_eq!(highest(&source).unwrap(), None);
        for (file, text) in [
            ("hwmon/hwmon0/temp1_input", "45000\n"),
            ("hwmon/hwmon0/temp2_input", "65261850\n"),
            ("hwmon/hwmon0/temp1_max", "100000\n"),
            ("hwmon/hwmon1/device/temp1_input", "51500\n"),
            ("hwmon/hwmon1/device/temp2_input", "6150"),
            ("thermal/thermal_zone0/temp", "-61000\n"),
            ("thermal/cooling_device0/temp", "90000\n"),
        ] {
            let path = root.path().join("sys/class").join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        assert_eq!(highest(&source).unwrap(), Some(51_500));
    }
}
