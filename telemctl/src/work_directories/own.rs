//! What is telemetry's in a work directory: what has a name that telemetry gives there, and the form of what it writes under
//! that name. In a private instance, where `spool_dir=/home/me/notes` is one slip away, nothing else is removed.
//!
//! ```text
//! spool_dir   any name that decodes as records, ID.USER that begins so, .seg-ID, the locks, .clock, .damaged/ANY,
//!             .rejected/ANY, .copy/HASH/ANY
//! log_dir     journal (lines of the delivery log), records/ID
//! cache_dir   pstore/dmesg...
//! state_dir   machine_id, crashes.lock, JSON files of daemons and probes; identity/SERVICE/ANY of a certificate;
//!             checks/JSON; preimages/ids, forget/*.json; telempulld/monitoring-params.xml
//! run_dir     telempulld.window, the readings of the last hour; what else is there is systemd's to remove
//! anywhere    .new-ANY
//! ```

use std::ffi::OsStr;
use telemetry_record::header::Header;
use telemetry_record::hex_id::HexId;
use telemetry_store::check_states;
use telemetry_store::delivery_log::DeliveryEntry;
use telemetry_store::forget::{FORGET_DIR, PENDING_FILE, SENT_FILE};
use telemetry_store::preimages::{IDS_FILE, PREIMAGES_DIR};
use telemetry_store::spool::name::{CLOCK_FILE, FileName, is_hidden, is_segment, is_unfinished};
use telemetry_store::spool::{COPY_DIR, DAMAGED_DIR, Daemon, REJECTED_DIR, file};
use telemetry_store::steady_clock::ClockState;
use telemetry_trust::paths::{
    ANNOUNCED_FILE, CLIENT_CERTIFICATE_FILE, EXCHANGED_FILE, FINGERPRINT_FILE, NEXT_CERTIFICATE_FILE,
    SERVER_CERTIFICATE_FILE,
};
use telemetry_trust::{LEARNED_FILE, LOCK_FILE, WINDOW_FILE};

/// The JSON files in state_dir, without their ending; the last two are of earlier versions.
const STATE_NAMES: [&str; 12] = [
    "crashes",
    "delivery",
    "rate_limit",
    "telemprobd.counters",
    "telempostd.counters",
    "envprobe",
    "klogscanner",
    "pstoreprobe",
    "pstoreclean",
    "journalprobe",
    "journalprobe-outbox",
    "journalprobe-held",
];

/// What a directory is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The system's daemons work here, and nobody else does: all is theirs.
    System,
    /// spool_dir.
    Spool,
    /// log_dir.
    Log,
    /// cache_dir.
    Cache,
    /// state_dir.
    State,
    /// What left the spool undelivered, under whatever name it had.
    SetAside,
    /// The folders of what servers of server_copy have still to get are in here.
    Copies,
    /// Copies of records.
    Records,
    /// Copies of the firmware's dumps.
    Dumps,
    /// The folder of a service's certificates is in here.
    Identities,
    /// Key, certificate, what was learned.
    Identity,
    /// What is known of checks.
    Checks,
    /// What proves machine ids.
    Preimages,
    /// What servers are to forget.
    Forget,
    /// What an administrator sent to telempulld.
    Sent,
}

impl Purpose {
    /// The purpose of the directory that this key names.
    pub(super) fn from_key(key: &str) -> Self {
        match key {
            "spool_dir" => Purpose::Spool,
            "log_dir" => Purpose::Log,
            "cache_dir" => Purpose::Cache,
            _ => Purpose::State,
        }
    }

    /// The purpose of a directory in this one; none if telemetry makes none of that name.
    pub(super) fn below(self, name: &OsStr) -> Option<Self> {
        match (self, name.to_str()) {
            (Purpose::System, _) => Some(Purpose::System),
            (Purpose::Spool, Some(DAMAGED_DIR | REJECTED_DIR)) => Some(Purpose::SetAside),
            (Purpose::Spool, Some(COPY_DIR)) => Some(Purpose::Copies),
            (Purpose::Copies, Some(folder)) if folder.parse::<HexId>().is_ok() => Some(Purpose::SetAside),
            (Purpose::Log, Some("records")) => Some(Purpose::Records),
            (Purpose::Cache, Some("pstore")) => Some(Purpose::Dumps),
            (Purpose::State, Some("identity")) => Some(Purpose::Identities),
            (Purpose::State, Some(check_states::DIRECTORY)) => Some(Purpose::Checks),
            (Purpose::Identities, Some("telempostd" | "telempulld")) => Some(Purpose::Identity),
            (Purpose::State, Some("telempulld")) => Some(Purpose::Sent),
            (Purpose::State, Some(PREIMAGES_DIR)) => Some(Purpose::Preimages),
            (Purpose::State, Some(FORGET_DIR)) => Some(Purpose::Forget),
            _ => None,
        }
    }

