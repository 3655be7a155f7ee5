//! Hashes of signatures and variants: the same in every collector, so that `groups/HASH` finds a group anywhere.

use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// Hexadecimal digits that are kept of a SHA-256.
const DIGITS: usize = 32;

/// The first 32 hexadecimal digits of a SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Hash(String);

impl Hash {
    /// Of these parts, each with its length before it, so that no two lists of parts are one text.
    #[must_use]
    pub fn from_parts<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut sum = Sha256::new();
        for part in parts {
            let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
            sum.update(length.to_le_bytes());
            sum.update(part);
        }
        let bytes = sum.finalize();
        Self(bytes.iter().take(DIGITS / 2).map(|byte| format!("{byte:02x}")).collect())
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// By which counters know a machine: the first 8 bytes of the SHA-256 of its id, as a signed number for databases.
#[must_use]
pub fn machine_key(machine_id: &str) -> i64 {
    let sum = Sha256::digest(machine_id);
    let mut first = [0; 8];
    first.iter_mut().zip(sum).for_each(|(to, from)| *to = from);
    i64::from_be_bytes(first)
}

/// A text that is no hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoHash;

impl fmt::Display for NoHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a hash has {DIGITS} digits of 0 to 9 and a to f")
    }
}

impl std::error::Error for NoHash {}

impl FromStr for Hash {
    type Err = NoHash;

    fn from_str(text: &str) -> Result<Self, NoHash> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let is_hash = text.len() == DIGITS && text.bytes().all(is_digit);
        is_hash.then(|| Self(text.to_owned())).ok_or(NoHash)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_kept_apart() {
        assert_ne!(Hash::from_parts(["ab", "c"]), Hash::from_parts(["a", "bc"]));
        assert_ne!(Hash::from_parts(["a", ""]), Hash::from_parts(["a"]));
        // It must not change from one version of the collector to the next.
        assert_eq!(Hash::from_parts(["abc"]).as_str(), "ce91dc5eec0139adf091900d225971d6");
    }

    #[test]
    fn a_hash_has_32_small_digits() {
        let hash = Hash::from_parts(["x"]);
        assert_eq!(hash.as_str().parse(), Ok(hash.clone()));
        assert_eq!(serde_json::from_str::<Hash>(&serde_json::to_string(&hash).unwrap()).unwrap(), hash);
        for text in ["", "0", &"A".repeat(32), &"0".repeat(33), "0123456789abcdef0123456789abcdeg"] {
            assert_eq!(text.parse::<Hash>(), Err(NoHash), "{text}");
        }
    }

    #[test]
    fn machines_have_numbers() {
        // The SHA-256 of the empty text begins with e3b0c44298fc1c14.
        assert_eq!(machine_key(""), 0xe3b0_c442_98fc_1c14_u64.cast_signed());
        assert_ne!(machine_key("a"), machine_key("b"));
    }
}
