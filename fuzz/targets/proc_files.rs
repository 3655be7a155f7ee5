//! Files of `/proc`, parted by RS, each behind a line with its name: what any kernel, or whatever stands in its place, writes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::fs;
use std::path::Path;
use telemetry_sensors::moment::{Memory, OwnProcess, ProcessorTime};
use telemetry_sensors::{Source, openmetrics, process_list, system, values};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/made-up-machine");
const NAMES: [&str; 14] = [
    "stat",
    "loadavg",
    "meminfo",
    "vmstat",
    "uptime",
    "diskstats",
    "net/dev",
    "sys/fs/file-nr",
    "pressure/cpu",
    "version",
    "1/stat",
    "1/cmdline",
    "self/statm",
    "1/comm",
];

fuzz_target!(|bytes: &[u8]| {
    let source = machine(bytes);
    for (name, read) in system::readings(&source) {
        let Ok(families) = read else { continue };
        let text = openmetrics::text(&families);
        assert!(text.ends_with("# EOF\n"), "{name}: {text}");
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let value: f64 = line.rsplit_once(' ').unwrap().1.parse().unwrap();
            assert!(value.is_finite() && value >= 0.0, "{line}");
        }
    }
    for process in process_list::list(&source, Some(0), 1_800_000_000).unwrap_or_default() {
        let words = [&process.command, &process.user, process.arguments.as_ref().unwrap_or(&process.user)];
        assert!(!words.into_iter().any(|word| word.contains(char::is_control)), "{process:?}");
        assert!(process.cpu_percent.is_finite() && process.memory_percent.is_finite(), "{process:?}");
        assert!(process.start_unix_secs <= 1_800_000_000);
    }
    for percent in
        [values::memory_available_percent(&source).ok(), values::swap_free_percent(&source).ok().flatten()]
    {
        assert!(percent.is_none_or(|percent| percent.is_finite() && percent >= 0.0));
    }
    assert!(values::load_per_processor(&source).ok().is_none_or(|load| load >= 0.0));
    if let Ok(time) = ProcessorTime::read(&source) {
        let start = ProcessorTime { busy: 0, all: 0 };
        assert!(time.percent_since(start).is_none_or(|percent| percent <= 100));
    }
    let _ = Memory::read(&source);
    OwnProcess::read(&source);
});

/// A machine with these files. On whatever the directory lies: they are never synced.
fn machine(bytes: &[u8]) -> Source {
    let proc = Path::new(ROOT).join("proc");
    for name in NAMES {
        let path = proc.join(name);
        let _ = fs::remove_file(&path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
    }
    for file in bytes.split(|byte| *byte == 0x1e) {
        let end = file.iter().position(|byte| *byte == b'\n').unwrap_or(file.len());
        if let Some(name) = NAMES.iter().find(|name| name.as_bytes() == &file[..end]) {
            fs::write(proc.join(name), file.get(end + 1..).unwrap_or_default()).unwrap();
        }
    }
    Source::below(Path::new(ROOT))
}
