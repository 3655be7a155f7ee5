//! The keys of the environment: how the machine is, as it is sent in samples. All of it is off by default.

use crate::allowed::{AbsolutePaths, Number, Words, minutes};
use crate::key::Key;
use std::time::Duration;

/// What is sent in a sample, a word each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readings {
    /// Processors, memory, disks and network as a whole.
    System,
    /// File systems by their mount points.
    Disks,
    /// The telemetry client itself, and its checks.
    Telemetry,
    /// When certificates end.
    Certificates,
    /// Installed packages.
    Packages,
}

/// `environment_interval`; none is off.
pub static ENVIRONMENT_INTERVAL: Key<Option<Duration>> = Key {
    name: "environment_interval",
    default: "0",
    allowed: &Number {
        unit: "minutes",
        range: 0..=1440,
        convert: |number| if number > 0 { Some(minutes(number)) } else { None },
    },
    doc: "Minutes between two samples of how this machine is, 1 to 1440; 0: none is sent.",
};

/// `environment_readings`.
pub static ENVIRONMENT_READINGS: Key<Vec<Readings>> = Key {
    name: "environment_readings",
    default: "system disks telemetry",
    allowed: &Words(&[
        ("system", Readings::System),
        ("disks", Readings::Disks),
        ("telemetry", Readings::Telemetry),
        ("certificates", Readings::Certificates),
        ("packages", Readings::Packages),
    ]),
    doc: "What is in them: system, disks, telemetry, certificates and packages, parted by blanks.",
};

/// `environment_filesystems`; the one word `*` is all of this machine.
pub static ENVIRONMENT_FILESYSTEMS: Key<Vec<String>> = Key {
    name: "environment_filesystems",
    default: "/ /boot /boot/efi /home /opt /srv /tmp /usr /var /var/lib /var/log",
    allowed: &AbsolutePaths { all: Some("*") },
    doc: "Mount points that are sent by name, where something is mounted there; * for all of this machine. One of a network \
          is read only if it is named.",
};

/// `certificate_files`.
pub static CERTIFICATE_FILES: Key<Vec<String>> = Key {
    name: "certificate_files",
    default: "",
    allowed: &AbsolutePaths { all: None },
    doc: "Certificates whose end is watched: files, or patterns with * and ?, parted by blanks.",
};