    /// Whether a regular file in it is telemetry's. `read` gives its bytes, or none if it is larger than any of ours.
    pub(super) fn holds(self, name: &OsStr, read: impl FnOnce() -> Option<Vec<u8>>) -> bool {
        let text = name.to_str().unwrap_or_default();
        match self {
            Purpose::System | Purpose::SetAside => true,
            _ if is_unfinished(name) => true,
            Purpose::Spool if is_segment(name) => true,
            Purpose::Spool if text == CLOCK_FILE => read().is_some_and(|bytes| is_clock(&bytes)),
            Purpose::Spool if Daemon::ALL.iter().any(|daemon| daemon.lock_name() == text) => true,
            Purpose::Spool => {
                let is_of_sender = FileName::parse(name).is_some_and(|name| name.sender.is_some());
                let is_ours =
                    |bytes: Vec<u8>| is_records(name, &bytes) || (is_of_sender && begins_as_records(&bytes));
                !is_hidden(name) && read().is_some_and(is_ours)
            }
            Purpose::Log => text == "journal" && read().is_some_and(|bytes| is_delivery_log(&bytes)),
            Purpose::Records => text.parse::<HexId>().is_ok(),
            Purpose::Dumps => text.starts_with("dmesg") || text == ".complete",
            Purpose::Cache | Purpose::Identities | Purpose::Copies => false,
            Purpose::Identity => is_of_identity(text),
            Purpose::Checks => matches!(text, "state.json" | "output.json"),
            Purpose::Preimages => text == IDS_FILE,
            Purpose::Forget => [SENT_FILE, PENDING_FILE].contains(&text),
            Purpose::Sent => text == "monitoring-params.xml",
            Purpose::State => read().is_some_and(|bytes| is_state(text, &bytes)),
        }
    }
}

fn is_clock(bytes: &[u8]) -> bool {
    serde_json::from_slice::<ClockState>(bytes).is_ok()
}

fn is_of_identity(name: &str) -> bool {
    let certificates = [CLIENT_CERTIFICATE_FILE, SERVER_CERTIFICATE_FILE, NEXT_CERTIFICATE_FILE];
    let is_malformed =
        |file: &str| name.strip_prefix(file).is_some_and(|rest| rest.starts_with(".malformed-"));
    [FINGERPRINT_FILE, LEARNED_FILE, WINDOW_FILE, LOCK_FILE, ANNOUNCED_FILE, EXCHANGED_FILE].contains(&name)
        || certificates.contains(&name)
        || certificates.into_iter().any(is_malformed)
}

fn is_records(name: &OsStr, bytes: &[u8]) -> bool {
    file::decode(name, bytes).damage.is_none()
}

/// Whether it is what a power cut left of records: their beginning, or zeros.
fn begins_as_records(bytes: &[u8]) -> bool {
    let begins = |head: &str| bytes.starts_with(head.as_bytes());
    let is_blank = bytes.iter().all(|byte| *byte == 0);
    is_blank || begins("#telemetry-records ") || begins("CFG:") || begins(Header::RecordFormatVersion.name())
}

fn is_delivery_log(bytes: &[u8]) -> bool {
    String::from_utf8_lossy(bytes).lines().all(|line| DeliveryEntry::parse(line).is_some())
}

fn is_state(name: &str, bytes: &[u8]) -> bool {
    match name.strip_suffix(".json") {
        Some(stem) => {
            STATE_NAMES.contains(&stem)
                && serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(bytes).is_ok()
        }
        None if name == "machine_id" => String::from_utf8_lossy(bytes).trim().parse::<HexId>().is_ok(),
        None => name == "crashes.lock" && bytes.is_empty(),
    }
}
