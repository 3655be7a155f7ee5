//! What is sampled every few seconds for the windows of an hour: the load of the machine, its free memory, and this process.
//! Four kept files of `/proc`, each asked by one call, nothing allocated: it goes on for as long as the machine runs.

use crate::kept::Kept;
use crate::moment::{Memory, ProcessorTime, open_files, virtual_bytes};
use crate::source::Source;

/// Of `/proc/stat` the first line is wanted: eleven words, none longer than 20 digits. What follows grows with the machine.
const STAT_BYTES: usize = 256;

/// `/proc/meminfo` has what is wanted in its first 20 lines, of 28 bytes.
const MEMINFO_BYTES: usize = 2048;

/// What was read at a moment; none where that could not be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// How much of the time since the moment before the processors worked, in per cent: the first has none.
    pub load: Option<u64>,
    /// Bytes of memory that nothing is kept in.
    pub free: Option<u64>,
    /// Bytes of swap that are free.
    pub swap_free: Option<u64>,
    /// Files that this process has open.
    pub open_files: Option<u64>,
    /// Virtual bytes of this process.
    pub virtual_bytes: Option<u64>,
}

/// Reads the same every few seconds.
#[derive(Debug)]
pub struct Sampler {
    source: Source,
    stat: Kept,
    meminfo: Kept,
    statm: Kept,
    descriptors: Kept,
    earlier: Option<ProcessorTime>,
}

impl Sampler {
    /// Nothing is opened yet.
    pub fn new(source: Source) -> Self {
        let kept = |name| Kept::new(source.proc_path(name));
        Self {
            stat: kept("stat"),
            meminfo: kept("meminfo"),
            statm: kept("self/statm"),
            descriptors: kept("self/fd"),
            earlier: None,
            source,
        }
    }

    /// Reads what there is now.
    pub fn sample(&mut self) -> Moment {
        let mut room = [0; MEMINFO_BYTES];
        let processor = self.processor(&mut room);
        let load = processor.zip(self.earlier).and_then(|(now, earlier)| now.percent_since(earlier));
        self.earlier = processor;
        let memory = self.meminfo.head(&mut room).map(|text| Memory::parse(&text)).unwrap_or_default();
        Moment {
            load,
            free: memory.free,
            swap_free: memory.swap_free,
            open_files: self.open_files(),
            virtual_bytes: self.statm.head(&mut room).ok().and_then(|text| virtual_bytes(&text)),
        }
    }

    fn processor(&mut self, room: &mut [u8]) -> Option<ProcessorTime> {
        let text = self.stat.head(room.get_mut(..STAT_BYTES)?).ok()?;
        ProcessorTime::parse(&text)
    }

    /// Those that are kept open are among them.
    fn open_files(&mut self) -> Option<u64> {
        match self.descriptors.entries() {
            Ok(Some(count)) => Some(count),
            _ => open_files(&self.source),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moment::OwnProcess;
    use std::fs;

    #[test]
    fn a_made_up_machine_that_goes_on() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(root.path().join("proc").join(name), text).unwrap();
        fs::create_dir_all(root.path().join("proc/self/fd")).unwrap();
        for name in ["0", "1", "2", "7"] {
            write(&format!("self/fd/{name}"), "");
        }
        let interrupts = "0 ".repeat(40_000);
        let stat =
            |busy: u64, idle: u64| format!("cpu  {busy} 0 0 {idle} 0 0 0 0 0 0\ncpu0 1\nintr {interrupts}\n");
        let meminfo = "MemTotal: 8 kB\nMemFree: 4 kB\nSwapTotal: 2 kB\nSwapFree: 1 kB\n";
        let mut sampler = Sampler::new(Source::below(root.path()));
        assert_eq!(sampler.sample(), Moment { open_files: Some(3), ..Moment::default() });
        write("stat", &stat(100, 100));
        write("meminfo", meminfo);
        write("self/statm", "3 2 1\n");
        let first = sampler.sample();
        assert_eq!((first.load, first.free, first.swap_free), (None, Some(4096), Some(1024)));
        assert!(first.virtual_bytes.unwrap() >= 3 * 4096);
        write("stat", &stat(130, 170));
        write("meminfo", &meminfo.replace("MemFree: 4", "MemFree: 16"));
        let second = sampler.sample();
        assert_eq!((second.load, second.free, second.open_files), (Some(30), Some(16384), Some(3)));
        // A line that is longer than any kernel writes is cut, and says nothing.
        write("stat", &format!("cpu  {}\n", "1 ".repeat(400)));
        assert_eq!(sampler.sample().load, None);
    }

    #[test]
    fn this_process_has_as_many_files_open_as_its_directory_says() {
        let mut sampler = Sampler::new(Source::machine());
        let first = sampler.sample();
        assert!(first.free.is_some() && first.virtual_bytes.is_some(), "{first:?}");
        // Other tests open and close files meanwhile.
        let is_equal = (0..1000).any(|_| {
            let before = OwnProcess::read(&Source::machine()).open_files;
            let sampled = sampler.sample().open_files;
            sampled.is_some() && sampled == before
        });
        assert!(is_equal);
    }
}
