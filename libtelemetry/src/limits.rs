//! Every bound of what a sending program reads and waits for, with its reason. Those of the record itself are in
//! `telemetry_record::limits`, that of the configuration file in `telemetry_config::limits`.

/// Maximum size in bytes of the small files of the host that become header values (os-release, a DMI attribute,
/// the first processor of cpuinfo).
pub const HOST_FILE_BYTES: u64 = 16 * 1024;

/// Seconds that a sender waits to be connected, and again for all of its record to be taken (contract).
pub const SEND_TIMEOUT_SECS: u64 = 1;

/// Seconds that a sender waits for the answer (contract): a daemon that is started by its record, or a disk that is slow,
/// needs more than one.
pub const ANSWER_TIMEOUT_SECS: u64 = 5;
