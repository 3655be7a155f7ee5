//! What a peer says of its certificates at `/v3/identity`, in both directions.
//!
//! ```text
//! {"fingerprint":F,"next":null}                                 nothing is to come
//! {"fingerprint":F,"next":{"fingerprint":N,"pin":"sha256//P"}}  N is to take F's place
//! ```

use crate::der::DerError;
use crate::fingerprint::Fingerprint;
use crate::limits::ANNOUNCEMENT_BYTES;
use crate::pin::KeyPin;
use serde::{Deserialize, Serialize};

/// What a peer says of its certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// The one that it shows now.
    pub fingerprint: Fingerprint,
    /// The one that is to follow.
    pub next: Option<Next>,
}

/// A certificate that is to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// The pin of its key.
    pub pin: KeyPin,
}

/// Why it is none.
#[derive(Debug, thiserror::Error)]
pub enum AnnouncementError {
    /// Longer than one can be.
    #[error("longer than {ANNOUNCEMENT_BYTES} bytes")]
    TooLong,
    /// Of another form.
    #[error("no announcement: {0}")]
    Form(#[from] serde_json::Error),
    /// A value of another form.
    #[error("no announcement: {0}")]
    Value(String),
    /// The certificate that is to follow is the one that is there.
    #[error("the next certificate is the present one")]
    Same,
}

#[derive(Serialize, Deserialize)]
struct Raw {
    fingerprint: String,
    next: Option<RawNext>,
}

#[derive(Serialize, Deserialize)]
struct RawNext {
    fingerprint: String,
    pin: String,
}

impl Next {
    /// Of a certificate in DER.
    ///
    /// # Errors
    /// It is none.
    pub fn of_certificate(der: &[u8]) -> Result<Self, DerError> {
        Ok(Self { fingerprint: Fingerprint::of_der(der), pin: KeyPin::of_certificate(der)? })
    }
}

impl Announcement {
    /// Reads one. Members that are not known are passed over.
    ///
    /// # Errors
    /// [`AnnouncementError`].
    pub fn parse(json: &[u8]) -> Result<Self, AnnouncementError> {
        if json.len() as u64 > ANNOUNCEMENT_BYTES {
            return Err(AnnouncementError::TooLong);
        }
        let raw: Raw = serde_json::from_slice(json)?;
        let fingerprint: Fingerprint = value(&raw.fingerprint)?;
        let next = match raw.next {
            None => None,
            Some(next) => Some(Next { fingerprint: value(&next.fingerprint)?, pin: value(&next.pin)? }),
        };
        if next.is_some_and(|next| next.fingerprint == fingerprint) {
            return Err(AnnouncementError::Same);
        }
        Ok(Self { fingerprint, next })
    }

    /// What a peer answered that has proven this certificate's key; none: it is too old to say anything.
    ///
    /// # Errors
    /// For people: it says something else.
    pub fn of_answer(status: u16, body: &[u8], leaf: Fingerprint) -> Result<Option<Self>, String> {
        match status {
            200 => {}
            404 | 405 | 501 => return Ok(None),
            status => return Err(format!("it answers {status}")),
        }
        let theirs = Self::parse(body).map_err(|error| error.to_string())?;
        // Who stands in front of a peer passes on what that one says of another connection.
        if theirs.fingerprint != leaf {
            return Err("it speaks of another certificate than the one that it shows".to_owned());
        }
        Ok(Some(theirs))
    }

    /// As JSON.
    pub fn to_json(&self) -> String {
        let next = self
            .next
            .map(|next| RawNext { fingerprint: next.fingerprint.to_string(), pin: next.pin.to_string() });
        // Strings alone: it cannot fail.
        serde_json::to_string(&Raw { fingerprint: self.fingerprint.to_string(), next }).unwrap_or_default()
    }
}

fn value<T: std::str::FromStr>(text: &str) -> Result<T, AnnouncementError>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| AnnouncementError::Value(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{CERTIFICATE_V1, CERTIFICATE_V3, der};
    use proptest::prelude::*;

    #[test]
    fn it_is_read_as_it_is_written() {
        let fingerprint = Fingerprint::of_der(&der(CERTIFICATE_V1));
        let next = Next::of_certificate(&der(CERTIFICATE_V3)).unwrap();
        for next in [None, Some(next)] {
            let announcement = Announcement { fingerprint, next };
            assert_eq!(Announcement::parse(announcement.to_json().as_bytes()).unwrap(), announcement);
        }
        assert_eq!(
            Announcement { fingerprint, next: None }.to_json(),
            format!("{{\"fingerprint\":\"{fingerprint}\",\"next\":null}}")
        );
    }

    #[test]
    fn what_is_none_says_why() {
        let fingerprint = Fingerprint::of_der(b"x");
        let pin = Next::of_certificate(&der(CERTIFICATE_V3)).unwrap().pin;
        for (text, expected) in [
            ("{}".to_owned(), "no announcement: missing field `fingerprint`"),
            ("[]".to_owned(), "no announcement: "),
            ("{\"fingerprint\":\"12\"}".to_owned(), "no announcement: a fingerprint is 64"),
            (
                format!(
                    "{{\"fingerprint\":\"{fingerprint}\",\"next\":{{\"fingerprint\":\"{fingerprint}\",\"pin\":\"x\"}}}}"
                ),
                "no announcement: ",
            ),
            (
                format!(
                    "{{\"fingerprint\":\"{fingerprint}\",\"next\":{{\"fingerprint\":\"{fingerprint}\",\"pin\":\"{pin}\"}}}}"
                ),
                "the next certificate is the present one",
            ),
            (" ".repeat(5000), "longer than 4096 bytes"),
        ] {
            let error = Announcement::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }

    #[test]
    fn an_answer_is_about_the_certificate_that_was_shown() {
        let [shown, other] = [&b"a"[..], b"b"].map(Fingerprint::of_der);
        let ours = Announcement { fingerprint: shown, next: None };
        let read = |status, leaf| Announcement::of_answer(status, ours.to_json().as_bytes(), leaf);
        assert_eq!(read(200, shown), Ok(Some(ours)));
        assert_eq!([404, 405, 501].map(|status| read(status, shown)), [const { Ok(None) }; 3]);
        assert!(read(200, other).unwrap_err().contains("another certificate"));
        assert_eq!(read(503, shown), Err("it answers 503".to_owned()));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Announcement::parse(&bytes);
        }
    }
}
