//! What the daemons keep of their work: counters, the status of deliveries, the delivery log.

use super::Sandbox;
use std::time::SystemTime;
use telemetry_store::counters::Counts;
use telemetry_store::delivery_log::{DeliveryEntry, DeliveryLog};
use telemetry_store::delivery_status::DeliveryStatus;

impl Sandbox {
    /// Writes the status that a telempostd left at this time.
    ///
    /// # Panics
    /// It cannot be written.
    pub fn write_state(&self, at: SystemTime) {
        let updated_unix_secs = at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        std::fs::create_dir_all(self.path("state")).unwrap();
        let status = DeliveryStatus { updated_unix_secs, ..DeliveryStatus::default() };
        status.write(&self.path("state")).unwrap();
    }

    /// The counters.
    pub fn counts(&self) -> Counts {
        Counts::read(&self.path("state"))
    }

    /// The status of deliveries; the default if there is none yet.
    ///
    /// # Panics
    /// It is damaged.
    pub fn status(&self) -> DeliveryStatus {
        DeliveryStatus::read(&self.path("state")).unwrap().unwrap_or_default()
    }

    /// What was delivered, oldest first.
    ///
    /// # Panics
    /// It cannot be read.
    pub fn delivery_log(&self) -> Vec<DeliveryEntry> {
        DeliveryLog::new(&self.path("log")).entries().unwrap()
    }
}
