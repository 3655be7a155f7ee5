//! Every series that there is, once: its name by OpenTelemetry's rule for Prometheus, its kind, its unit, and whom it is for.

use crate::metric::{Group, Kind, Metric, Sensitivity};
use Group::{Certificates, Disks, System, Telemetry};
use Kind::{Counter, Gauge};
use Sensitivity::{GivenNames, Numbers};

macro_rules! metrics {
    ($($constant:ident $name:literal $kind:ident $unit:literal $group:ident $sensitivity:ident $help:literal;)*) => {
        $(
            #[doc = concat!("`", $name, "`: ", $help)]
            pub static $constant: Metric = Metric {
                name: $name, kind: $kind, unit: $unit, group: $group, sensitivity: $sensitivity, help: $help,
            };
        )*

        /// All of them but those of the daemons (see [`crate::daemons`]).
        pub static ALL: &[&Metric] = &[$(&$constant),*];
    };
}

metrics! {
    CPU_TIME "system_cpu_time_seconds" Counter "seconds" System Numbers
        "Time of all processors, by what they did.";
    CPU_COUNT "system_cpu_logical_count" Gauge "" System Numbers "Processors that are on.";
    LOAD "system_load" Gauge "" System Numbers "Load average over 1, 5 and 15 minutes.";
    PRESSURE "system_pressure_seconds" Counter "seconds" System Numbers
        "Time in which some or all tasks waited for a resource.";
    MEMORY_LIMIT "system_memory_limit_bytes" Gauge "bytes" System Numbers "Memory of the machine.";
    MEMORY_USAGE "system_memory_usage_bytes" Gauge "bytes" System Numbers
        "Memory by state; the states add up to the limit.";
    MEMORY_AVAILABLE "system_memory_linux_available_bytes" Gauge "bytes" System Numbers
        "Memory that programs can have without swapping, as the kernel estimates it.";
    PAGING_USAGE "system_paging_usage_bytes" Gauge "bytes" System Numbers "Swap by state.";
    PAGING_OPERATIONS "system_paging_operations" Counter "" System Numbers "Pages that were swapped in and out.";
    FILE_DESCRIPTORS "system_file_descriptors" Gauge "" System Numbers "Open files of the machine, and how many it allows.";
    PROCESS_COUNT "system_process_count" Gauge "" System Numbers "Processes.";
    PROCESS_CREATED "system_process_created" Counter "" System Numbers "Processes that were started.";
    UPTIME "system_uptime_seconds" Gauge "seconds" System Numbers "Time since the machine started.";
    TEMPERATURE "system_temperature_celsius" Gauge "celsius" System Numbers "The highest temperature of all sensors.";
    DISK_IO "system_disk_io_bytes" Counter "bytes" System Numbers "Read from and written to all disks.";
    DISK_OPERATIONS "system_disk_operations" Counter "" System Numbers "Operations of all disks.";
    NETWORK_IO "system_network_io_bytes" Counter "bytes" System Numbers
        "Received and sent by all network devices of hardware.";
    NETWORK_ERRORS "system_network_errors" Counter "" System Numbers "Errors of these.";
    NETWORK_DROPPED "system_network_packet_dropped" Counter "" System Numbers "Packets that these dropped.";
    FILESYSTEM_USAGE "system_filesystem_usage_bytes" Gauge "bytes" Disks GivenNames
        "Space of a file system by state; the states add up to its size.";
    FILESYSTEM_INODES "system_filesystem_inodes" Gauge "" Disks GivenNames "Inodes of a file system by state.";
    INTERVAL "telemetry_environment_interval_seconds" Gauge "seconds" Telemetry Numbers
        "Time between two samples that are pushed.";
    SENSOR_AGE "telemetry_sensor_age_seconds" Gauge "seconds" Telemetry GivenNames
        "Time since a sensor that failed last gave a reading.";
    SENSOR_FAILED "telemetry_sensor_failed" Gauge "" Telemetry GivenNames "1 for a sensor that gave no reading.";
    SAMPLE_PART "telemetry_sample_part" Gauge "" Telemetry Numbers "Which part of a sample this is; always 1.";
    SAMPLE_LEFT_OUT "telemetry_sample_left_out_series" Gauge "" Telemetry Numbers
        "Series that had no room in a sample.";
    CHECK_STATE "telemetry_check_state" Gauge "" Telemetry GivenNames
        "State of a check: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.";
    CERTIFICATE_NOT_AFTER "telemetry_certificate_not_after_timestamp_seconds" Gauge "seconds" Certificates GivenNames
        "When a certificate ends, in seconds since 1970.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_different_and_end_in_their_unit() {
        let names: BTreeSet<_> = ALL.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), ALL.len());
        for metric in ALL {
            assert!(
                metric.unit.is_empty() || metric.name.ends_with(&format!("_{}", metric.unit)),
                "{metric:?}"
            );
            // Endings that OpenMetrics gives to samples of other kinds.
            for ending in ["_total", "_created_total", "_bucket", "_info", "_sum"] {
                assert!(!metric.name.ends_with(ending), "{metric:?}");
            }
        }
    }
}
