//! The pin of a key: what libcurl compares a server with.

use crate::der::{self, DerError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

const PREFIX: &str = "sha256//";

/// SHA-256 of a SubjectPublicKeyInfo in DER, written as libcurl takes it: `sha256//` and Base64.
///
/// It stays while a certificate is renewed with its old key, which a [`Fingerprint`](crate::Fingerprint) does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyPin([u8; 32]);

impl KeyPin {
    /// That of the key in this certificate.
    ///
    /// # Errors
    /// It is no certificate.
    pub fn of_certificate(der: &[u8]) -> Result<Self, DerError> {
        Ok(Self(Sha256::digest(der::parts(der)?.subject_public_key_info).into()))
    }
}

impl fmt::Display for KeyPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", STANDARD.encode(self.0))
    }
}

/// The text is no pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a pin is {PREFIX} and the Base64 of 32 bytes")]
pub struct KeyPinError;

impl FromStr for KeyPin {
    type Err = KeyPinError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes =
            text.strip_prefix(PREFIX).and_then(|text| STANDARD.decode(text).ok()).ok_or(KeyPinError)?;
        bytes.try_into().map(Self).map_err(|_| KeyPinError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{CERTIFICATE_V1, CERTIFICATE_V3, der};

    #[test]
    fn it_is_what_openssl_makes_of_the_public_key() {
        // openssl x509 -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64
        for (pem, expected) in
            [(CERTIFICATE_V1, crate::testing::PIN_V1), (CERTIFICATE_V3, crate::testing::PIN_V3)]
        {
            let pin = KeyPin::of_certificate(&der(pem)).unwrap();
            assert_eq!(pin.to_string(), expected);
            assert_eq!(expected.parse(), Ok(pin));
        }
    }

    #[test]
    fn other_texts_are_no_pins() {
        for text in ["", "sha256//", "sha256//AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="] {
            assert_eq!(text.parse::<KeyPin>(), Err(KeyPinError), "{text}");
        }
    }
}
