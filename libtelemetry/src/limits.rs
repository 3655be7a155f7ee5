//! Every bound of what a sending program reads and waits for, with its reason. Those of the record itself are in
//! `telemetry_record::limits`, that of the configuration file in `telemetry_config::limits`.

/// Maximum size in bytes of the small files of the host that become header values (os-release, a DMI attribute,
/// the first processor of cpuinfo).
pub const HOST_FILE_BYTES: u64 = 16 * 1024;

/// Seconds that a sender waits, for sending and again for the answer (contract).
pub const SEND_TIMEOUT_SECS: u64 = 1;
