//! What the value of each header may be.

use super::Field;
use crate::timestamp::LATEST_SECS;

/// The arches of the first collector, then those that have come up since.
const ARCHES: [&str; 14] = [
    "armv7l",
    "armv6l",
    "aarch64",
    "amd64",
    "sparc64",
    "ppc64",
    "i686",
    "i386",
    "x86_64",
    "ppc",
    "riscv64",
    "loongarch64",
    "s390x",
    "ppc64le",
];

/// Each of the three parts of a classification, and the whole.
const MAX_CLASSIFICATION_PART: usize = 40;
pub(super) const MAX_CLASSIFICATION: usize = 122;

const MAX_MACHINE_ID_CHARS: usize = 32;

/// Board, processor and firmware are under this.
const HARDWARE_CHARS: usize = 200;

/// Host type is under this; so are build, kernel version and system name, of which the contract gives no length:
/// the client cuts every value at 240 bytes.
const TEXT_CHARS: usize = 250;

/// Payload format versions are under this.
const PAYLOAD_FORMAT_VERSIONS: u32 = 2_147_483_647;

/// A rule and its wording.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// What is allowed, for messages.
    pub allowed: &'static str,
    /// Whether a value obeys.
    pub holds: fn(&str) -> bool,
}

impl Rule {
    /// The rule of a field. That of `Build` is the wide one, which holds for systems other than Clear Linux OS.
    #[must_use]
    pub fn for_field(field: Field) -> Self {
        let (allowed, holds): (_, fn(&str) -> bool) = match field {
            Field::RecordFormatVersion => ("1 to 4", is_one_to_four),
            Field::Classification => (
                "three parts of 1 to 40 printable ASCII characters each without blanks, joined by '/'",
                is_classification,
            ),
            Field::Severity => ("1 to 4", is_one_to_four),
            Field::MachineId => {
                ("up to 32 printable characters", |v| is_printable_under(v, MAX_MACHINE_ID_CHARS + 1))
            }
            Field::CreationTimestamp => ("Unix seconds in digits, up to the year 9999", is_timestamp),
            Field::Arch => (
                "armv7l, armv6l, aarch64, amd64, sparc64, ppc64, i686, i386, x86_64, ppc, riscv64, loongarch64, \
                 s390x or ppc64le",
                |v| ARCHES.contains(&v),
            ),
            Field::HostType => ("under 250 printable characters", |v| is_printable_under(v, TEXT_CHARS)),
            Field::Build => ("under 250 letters, digits, '-', '_' and '.', quotes apart", is_build),
            Field::KernelVersion => {
                ("N.N.REST such as 4.2.0-120, under 250 printable characters", is_kernel_version)
            }
            Field::PayloadFormatVersion => ("digits, under 2147483647", is_payload_format_version),
            Field::SystemName => ("under 250 printable characters", |v| is_printable_under(v, TEXT_CHARS)),
            Field::BoardName | Field::CpuModel | Field::BiosVersion => {
                ("under 200 printable characters", |v| is_printable_under(v, HARDWARE_CHARS))
            }
            Field::EventId => ("32 lowercase hex digits", is_event_id),
        };
        Self { allowed, holds }
    }

    /// The rule of `Build` when `System-Name` is `clear-linux-os`.
    pub const CLEAR_LINUX_BUILD: Self = Self {
        allowed: "digits only, quotes apart, when System-Name is clear-linux-os",
        holds: |value| {
            let bare = without_quotes(value);
            is_digits(&bare) && is_build(&bare)
        },
    };
}

/// A value without quotes, wherever they are in it: os-release has them, and the client sends them along.
#[must_use]
pub fn without_quotes(value: &str) -> String {
    value.replace(['"', '\''], "")
}

fn is_digits(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_one_to_four(value: &str) -> bool {
    matches!(value, "1" | "2" | "3" | "4")
}

pub(super) fn is_printable_under(value: &str, end_chars: usize) -> bool {
    value.chars().count() < end_chars && !value.chars().any(char::is_control)
}

pub(super) fn is_classification(value: &str) -> bool {
    value.len() <= MAX_CLASSIFICATION
        && value.split('/').count() == 3
        && value.split('/').all(is_classification_part)
}

fn is_classification_part(part: &str) -> bool {
    (1..=MAX_CLASSIFICATION_PART).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether a classification can begin so: whole parts, and a last one that may be unfinished.
pub(super) fn is_classification_start(value: &str) -> bool {
    let (whole, last) = value.rsplit_once('/').map_or((None, value), |(whole, last)| (Some(whole), last));
    value.len() <= MAX_CLASSIFICATION
        && value.split('/').count() <= 3
        && whole.is_none_or(|whole| whole.split('/').all(is_classification_part))
        && (last.is_empty() || is_classification_part(last))
}

/// Whether a build is well formed, with quotes or without.
fn is_build(value: &str) -> bool {
    let bare = without_quotes(value);
    (1..TEXT_CHARS).contains(&bare.len())
        && bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

fn is_kernel_version(value: &str) -> bool {
    let mut parts = value.splitn(3, '.');
    let mut number = || parts.next().is_some_and(is_digits);
    number()
        && number()
        && parts.next().is_some_and(|rest| !rest.is_empty())
        && is_printable_under(value, TEXT_CHARS)
}

fn is_timestamp(value: &str) -> bool {
    is_digits(value) && value.parse().is_ok_and(|secs: i64| secs <= LATEST_SECS)
}

fn is_payload_format_version(value: &str) -> bool {
    is_digits(value) && value.parse().is_ok_and(|version: u32| version < PAYLOAD_FORMAT_VERSIONS)
}

fn is_event_id(value: &str) -> bool {
    value.len() == 32 && value.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests;
