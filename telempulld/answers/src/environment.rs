//! What is known of this machine at one moment, before anybody's share of it is cut.

use crate::checks::Check;
use crate::window::{self, Summary};
use jiff::Timestamp;
use std::sync::Arc;
use telemetry_sensors::catalogue::CHECK_STATE;
use telemetry_sensors::moment::{Memory, OwnProcess};
use telemetry_sensors::packages::Package;
use telemetry_sensors::process_list::Process;
use telemetry_sensors::{Family, Sample, SensorReport, openmetrics};
use telemetry_trust::Fingerprint;

/// What a certificate is for, in the words of X-Road.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CertificateKind {
    /// Who connects.
    AuthOrSign,
    /// Who listens.
    ServerTls,
    /// Any other that an administrator named.
    ClientTls,
}

impl CertificateKind {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::AuthOrSign => "AUTH_OR_SIGN",
            Self::ServerTls => "SECURITY_SERVER_TLS",
            Self::ClientTls => "INTERNAL_IS_CLIENT_TLS",
        }
    }
}

/// A certificate: its dates and its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedCertificate {
    /// What it is for.
    pub kind: CertificateKind,
    /// The file that it is in.
    pub path: String,
    /// SHA-256 of it.
    pub fingerprint: Fingerprint,
    /// When it begins, in seconds since 1970.
    pub not_before_unix_secs: i64,
    /// When it ends, likewise.
    pub not_after_unix_secs: i64,
}

impl WatchedCertificate {
    /// Whether it is valid then.
    pub fn is_valid_at(&self, unix_secs: i64) -> bool {
        (self.not_before_unix_secs..=self.not_after_unix_secs).contains(&unix_secs)
    }
}

/// The file system at `/`, in bytes; what is free includes what is reserved for root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Root {
    /// Its size.
    pub total_bytes: u64,
    /// What is free.
    pub free_bytes: u64,
}

/// What is known. Lists are there if somebody asked for them.
#[derive(Clone, Debug)]
pub struct Environment {
    /// This moment, in UTC, with milliseconds.
    pub time: String,
    /// The version of this client.
    pub version: &'static str,
    /// The first line of `/proc/version`.
    pub operating_system: Option<String>,
    /// All series but those of checks.
    pub families: Vec<Family>,
    /// How sensors fared.
    pub sensors: Vec<SensorReport>,
    /// Memory.
    pub memory: Memory,
    /// This process.
    pub own: OwnProcess,
    /// The file system at `/`.
    pub root: Option<Root>,
    /// The last hour, in the order of [`window::NAMES`].
    pub windows: [Summary; window::NAMES.len()],
    /// Checks.
    pub checks: Vec<Check>,
    /// Certificates.
    pub certificates: Vec<WatchedCertificate>,
    /// Installed packages.
    pub packages: Option<Arc<[Package]>>,
    /// Processes.
    pub processes: Option<Arc<[Process]>>,
}

impl Environment {
    /// When this was.
    pub fn timestamp(&self) -> Timestamp {
        self.time.parse().unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// The series, those of checks included, as OpenMetrics. They have numbers, and names that an administrator gave: what
    /// runs here has no series.
    pub fn open_metrics(&self) -> String {
        let mut families = self.families.clone();
        families.push(self.check_states());
        openmetrics::text(&families)
    }

    /// A check without a result has no sample.
    pub(crate) fn check_states(&self) -> Family {
        let sample = |check: &Check| Some(Sample::labelled("check", check.name.clone(), check.number()?));
        Family { metric: &CHECK_STATE, samples: self.checks.iter().filter_map(sample).collect() }
    }
}

/// A moment in UTC with milliseconds, as answers have it.
pub fn iso_milliseconds(unix_millis: i64) -> String {
    let timestamp = Timestamp::from_millisecond(unix_millis).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{timestamp:.3}")
}

/// A moment in UTC in whole seconds.
pub(crate) fn iso_seconds(unix_secs: i64) -> String {
    format!("{:.0}", Timestamp::from_second(unix_secs).unwrap_or(Timestamp::UNIX_EPOCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_x_road_does() {
        assert_eq!(iso_milliseconds(1_795_728_605_120), "2026-11-26T21:30:05.120Z");
        assert_eq!(iso_milliseconds(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(iso_seconds(1_795_728_605), "2026-11-26T21:30:05Z");
    }
}
