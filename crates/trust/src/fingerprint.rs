//! The fingerprint of a certificate: SHA-256 of all of it, as people compare it.

use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

const BYTES: usize = 32;

/// SHA-256 of a certificate in DER. Compared as bytes, never as text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; BYTES]);

impl Fingerprint {
    /// That of this certificate.
    pub fn of_der(der: &[u8]) -> Self {
        Self(Sha256::digest(der).into())
    }
}

/// As `openssl x509 -fingerprint -sha256` prints it after `=`: upper case, a colon between bytes.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let colon = if index == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The text is no fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint is 64 hexadecimal digits, with or without colons; here are {digits}{}", others(*.has_others))]
pub struct FingerprintError {
    /// Hexadecimal digits that are there.
    digits: usize,
    /// Whether there is something that is neither digit nor colon.
    has_others: bool,
}

fn others(has_others: bool) -> &'static str {
    if has_others { " and other characters" } else { "" }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    /// Any case; colons are passed over.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits: Vec<u8> = text.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
        let has_others = text.chars().any(|c| c != ':' && !c.is_ascii_hexdigit());
        let error = FingerprintError { digits: digits.len(), has_others };
        if has_others {
            return Err(error);
        }
        let (pairs, odd) = digits.as_chunks::<2>();
        let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
        match <[u8; BYTES]>::try_from(bytes) {
            Ok(bytes) if odd.is_empty() => Ok(Self(bytes)),
            _ => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_printed_as_openssl_prints_it() {
        // printf abc | sha256sum
        let text =
            "BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD";
        assert_eq!(Fingerprint::of_der(b"abc").to_string(), text);
        assert_eq!(text.parse(), Ok(Fingerprint::of_der(b"abc")));
    }

    #[test]
    fn case_and_colons_do_not_count() {
        let text = Fingerprint::of_der(b"abc").to_string();
        for same in [text.to_lowercase(), text.replace(':', ""), text.replace(':', "").to_lowercase()] {
            assert_eq!(same.parse(), Ok(Fingerprint::of_der(b"abc")), "{same}");
        }
    }

    #[test]
    fn what_is_no_fingerprint_says_what_is_wrong() {
        let digits = "0123456789abcdef".repeat(4);
        for (text, expected) in [
            (digits[1..].to_owned(), "here are 63"),
            (format!("{digits}0"), "here are 65"),
            (format!("{digits}00"), "here are 66"),
            (String::new(), "here are 0"),
            (digits.replacen('0', "g", 1), "here are 63 and other characters"),
            (digits.replacen('0', "é", 1), "here are 63 and other characters"),
            (format!("sha256={digits}"), "here are 68 and other characters"),
        ] {
            let error = text.parse::<Fingerprint>().unwrap_err().to_string();
            assert!(error.ends_with(expected), "{text}: {error}");
        }
    }
}
