//! The record: its 15 headers, the rules they obey, and how it is written as JSON.

mod class_glob;
mod class_pattern;
mod field;
mod fields;
mod refusal;
mod rules;
mod validate;

use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

pub use class_glob::ClassGlob;
pub use class_pattern::ClassPattern;
pub use field::{Field, is_same_name};
pub use fields::Fields;
pub use refusal::{Refusal, quoted};
pub use rules::{Rule, without_quotes};
pub use validate::validate;

use crate::timestamp::serialize_utc;

/// A record that has passed every rule. Fields that came with a later format version than the record's are
/// absent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Record {
    /// 1 to 4.
    pub record_format_version: u8,
    /// 1 (low) to 4 (critical).
    pub severity: u8,
    /// Three parts joined by `/`.
    pub classification: String,
    /// Up to 32 characters.
    pub machine_id: String,
    /// When the record was made, by the client's clock, in Unix seconds.
    #[serde(rename = "ts_capture", serialize_with = "serialize_utc")]
    pub captured_secs: i64,
    /// The machine name of `uname`.
    pub arch: String,
    /// Vendor, product and version of the machine, joined by `|`.
    #[serde(rename = "machine_type")]
    pub host_type: String,
    /// The version of the operating system, without quotes.
    pub build: String,
    /// The release of `uname`.
    pub kernel_version: String,
    /// The version of the payload's form, from format 2 on.
    #[serde(skip)]
    pub payload_format_version: Option<u32>,
    /// The name of the operating system, from format 2 on.
    #[serde(skip)]
    pub system_name: Option<String>,
    /// From format 3 on.
    #[serde(serialize_with = "or_not_available")]
    pub board_name: Option<String>,
    /// From format 3 on.
    #[serde(serialize_with = "or_not_available")]
    pub cpu_model: Option<String>,
    /// From format 3 on.
    #[serde(serialize_with = "or_not_available")]
    pub bios_version: Option<String>,
    /// 32 lowercase hex digits, from format 4 on.
    #[serde(serialize_with = "or_not_available")]
    pub event_id: Option<String>,
    /// Whether the sender said `X-CLR-External: true`.
    pub external: bool,
    /// The text that the probe sent.
    pub payload: String,
}

impl Record {
    /// A header as its client wrote it, but for the quotes that were taken off; none: its format version has none.
    #[must_use]
    pub fn text_of(&self, field: Field) -> Option<String> {
        match field {
            Field::RecordFormatVersion => Some(self.record_format_version.to_string()),
            Field::Classification => Some(self.classification.clone()),
            Field::Severity => Some(self.severity.to_string()),
            Field::MachineId => Some(self.machine_id.clone()),
            Field::CreationTimestamp => Some(self.captured_secs.to_string()),
            Field::Arch => Some(self.arch.clone()),
            Field::HostType => Some(self.host_type.clone()),
            Field::Build => Some(self.build.clone()),
            Field::KernelVersion => Some(self.kernel_version.clone()),
            Field::PayloadFormatVersion => self.payload_format_version.map(|version| version.to_string()),
            Field::SystemName => self.system_name.clone(),
            Field::BoardName => self.board_name.clone(),
            Field::CpuModel => self.cpu_model.clone(),
            Field::BiosVersion => self.bios_version.clone(),
            Field::EventId => self.event_id.clone(),
        }
    }
}

/// A record with what the collector adds to it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StoredRecord {
    /// Grows with every record and is never given twice.
    pub id: i64,
    /// When it arrived, by the collector's clock, in Unix seconds.
    #[serde(rename = "ts_reception", serialize_with = "serialize_utc")]
    pub received_secs: i64,
    /// The record.
    #[serde(flatten)]
    pub record: Record,
}

/// How the API writes a field that the record's format version does not have.
const NOT_AVAILABLE: &str = "N/A";

fn or_not_available<S: Serializer>(value: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(value.as_deref().unwrap_or(NOT_AVAILABLE))
}

/// Names a request once and for all its retries: a record posted twice under one key is stored once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The header that carries it.
    pub const HEADER: &str = "Idempotency-Key";
    /// What [`IdempotencyKey::new`] takes, for messages.
    pub const ALLOWED: &str = "1 to 128 letters, digits, '-' and '_'";

    /// `None` unless `text` is of 1 to [`crate::limits::MAX_IDEMPOTENCY_KEY_BYTES`] ASCII letters, digits,
    /// `-` and `_`.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let good = (1..=crate::limits::MAX_IDEMPOTENCY_KEY_BYTES).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        good.then(|| Self(text.to_owned()))
    }

    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is stored in its place: all keys are of one length then, and as random as hashes are.
    #[must_use]
    pub fn digest(&self) -> KeyDigest {
        KeyDigest::from_text(&self.0)
    }
}

/// The first 16 bytes of the SHA-256 of an [`IdempotencyKey`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyDigest(pub [u8; 16]);

impl KeyDigest {
    /// That of a text.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        let mut digest = Self([0; 16]);
        digest.0.iter_mut().zip(Sha256::digest(text)).for_each(|(to, from)| *to = from);
        digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::MAX_IDEMPOTENCY_KEY_BYTES;

    #[test]
    fn a_key_is_short_and_plain() {
        for good in
            ["0", "c0ffee", "6907c830-eed9-4ce9-81ae-76daf8d88f0f", &"a".repeat(MAX_IDEMPOTENCY_KEY_BYTES)]
        {
            assert_eq!(IdempotencyKey::new(good), Some(IdempotencyKey(good.to_owned())));
        }
        for bad in ["", "a b", "\"a\"", "é", &"a".repeat(MAX_IDEMPOTENCY_KEY_BYTES + 1)] {
            assert_eq!(IdempotencyKey::new(bad), None, "{bad:?}");
        }
        assert!(IdempotencyKey::ALLOWED.contains(&MAX_IDEMPOTENCY_KEY_BYTES.to_string()));
    }

    #[test]
    fn a_digest_is_the_beginning_of_sha_256() {
        // From `printf abc | sha256sum`.
        let expected = 0xba78_16bf_8f01_cfea_4141_40de_5dae_2223_u128.to_be_bytes();
        assert_eq!(IdempotencyKey::new("abc").unwrap().digest(), KeyDigest(expected));
    }
}
