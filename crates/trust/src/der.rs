//! As much of a certificate's DER as is needed: its public key, and when it ends.
//!
//! A walk of our own, since certificates of X.509 version 1, which `openssl x509 -req` makes, are refused by the libraries
//! that check chains. Nothing here judges a certificate.
//!
//! ```text
//! Certificate ::= SEQUENCE {
//!   tbsCertificate SEQUENCE {
//!     [0] version (not in version 1), serial, signature algorithm, issuer, validity SEQUENCE { notBefore, notAfter },
//!     subject, subjectPublicKeyInfo, ...
//!   }, ...
//! }
//! ```

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// First byte of a BIT STRING of whole bytes.
const NO_UNUSED_BITS: [u8; 1] = [0];

/// The bytes are no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an X.509 certificate")]
pub struct DerError;

/// The parts of a certificate that are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts<'a> {
    /// SubjectPublicKeyInfo, with its tag and length: what a pin is the hash of.
    pub subject_public_key_info: &'a [u8],
    /// What the SubjectPublicKeyInfo says of the kind of key: an AlgorithmIdentifier without its tag and length.
    pub key_algorithm: &'a [u8],
    /// The key in it, in the form of its kind.
    pub key: &'a [u8],
    /// When it begins to be valid, `YYYYMMDDhhmmss` in UTC.
    pub not_before: String,
    /// When it ends, likewise.
    pub not_after: String,
}

/// Walks a certificate.
///
/// # Errors
/// It is none, or its encoding is not DER.
pub fn parts(certificate: &[u8]) -> Result<Parts<'_>, DerError> {
    let (certificate, behind) = Element::first(certificate)?;
    if !behind.is_empty() {
        return Err(DerError);
    }
    let (to_be_signed, _) = Element::first(certificate.content_of(SEQUENCE)?)?;
    let mut rest = to_be_signed.content_of(SEQUENCE)?;
    let mut next = || -> Result<Element<'_>, DerError> {
        let (element, behind) = Element::first(rest)?;
        rest = behind;
        Ok(element)
    };
    let first = next()?;
    let serial = if first.tag == VERSION { next()? } else { first };
    serial.content_of(INTEGER)?;
    let _signature_algorithm = next()?.content_of(SEQUENCE)?;
    let _issuer = next()?.content_of(SEQUENCE)?;
    let validity = next()?.content_of(SEQUENCE)?;
    let _subject = next()?.content_of(SEQUENCE)?;
    let key = next()?;
    let (key_algorithm, behind_algorithm) = Element::first(key.content_of(SEQUENCE)?)?;
    let (key_bits, _) = Element::first(behind_algorithm)?;
    let (not_before, behind) = Element::first(validity)?;
    let (not_after, _) = Element::first(behind)?;
    Ok(Parts {
        subject_public_key_info: key.whole,
        key_algorithm: key_algorithm.content_of(SEQUENCE)?,
        key: key_bits.content_of(BIT_STRING)?.strip_prefix(&NO_UNUSED_BITS).ok_or(DerError)?,
        not_before: not_before.time()?,
        not_after: not_after.time()?,
    })
}

/// A tag, a length and as many bytes.
#[derive(Clone, Copy)]
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
    whole: &'a [u8],
}

impl<'a> Element<'a> {
    /// The first element, and what follows it.
    fn first(input: &'a [u8]) -> Result<(Self, &'a [u8]), DerError> {
        let (&tag, behind_tag) = input.split_first().ok_or(DerError)?;
        // Tags of several bytes occur nowhere on the way.
        if tag & 0x1f == 0x1f {
            return Err(DerError);
        }
        let (length, behind_length) = length(behind_tag)?;
        let (content, behind) = behind_length.split_at_checked(length).ok_or(DerError)?;
        let whole = input.get(..input.len() - behind.len()).ok_or(DerError)?;
        Ok((Self { tag, content, whole }, behind))
    }

    fn content_of(self, tag: u8) -> Result<&'a [u8], DerError> {
        if self.tag == tag { Ok(self.content) } else { Err(DerError) }
    }

    /// Digits of a time. Of the years of a UTCTime, 50 and later are of the last century (RFC 5280, 4.1.2.5.1).
    fn time(self) -> Result<String, DerError> {
        let text = std::str::from_utf8(self.content).map_err(|_| DerError)?;
        let digits = text.strip_suffix('Z').ok_or(DerError)?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(DerError);
        }
        match (self.tag, digits.len()) {
            (UTC_TIME, 12) => Ok(format!("{}{digits}", if digits < "50" { "20" } else { "19" })),
            (GENERALIZED_TIME, 14) => Ok(digits.to_owned()),
            _ => Err(DerError),
        }
    }
}

/// A length of at most four bytes, in its shortest form, and what follows it.
fn length(input: &[u8]) -> Result<(usize, &[u8]), DerError> {
    let (&first, behind) = input.split_first().ok_or(DerError)?;
    if first < 0x80 {
        return Ok((first.into(), behind));
    }
    let (digits, behind) = behind.split_at_checked((first & 0x7f).into()).ok_or(DerError)?;
    if digits.is_empty() || digits.len() > 4 || digits.first() == Some(&0) {
        return Err(DerError);
    }
    let length = digits.iter().fold(0_usize, |length, digit| length << 8 | usize::from(*digit));
    if length < 0x80 { Err(DerError) } else { Ok((length, behind)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{CERTIFICATE_V1, CERTIFICATE_V3, der};
    use proptest::prelude::*;

    #[test]
    fn version_1_and_version_3_have_their_parts() {
        for pem in [CERTIFICATE_V1, CERTIFICATE_V3] {
            let der = der(pem);
            let parts = parts(&der).unwrap();
            // SEQUENCE { SEQUENCE { OBJECT IDENTIFIER ecPublicKey, ...
            assert!(parts.subject_public_key_info.starts_with(&[0x30, 0x59, 0x30, 0x13, 0x06, 0x07]));
            assert_eq!(parts.subject_public_key_info.len(), 91);
            // An uncompressed point of P-256.
            assert_eq!((parts.key.len(), parts.key[0], parts.key_algorithm.len()), (65, 4, 19));
            assert!(parts.not_before < parts.not_after);
        }
    }

    #[test]
    fn a_certificate_cut_anywhere_is_none() {
        let der = der(CERTIFICATE_V1);
        for end in 0..der.len() {
            assert_eq!(parts(&der[..end]), Err(DerError), "{end}");
        }
        let longer = [der.as_slice(), b"x"].concat();
        assert_eq!(parts(&longer), Err(DerError));
    }

    #[test]
    fn lengths_are_in_their_shortest_form() {
        assert_eq!(length(&[0x7f]), Ok((0x7f, &[][..])));
        assert_eq!(length(&[0x81, 0x80, 9]), Ok((0x80, &[9][..])));
        assert_eq!(length(&[0x84, 1, 0, 0, 0]), Ok((1 << 24, &[][..])));
        for wrong in [&[][..], &[0x80], &[0x81], &[0x81, 0x7f], &[0x82, 0, 0xff], &[0x85, 1, 0, 0, 0, 0]] {
            assert_eq!(length(wrong), Err(DerError), "{wrong:x?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parts(&bytes);
        }

        #[test]
        fn one_changed_byte_gives_parts_of_it_or_none(at in 0_usize..400, byte: u8) {
            let mut der = der(CERTIFICATE_V3);
            let at = at % der.len();
            der[at] = byte;
            if let Ok(parts) = parts(&der) {
                prop_assert!(parts.subject_public_key_info.len() < der.len());
            }
        }
    }
}
