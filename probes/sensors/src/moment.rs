//! The machine and this process at one moment: times of the processors, memory, open files. Who wants them every few seconds
//! has a [`Sampler`](crate::Sampler).

use crate::error::SensorError;
use crate::source::Source;
use crate::system::memory;
use crate::system::processor;
use crate::text::{whole, whole_lines};
use nix::sys::resource::{Resource, getrlimit};
use nix::unistd::{SysconfVar, sysconf};

/// Times of all processors, in ticks since the start of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessorTime {
    /// In which they worked.
    pub busy: u64,
    /// All of it.
    pub all: u64,
}

impl ProcessorTime {
    /// The times until now.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn read(source: &Source) -> Result<Self, SensorError> {
        Self::parse(&source.proc("stat")?).ok_or_else(|| SensorError::Malformed("/proc/stat".to_owned()))
    }

    /// By the text of `/proc/stat`, whose first line is enough.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let [user, system, nice, idle, iowait, interrupt, steal] = processor::ticks_of(text)?;
        let sum = |parts: &[u64]| parts.iter().fold(0_u64, |sum, part| sum.saturating_add(*part));
        let busy = sum(&[user, system, nice, interrupt, steal]);
        Some(Self { busy, all: sum(&[busy, idle, iowait]) })
    }

    /// How much of the time since an earlier moment they worked, in whole per cent, rounded down; none where no time passed.
    /// Counters that went back (a processor was taken out) count as 0.
    pub fn percent_since(self, earlier: Self) -> Option<u64> {
        let all = self.all.saturating_sub(earlier.all);
        let busy = self.busy.saturating_sub(earlier.busy).min(all);
        busy.saturating_mul(100).checked_div(all)
    }
}

/// Memory of the machine, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// All of it.
    pub total: Option<u64>,
    /// What nothing is kept in (`MemFree`).
    pub free: Option<u64>,
    /// Swap.
    pub swap_total: Option<u64>,
    /// What of that is free.
    pub swap_free: Option<u64>,
}

impl Memory {
    /// As it is now.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(source: &Source) -> Result<Self, SensorError> {
        Ok(Self::parse(&source.proc("meminfo")?))
    }

    /// By the text of `/proc/meminfo`.
    pub(crate) fn parse(text: &str) -> Self {
        let memory::Memory { total, free, swap_total, swap_free, .. } = memory::parse(text);
        Self { total, free, swap_total, swap_free }
    }
}

/// This process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnProcess {
    /// Files that it has open.
    pub open_files: Option<u64>,
    /// Files that it may have open.
    pub max_open_files: Option<u64>,
    /// Its virtual size in bytes.
    pub virtual_bytes: Option<u64>,
}

impl OwnProcess {
    /// As it is now; what cannot be read is none.
    pub fn read(source: &Source) -> Self {
        Self {
            open_files: open_files(source),
            max_open_files: getrlimit(Resource::RLIMIT_NOFILE).ok().map(|(soft, _)| soft),
            virtual_bytes: source.proc("self/statm").ok().and_then(|text| virtual_bytes(&text)),
        }
    }
}

/// Files that this process has open, by the names in its directory.
pub(crate) fn open_files(source: &Source) -> Option<u64> {
    let entries = std::fs::read_dir(source.proc_path("self/fd")).ok()?;
    // Without the one by which the directory is read.
    Some((entries.count() as u64).saturating_sub(1))
}

/// The first number of `statm`, which counts pages.
pub(crate) fn virtual_bytes(statm: &str) -> Option<u64> {
    let pages = whole(whole_lines(statm).next()?.split(' ').next()?)?;
    let page = sysconf(SysconfVar::PAGE_SIZE).ok().flatten()?;
    pages.checked_mul(u64::try_from(page).ok()?)
}

/// The first line of `/proc/version`.
///
/// # Errors
/// It cannot be read.
pub fn operating_system(source: &Source) -> Result<String, SensorError> {
    let text = source.proc("version")?;
    let line = text.lines().next().unwrap_or_default();
    Ok(crate::text::name(line.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_load_is_between_two_moments() {
        let time = |busy, all| ProcessorTime { busy, all };
        for (now, earlier, expected) in [
            (time(150, 300), time(100, 200), Some(50)),
            (time(199, 300), time(0, 0), Some(66)),
            (time(1, 1), time(1, 1), None),
            (time(0, 300), time(100, 200), Some(0)),
            (time(300, 300), time(0, 200), Some(100)),
        ] {
            assert_eq!(now.percent_since(earlier), expected, "{now:?} {earlier:?}");
        }
    }

    #[test]
    fn a_made_up_machine_and_this_one() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("proc/self/fd")).unwrap();
        for (file, text) in [
            ("stat", "cpu  10 20 30 400 5 6 7 8 9 10\ncpu0 1\n"),
            ("meminfo", "MemTotal: 8 kB\nMemFree: 4 kB\nSwapTotal: 2 kB\nSwapFree: 1 kB\n"),
            ("version", "Linux version 6.1 (a@b)\nmore\n"),
            ("self/statm", "3 2 1\n"),
        ] {
            fs::write(root.path().join("proc").join(file), text).unwrap();
        }
        let source = Source::below(root.path());
        let time = ProcessorTime::read(&source).unwrap();
        assert_eq!((time.busy, time.all), (10 + 20 + 30 + 6 + 7 + 8, 10 + 20 + 30 + 400 + 5 + 6 + 7 + 8));
        let memory = Memory::read(&source).unwrap();
        assert_eq!((memory.total, memory.free), (Some(8192), Some(4096)));
        assert_eq!((memory.swap_total, memory.swap_free), (Some(2048), Some(1024)));
        assert_eq!(operating_system(&source).unwrap(), "Linux version 6.1 (a@b)");
        assert!(OwnProcess::read(&source).virtual_bytes.unwrap() >= 3 * 4096);
        let own = OwnProcess::read(&Source::machine());
        assert!(own.open_files.unwrap() >= 3 && own.max_open_files.unwrap() >= 3, "{own:?}");
    }
}
