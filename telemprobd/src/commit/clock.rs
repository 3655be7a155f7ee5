//! The system's clocks as the spool's steady time takes them.

use telemetry_runtime::clocks::{self, Clocks};
use telemetry_store::steady_clock::Reading;

/// Reads them.
pub(super) fn read() -> Reading {
    let Clocks { boot_id, since_boot, since_epoch, is_synchronised } = clocks::read();
    Reading::new(boot_id, since_boot, since_epoch, is_synchronised)
}
