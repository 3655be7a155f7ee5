//! Single values, for who asks for one thing: checks. What is of a file system may hang, and is asked in a child of the
//! caller's.

use crate::error::SensorError;
use crate::source::Source;
use crate::system::{load, memory, processes, processor};
use std::io;
use std::path::Path;
use telemetry_files::bounded_file;

/// Longest name that the kernel has for a process, in bytes.
const COMM_BYTES: usize = 15;

/// More than the file of that name has.
const COMM_FILE_BYTES: u64 = 64;

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
    let loads = load::parse(&source.proc("loadavg")?);
    let [_, load, _] = loads.ok_or_else(|| SensorError::Malformed("/proc/loadavg".to_owned()))?;
    let processors = processor::count_of(&source.proc("stat")?);
    Ok(load / processors.max(1) as f64)
}

/// How many processes have this name: that of the kernel, or, where it is longer than that, of their program.
///
/// # Errors
/// `/proc` cannot be read, or hides the processes of others, among which it may be.
pub fn processes_named(source: &Source, name: &str) -> Result<u64, SensorError> {
    let directory = source.proc_path("");
    // Every machine has that one. With hidepid=1 it is in the list, and nothing can be read of it.
    bounded_file::read_head(&directory.join("1/comm"), COMM_FILE_BYTES).map_err(|_| processes::hidden())?;
    let entries =
        std::fs::read_dir(&directory).map_err(|error| SensorError::file(directory.display(), &error))?;
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let numbers = numbers.filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    let short = name.as_bytes().get(..COMM_BYTES).unwrap_or(name.as_bytes());
    let has_name = |number: &String| {
        let process = directory.join(number);
        // One that has ended since is none.
        let comm = bounded_file::read_head(&process.join("comm"), COMM_FILE_BYTES).unwrap_or_default();
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
            ("1/comm", "init\n"),
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
        fs::remove_file(root.path().join("proc/1/comm")).unwrap();
        assert!(processes_named(&source, "other").unwrap_err().to_string().contains("hidepid"));
        assert!((0.0..=100.0).contains(&free_percent(Path::new("/"), false).unwrap()));
        assert!(free_percent(Path::new("/proc"), false).is_err());
    }
}
