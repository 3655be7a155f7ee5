//! The system's clocks, read together.

use crate::adjtimex;
use nix::time::{ClockId, clock_gettime};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use telemetry_record::hex_id::HexId;

const BOOT_ID_FILE: &str = "/proc/sys/kernel/random/boot_id";

/// What the clocks show at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// Which boot this is; all zero where the system does not say.
    pub boot_id: HexId,
    /// Time since the start of the machine, with that in suspend (`CLOCK_BOOTTIME`). No program can set it.
    pub since_boot: Duration,
    /// The wall clock, as time since the epoch. Whoever may can set it to anything.
    pub since_epoch: Duration,
    /// Whether the kernel has the wall clock for synchronised.
    pub is_synchronised: bool,
}

/// Reads them.
pub fn read() -> Clocks {
    Clocks {
        boot_id: boot_id(),
        since_boot: since_boot(),
        since_epoch: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
        is_synchronised: adjtimex::is_synchronised(),
    }
}

/// Time since the start of the machine, with that in suspend.
pub fn since_boot() -> Duration {
    clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from).unwrap_or_default()
}

/// It is read once: a process lives in one boot.
fn boot_id() -> HexId {
    static BOOT_ID: OnceLock<HexId> = OnceLock::new();
    *BOOT_ID.get_or_init(|| {
        let text = std::fs::read_to_string(BOOT_ID_FILE).unwrap_or_default();
        text.trim().replace('-', "").parse().unwrap_or(HexId::from_bytes([0; 16]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clocks_of_this_machine_go() {
        let [first, second] = [read(), read()];
        assert_eq!(first.boot_id, second.boot_id);
        assert_ne!(first.boot_id, HexId::from_bytes([0; 16]));
        assert!(second.since_boot >= first.since_boot && first.since_boot > Duration::ZERO);
        assert!(first.since_epoch > Duration::from_secs(1_735_689_600));
        let shown = std::fs::read_to_string("/proc/uptime").unwrap();
        let uptime: f64 = shown.split(' ').next().unwrap().parse().unwrap();
        assert!((uptime - second.since_boot.as_secs_f64()).abs() < 5.0, "with suspend, as the kernel counts");
    }
}
