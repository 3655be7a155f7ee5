//! Single values, for who asks for one thing: checks. What is of a file system may hang, and is asked in a child of the
//! caller's.

use crate::error::SensorError;
use crate::source::Source;
use crate::system::memory;
use crate::text::{real, whole_lines};
use std::io;
use std::path::Path;
use telemetry_files::bounded_file;

/// Longest name that the kernel has for a process, in bytes.
const COMM_BYTES: usize = 15;

/// Longest beginning of a command line that is read, for the program's name alone.
const PROGRAM_BYTES: u64 = 4096;

/// Per cent of memory that programs can have without swapping. Before Linux 3.14 that is what is free.
///
/// # Errors
/// It cannot be read.
pub fn memory_available_percent(source: &Source) -> Result<f64, SensorError> {
    let memory = memory::parse(&source.proc("meminfo")?);
    let available = memory.available.or(memory.free);
    let percent = available.zip(memory.total).and_then(|(available, total)| percent(available, total));
    percent.ok_or_else(|| SensorError::Malformed("/proc/meminfo".to_owned()))
}

/// Per cent of swap that is free; none without swap.
///
/// # Errors
/// It cannot be read.
pub fn swap_free_percent(source: &Source) -> Result<Option<f64>, SensorError> {
    let memory = memory::parse(&source.proc("meminfo")?);
    Ok(memory.swap_free.zip(memory.swap_total).and_then(|(free, total)| percent(free, total)))
}

/// The load average over 5 minutes, by processor.
///
/// # Errors
/// It cannot be read.
pub fn load_per_processor(source: &Source) -> Result<f64, SensorError> {
    let load = source.proc("loadavg")?;
    let load = whole_lines(&load).next().and_then(|line| real(line.split(' ').nth(1)?));
    let load = load.ok_or_else(|| SensorError::Malformed("/proc/loadavg".to_owned()))?;
    let stat = source.proc("stat")?;
    let is_processor = |line: &&str| {
        line.strip_prefix("cpu").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let processors = whole_lines(&stat).filter(is_processor).count();
    Ok(load / processors.max(1) as f64)
}

/// How many processes have this name: that of the kernel, or, where it is longer than that, of their program.
///
/// # Errors
/// `/proc` cannot be read.
pub fn processes_named(source: &Source, name: &str) -> Result<u64, SensorError> {
    let directory = source.proc_path("");
    let entries =
        std::fs::read_dir(&directory).map_err(|error| SensorError::file(directory.display(), &error))?;
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let numbers = numbers.filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    let short = name.as_bytes().get(..COMM_BYTES).unwrap_or(name.as_bytes());
    let has_name = |number: &String| {
        let process = directory.join(number);
        // One that has ended since is none.
        let comm = bounded_file::read_head(&process.join("comm"), 64).unwrap_or_default();
        comm.strip_suffix(b"\n").unwrap_or(&comm) == short
            && (name.len() <= COMM_BYTES || program(&process).as_deref() == Some(name.as_bytes()))
    };
    Ok(numbers.filter(has_name).count() as u64)
}

/// The last part of the first argument.
fn program(process: &Path) -> Option<Vec<u8>> {
    let line = bounded_file::read_head(&process.join("cmdline"), PROGRAM_BYTES).ok()?;
    let program = line.split(|byte| *byte == 0).next()?;
    program.rsplit(|byte| *byte == b'/').next().map(<[u8]>::to_vec)
}

/// Per cent of the file system of this path that everybody can have: of its space, or of its inodes. This may hang.
///
/// # Errors
/// As the system says.
pub fn free_percent(path: &Path, is_inodes: bool) -> io::Result<f64> {
    let found = nix::sys::statvfs::statvfs(path)?;
    let (free, all) = if is_inodes {
        (found.files_available(), found.files())
    } else {
        // As df has it: what is root's alone is not there.
        let used = found.blocks().saturating_sub(found.blocks_free());
        (found.blocks_available(), used.saturating_add(found.blocks_available()))
    };
    percent(free, all).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "has no size"))
}

fn percent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 * 100.0 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn values_of_a_made_up_machine() {
        let root = tempfile::tempdir().unwrap();
        for (file, text) in [
            ("meminfo", "MemTotal: 1000 kB\nMemFree: 100 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n"),
            ("loadavg", "1.00 3.00 5.00 1/2 3\n"),
            ("stat", "cpu 1 2 3 4\ncpu0 1\ncpu1 1\n"),
            ("7/comm", "short\n"),
            ("8/comm", "a-very-long-nam\n"),
            ("8/cmdline", "/usr/bin/a-very-long-name\0--secret\0"),
            ("9/comm", "a-very-long-nam\n"),
            ("9/cmdline", "a-very-long-namesake\0"),
        ] {
            let path = root.path().join("proc").join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let source = Source::below(root.path());
        assert_eq!(memory_available_percent(&source), Ok(10.0));
        assert_eq!(swap_free_percent(&source), Ok(None));
        assert_eq!(load_per_processor(&source), Ok(1.5));
        let count = |name| processes_named(&source, name).unwrap();
        assert_eq!((count("short"), count("a-very-long-name"), count("other")), (1, 1, 0));
        assert!((0.0..=100.0).contains(&free_percent(Path::new("/"), false).unwrap()));
        assert!(free_percent(Path::new("/proc"), false).is_err());
    }
}
