//! `/proc/stat`: what the processors did, and how many processes were started.
//!
//! ```text
//! cpu  user nice system idle iowait irq softirq steal guest guest_nice     in ticks; guest is part of user
//! cpu0 ...
//! processes 123
//! ```

use crate::catalogue::{CPU_COUNT, CPU_TIME, PROCESS_CREATED};
use crate::error::SensorError;
use crate::metric::Family;
use crate::source::Source;
use crate::text::{whole, whole_lines};
use nix::unistd::{SysconfVar, sysconf};

/// Ticks a second where the system does not say: all but two old architectures have that.
const USUAL_TICKS: u64 = 100;

const MODES: [&str; 7] = ["user", "system", "nice", "idle", "iowait", "interrupt", "steal"];

/// What the file says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stat {
    /// In the order of [`MODES`], in ticks.
    ticks: Option<[u64; 7]>,
    processors: u64,
    created: Option<u64>,
}

pub(super) fn read(source: &Source) -> Result<Vec<Family>, SensorError> {
    let stat = parse(&source.proc("stat")?);
    let ticks = stat.ticks.ok_or_else(|| SensorError::Malformed("/proc/stat".to_owned()))?;
    let per_second = ticks_per_second();
    let seconds = ticks.map(|ticks| Some(ticks as f64 / per_second));
    Ok(vec![
        Family::by(&CPU_TIME, "mode", MODES.into_iter().zip(seconds)),
        Family::one(&CPU_COUNT, Some(stat.processors).filter(|number| *number > 0)),
        Family::one(&PROCESS_CREATED, stat.created),
    ])
}

pub(crate) fn ticks_per_second() -> f64 {
    let ticks = sysconf(SysconfVar::CLK_TCK).ok().flatten().and_then(|ticks| u64::try_from(ticks).ok());
    ticks.filter(|ticks| *ticks > 0).unwrap_or(USUAL_TICKS) as f64
}

/// Of all processors, in the order of [`MODES`].
pub(crate) fn ticks_of(text: &str) -> Option<[u64; 7]> {
    parse(text).ticks
}

/// How many processors are on.
pub(crate) fn count_of(text: &str) -> u64 {
    parse(text).processors
}

fn parse(text: &str) -> Stat {
    let mut stat = Stat::default();
    for line in whole_lines(text) {
        let mut words = line.split_ascii_whitespace();
        match words.next() {
            Some("cpu") => stat.ticks = ticks(words),
            Some("processes") => stat.created = words.next().and_then(whole),
            Some(name) if is_processor(name) => stat.processors += 1,
            _ => {}
        }
    }
    stat
}

fn is_processor(name: &str) -> bool {
    name.strip_prefix("cpu").is_some_and(|number| whole(number).is_some())
}

/// Kernels before 2.6.11 have four numbers, before 2.6.24 eight.
fn ticks<'a>(words: impl Iterator<Item = &'a str>) -> Option<[u64; 7]> {
    let mut numbers = words.map_while(whole).take(8).fuse();
    let (user, nice, system, idle) = (numbers.next()?, numbers.next()?, numbers.next()?, numbers.next()?);
    let mut next = || numbers.next().unwrap_or(0);
    let (iowait, irq, softirq, steal) = (next(), next(), next(), next());
    Some([user, system, nice, idle, iowait, irq.saturating_add(softirq), steal])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_of_old_and_new_kernels() {
        let new = "cpu  10 20 30 40 50 60 7 8 9 1\ncpu0 1\ncpu12 1\nintr 5 5\nctxt 9\nprocesses 77\n";
        let expected = Stat { ticks: Some([10, 30, 20, 40, 50, 67, 8]), processors: 2, created: Some(77) };
        assert_eq!(parse(new), expected);
        assert_eq!(parse("cpu 1 2 3 4\n").ticks, Some([1, 3, 2, 4, 0, 0, 0]));
        assert_eq!(parse("cpu 1 2 3\n").ticks, None);
        assert_eq!(parse("cpu 1 2 x 4\n").ticks, None);
        assert_eq!(parse("cpufreq 1 2 3 4\nprocesses x\n"), Stat::default());
    }
}
