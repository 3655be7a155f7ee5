//! `/proc/meminfo` and `/proc/vmstat`: memory and swap.
//!
//! ```text
//! MemTotal:        8065428 kB
//! MemAvailable:    7000000 kB      since 3.14
//! ```

use crate::catalogue::{MEMORY_AVAILABLE, MEMORY_LIMIT, MEMORY_USAGE, PAGING_OPERATIONS, PAGING_USAGE};
use crate::error::SensorError;
use crate::metric::Family;
use crate::source::Source;
use crate::text::{whole, whole_lines};

const KIB: u64 = 1024;

/// What is asked for of the file, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) total: Option<u64>,
    pub(crate) free: Option<u64>,
    pub(crate) available: Option<u64>,
    buffers: Option<u64>,
    cached: Option<u64>,
    reclaimable: Option<u64>,
    pub(crate) swap_total: Option<u64>,
    pub(crate) swap_free: Option<u64>,
}

pub(super) fn read(source: &Source) -> Result<Vec<Family>, SensorError> {
    let memory = parse(&source.proc("meminfo")?);
    let malformed = || SensorError::Malformed("/proc/meminfo".to_owned());
    let total = memory.total.ok_or_else(malformed)?;
    let swap_used = memory.swap_total.zip(memory.swap_free).map(|(total, free)| total.saturating_sub(free));
    let [swapped_in, swapped_out] = operations(&source.proc_if_there("vmstat")?.unwrap_or_default());
    Ok(vec![
        Family::one(&MEMORY_LIMIT, Some(total)),
        Family::by(&MEMORY_USAGE, "state", memory.states(total)),
        Family::one(&MEMORY_AVAILABLE, memory.available),
        Family::by(&PAGING_USAGE, "state", [("used", swap_used), ("free", memory.swap_free)]),
        Family::by(&PAGING_OPERATIONS, "direction", [("in", swapped_in), ("out", swapped_out)]),
    ])
}

impl Memory {
    /// The states add up to the total. Slabs that the kernel can take back are cache, as free(1) has it.
    fn states(&self, total: u64) -> [(&'static str, Option<u64>); 4] {
        let cached = self.cached.map(|cached| cached.saturating_add(self.reclaimable.unwrap_or(0)));
        let unused = [self.free, self.buffers, cached];
        let used = unused.into_iter().sum::<Option<u64>>().map(|unused| total.saturating_sub(unused));
        [("used", used), ("free", self.free), ("cached", cached), ("buffers", self.buffers)]
    }
}

pub(crate) fn parse(text: &str) -> Memory {
    let mut memory = Memory::default();
    for line in whole_lines(text) {
        let Some((name, value)) = line.split_once(':') else { continue };
        let place = match name {
            "MemTotal" => &mut memory.total,
            "MemFree" => &mut memory.free,
            "MemAvailable" => &mut memory.available,
            "Buffers" => &mut memory.buffers,
            "Cached" => &mut memory.cached,
            "SReclaimable" => &mut memory.reclaimable,
            "SwapTotal" => &mut memory.swap_total,
            "SwapFree" => &mut memory.swap_free,
            _ => continue,
        };
        let kib = value.trim().strip_suffix(" kB").map(str::trim).and_then(whole);
        *place = kib.and_then(|kib| kib.checked_mul(KIB));
    }
    memory
}

/// Pages swapped in and out.
fn operations(text: &str) -> [Option<u64>; 2] {
    ["pswpin ", "pswpout "]
        .map(|name| whole_lines(text).find_map(|line| line.strip_prefix(name)).and_then(whole))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn states_add_up_and_what_an_old_kernel_lacks_is_none() {
        let text = "MemTotal:  1000 kB\nMemFree: 100 kB\nBuffers: 50 kB\nCached: 200 kB\nSReclaimable: 20 kB\n\
                    HugePages_Total: 3\nSwapTotal: 8 kB\nSwapFree: 5 kB\n";
        let memory = parse(text);
        assert_eq!((memory.available, memory.swap_total), (None, Some(8 * KIB)));
        let states = memory.states(1000 * KIB);
        let kib = [("used", Some(630 * KIB)), ("free", Some(100 * KIB)), ("cached", Some(220 * KIB))];
        assert_eq!(states[..3], kib);
        assert_eq!(
            parse("MemTotal: 5 MB\nMemFree: x kB\nBuffers: 18446744073709551615 kB\n"),
            Memory::default()
        );
        assert_eq!(operations("nr_free 1\npswpin 7\npswpout 8"), [Some(7), None]);
    }

    proptest! {
        #[test]
        fn a_text_that_is_cut_says_nothing_else(cut in 0..140_usize) {
            let text = "MemTotal:  1000 kB\nMemFree: 100 kB\nMemAvailable: 500 kB\nBuffers: 50 kB\nCached: 200 kB\n";
            let (whole, part) = (parse(text), parse(&text[..cut.min(text.len())]));
            for (part, whole) in [
                (part.total, whole.total), (part.free, whole.free), (part.available, whole.available),
                (part.buffers, whole.buffers), (part.cached, whole.cached),
            ] {
                prop_assert!(part.is_none() || part == whole);
            }
        }
    }
}
