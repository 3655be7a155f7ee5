//! Sort keys: bytes that databases compare, in the order in which dpkg or rpm order versions.
//!
//! ```text
//! dpkg   EPOCH PART(upstream) PART(revision)         PART = PAIR... END, PAIR = byte... 02 NUMBER
//! rpm    EPOCH PART(version) (00 | 01 PART(release)) PART = SEGMENT... END
//! NUMBER = count of digits, digits without leading zeros
//!
//!            dpkg                      rpm
//!  01        ~                         ~
//!  02        end, or a number next     end
//!  03                                  ^
//!  04                                  letters, ended by 00
//!  05                                  a number
//!  41..7a    letters
//!  80..ff    all other characters
//! ```
//!
//! dpkg's rules are in its manual deb-version(7), rpm's in its manual rpm-version(7).

use crate::groups::limits::VERSION_BYTES;

const BEFORE_END: u8 = 1;
const END: u8 = 2;
const CARET: u8 = 3;
const LETTERS: u8 = 4;
const NUMBER: u8 = 5;
const OTHERS: u8 = 0x80;

/// Whose order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// That of dpkg.
    Dpkg,
    /// That of rpm.
    Rpm,
    /// That of dpkg, of one part, with `-rc1` before the release.
    Kernel,
}

/// Identifiers of os-release whose packages are rpm's.
const RPM_SYSTEMS: [&str; 11] = [
    "fedora",
    "rhel",
    "centos",
    "rocky",
    "almalinux",
    "ol",
    "amzn",
    "sles",
    "mageia",
    "openeuler",
    "openEuler",
];

impl Order {
    /// That of a system, by its `system_name`: identifier of os-release, `_` and a variant where there is one.
    #[must_use]
    pub fn for_system(system_name: &str) -> Self {
        let id = system_name.split('_').next().unwrap_or(system_name);
        if RPM_SYSTEMS.contains(&id) || id.starts_with("opensuse") { Self::Rpm } else { Self::Dpkg }
    }
}

/// The bytes to compare; none if the text is no version: over 128 bytes, empty, or with control characters.
#[must_use]
pub fn sort_key(text: &str, order: Order) -> Option<Vec<u8>> {
    if text.is_empty() || text.len() > VERSION_BYTES || text.chars().any(char::is_control) {
        return None;
    }
    Some(match order {
        Order::Dpkg => dpkg(text),
        Order::Rpm => rpm(text),
        Order::Kernel => kernel(text),
    })
}

fn dpkg(text: &str) -> Vec<u8> {
    let (epoch, rest) = split_epoch(text);
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    let mut key = Vec::new();
    push_number(&mut key, epoch);
    push_dpkg_part(&mut key, upstream);
    push_dpkg_part(&mut key, revision);
    key
}

fn kernel(text: &str) -> Vec<u8> {
    let mut key = Vec::new();
    // A candidate is before its release: `6.18.0-rc1` before `6.18.0`.
    let begins_with_digit = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    let is_candidate = |rest: &str| rest.strip_prefix("-rc").is_some_and(begins_with_digit);
    let at = text.char_indices().map(|(at, _)| at).find(|at| text.get(*at..).is_some_and(is_candidate));
    match at.and_then(|at| Some((text.get(..at)?, text.get(at.saturating_add(1)..)?))) {
        Some((release, candidate)) => push_dpkg_part(&mut key, &format!("{release}~{candidate}")),
        None => push_dpkg_part(&mut key, text),
    }
    key
}

fn rpm(text: &str) -> Vec<u8> {
    let (epoch, rest) = split_epoch(text);
    let mut key = Vec::new();
    push_number(&mut key, epoch);
    match rest.rsplit_once('-') {
        Some((version, release)) => {
            push_rpm_part(&mut key, version);
            key.push(1);
            push_rpm_part(&mut key, release);
        }
        None => {
            push_rpm_part(&mut key, rest);
            key.push(0);
        }
    }
    key
}

/// Digits before the first colon; none is 0.
fn split_epoch(text: &str) -> (&str, &str) {
    match text.split_once(':') {
        Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => (epoch, rest),
        _ => ("", text),
    }
}

fn push_number(key: &mut Vec<u8>, digits: &str) {
    let digits = digits.trim_start_matches('0');
    // A version has at most 128 bytes.
    key.push(u8::try_from(digits.len()).unwrap_or(u8::MAX));
    key.extend_from_slice(digits.as_bytes());
}

/// What begins with digits: those, and the rest.
fn split_digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn push_dpkg_part(key: &mut Vec<u8>, text: &str) {
    let mut rest = text;
    loop {
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (prefix, numbers) = rest.split_at_checked(end).unwrap_or((rest, ""));
        key.extend(prefix.bytes().map(|byte| match byte {
            b'~' => BEFORE_END,
            letter if letter.is_ascii_alphabetic() => letter,
            other => other | OTHERS,
        }));
        key.push(END);
        let (digits, behind) = split_digits(numbers);
        push_number(key, digits);
        rest = behind;
        if rest.is_empty() {
            break;
        }
    }
    key.push(END);
}

fn push_rpm_part(key: &mut Vec<u8>, text: &str) {
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        rest = match first {
            '0'..='9' => {
                let (digits, behind) = split_digits(rest);
                key.push(NUMBER);
                push_number(key, digits);
                behind
            }
            'a'..='z' | 'A'..='Z' => {
                let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
                let (letters, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
                key.push(LETTERS);
                key.extend_from_slice(letters.as_bytes());
                key.push(0);
                behind
            }
            _ => {
                // Whatever else only parts segments.
                match first {
                    '~' => key.push(BEFORE_END),
                    '^' => key.push(CARET),
                    _ => {}
                }
                rest.get(first.len_utf8()..).unwrap_or_default()
            }
        };
    }
    key.push(END);
}

#[cfg(test)]
mod tests;
