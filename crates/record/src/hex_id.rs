//! 128-bit identifiers written as 32 lowercase hexadecimal digits: event ids, record ids, machine ids.

use rand::TryRng;
use rand::rngs::SysRng;
use std::fmt;
use std::str::FromStr;

/// Hexadecimal digits of an identifier.
pub const HEX_DIGITS: usize = 32;

/// A 128-bit identifier.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HexId(u128);

/// The text is not 32 lowercase hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id has exactly {HEX_DIGITS} lowercase hexadecimal digits")]
pub struct HexIdError;

impl HexId {
    /// A new random id. It comes from the system's random source each time, with no state in the
    /// process, so that parent and child never make the same one after a fork.
    ///
    /// # Errors
    /// The system's random source cannot be read (a kernel before 3.17 and no `/dev/urandom`).
    pub fn random() -> std::io::Result<Self> {
        let mut bytes = [0; 16];
        SysRng.try_fill_bytes(&mut bytes).map_err(std::io::Error::other)?;
        Ok(Self::from_bytes(bytes))
    }

    /// So many new random ids, by one question to the system for a file's records.
    ///
    /// # Errors
    /// As [`HexId::random`].
    pub fn random_many(count: usize) -> std::io::Result<Vec<Self>> {
        let mut bytes = vec![[0; 16]; count];
        SysRng.try_fill_bytes(bytes.as_flattened_mut()).map_err(std::io::Error::other)?;
        Ok(bytes.into_iter().map(Self::from_bytes).collect())
    }

    /// The id of these bytes, most significant first.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }

    /// Its bytes, most significant first.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

impl fmt::Display for HexId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for HexId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for HexId {
    type Err = HexIdError;

    fn from_str(text: &str) -> Result<Self, HexIdError> {
        let lower_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != HEX_DIGITS || !text.bytes().all(lower_hex) {
            return Err(HexIdError);
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| HexIdError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_32_lowercase_digits_are_an_id() {
        let text = "0de9de8d5f3c6a7d445d75ba01cc3322";
        assert_eq!(text.parse::<HexId>().unwrap().to_string(), text);
        for wrong in [
            "",
            "0de9de8d5f3c6a7d445d75ba01cc332",
            "0de9de8d5f3c6a7d445d75ba01cc33222",
            "0DE9DE8D5F3C6A7D445D75BA01CC3322",
            "+de9de8d5f3c6a7d445d75ba01cc3322",
            "0de9de8d5f3c6a7d445d75ba01cc332g",
            "é0de9de8d5f3c6a7d445d75ba01cc33",
        ] {
            assert_eq!(wrong.parse::<HexId>(), Err(HexIdError), "{wrong}");
        }
    }

    #[test]
    fn ids_made_together_differ_too() {
        let ids = HexId::random_many(64).unwrap();
        assert_eq!(ids.iter().collect::<std::collections::HashSet<_>>().len(), 64);
        assert!(HexId::random_many(0).unwrap().is_empty());
    }

    #[test]
    fn random_ids_differ() {
        assert_ne!(HexId::random().unwrap(), HexId::random().unwrap());
    }
}
