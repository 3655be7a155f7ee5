//! `/proc/net/dev`: what went through network interfaces.
//!
//! ```text
//! Inter-|   Receive                                                |  Transmit
//!  face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop ...
//!   eth0: 123 4 0 0 0 0 0 0 567 8 0 0 0 0 0 0       older kernels may have no blank behind the colon
//! ```
//!
//! Those with a device are summed: what bridges, tunnels and containers carry goes through one of them in the end.

use crate::catalogue::{NETWORK_DROPPED, NETWORK_ERRORS, NETWORK_IO};
use crate::error::SensorError;
use crate::metric::Family;
use crate::source::Source;
use crate::text::{whole, whole_lines};

/// Sums over interfaces: received, then sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    bytes: [u64; 2],
    errors: [u64; 2],
    dropped: [u64; 2],
}

pub(super) fn read(source: &Source) -> Result<Vec<Family>, SensorError> {
    let text = source.proc("net/dev")?;
    let interfaces = source.sys_path("class/net");
    let has_device = |name: &str| !name.contains('/') && interfaces.join(name).join("device").exists();
    Ok(sums(&text, has_device).map_or_else(Vec::new, |sums| {
        let by = |metric, [received, sent]: [u64; 2]| {
            Family::by(metric, "direction", [("receive", Some(received)), ("transmit", Some(sent))])
        };
        vec![
            by(&NETWORK_IO, sums.bytes),
            by(&NETWORK_ERRORS, sums.errors),
            by(&NETWORK_DROPPED, sums.dropped),
        ]
    }))
}

/// None without an interface that counts, as in a container.
fn sums(text: &str, has_device: impl Fn(&str) -> bool) -> Option<Sums> {
    let counted = whole_lines(text).filter_map(line).filter(|(name, _)| has_device(name));
    counted.map(|(_, sums)| sums).reduce(|all, one| Sums {
        bytes: add(all.bytes, one.bytes),
        errors: add(all.errors, one.errors),
        dropped: add(all.dropped, one.dropped),
    })
}

fn add([received, sent]: [u64; 2], [more_received, more_sent]: [u64; 2]) -> [u64; 2] {
    [received.saturating_add(more_received), sent.saturating_add(more_sent)]
}

fn line(line: &str) -> Option<(&str, Sums)> {
    let (name, numbers) = line.rsplit_once(':')?;
    let numbers: Option<Vec<u64>> = numbers.split_ascii_whitespace().map(whole).collect();
    let numbers = numbers?;
    let pair = |place: usize| Some([*numbers.get(place)?, *numbers.get(place + 8)?]);
    Some((name.trim(), Sums { bytes: pair(0)?, errors: pair(2)?, dropped: pair(3)? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_with_a_device_are_summed() {
        let text = "Inter-|   Receive  |  Transmit\n face |bytes packets|bytes\n    \
                    lo: 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9\n  eth0:100 4 1 2 0 0 0 0 567 8 3 4 0 0 0 0\n \
                    wlan0: 1 0 0 0 0 0 0 0 2 0 0 0 0 0 0 0\n  eth1: 5 5 5\n";
        let devices = |name: &str| name.starts_with("eth") || name == "wlan0";
        let expected = Sums { bytes: [101, 569], errors: [1, 3], dropped: [2, 4] };
        assert_eq!(sums(text, devices), Some(expected));
        assert_eq!(sums(text, |_| false), None);
    }
}
