//! The headers that come beside a record, in both forms.

use axum::http::HeaderMap;

use super::text;
use crate::record::{IdempotencyKey, Refusal, is_same_name};

const TID: &str = "X-Telemetry-TID";
const EXTERNAL: &str = "X-CLR-External";

/// What the headers say about a record that is not part of it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Envelope {
    pub(super) external: bool,
    pub(super) key: Option<IdempotencyKey>,
}

impl Envelope {
    /// Refuses headers that are not addressed to `tid`.
    pub(super) fn check(headers: &HeaderMap, tid: &str) -> Result<(), Refusal> {
        if only(headers, TID)?.as_deref() == Some(tid) { Ok(()) } else { Err(Refusal::ForeignTid) }
    }

    /// Reads the headers, and refuses those that are not addressed to `tid`.
    pub(super) fn read(headers: &HeaderMap, tid: &str) -> Result<Self, Refusal> {
        Self::check(headers, tid)?;
        let external = only(headers, EXTERNAL)?.is_some_and(|value| value == "true");
        let key = match only(headers, IdempotencyKey::HEADER)? {
            None => None,
            Some(given) => Some(
                IdempotencyKey::new(&given)
                    .ok_or_else(|| Refusal::wrong(IdempotencyKey::HEADER, &given, IdempotencyKey::ALLOWED))?,
            ),
        };
        Ok(Self { external, key })
    }
}

/// The one value of a header, in whichever spelling.
fn only(headers: &HeaderMap, name: &'static str) -> Result<Option<String>, Refusal> {
    let mut values = headers.iter().filter(|(given, _)| is_same_name(given.as_str(), name));
    let value = values.next().map(|(_, value)| text::decode(value.as_bytes()).trim_ascii().to_owned());
    if values.next().is_some() { Err(Refusal::Twice { name }) } else { Ok(value) }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn read(headers: &[(&str, &str)]) -> Result<Envelope, String> {
        let map: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap()))
            .collect();
        Envelope::read(&map, "tid-1").map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn only_the_configured_tid_passes() {
        for good in ["X-Telemetry-TID", "x_telemetry_tid", "X-Telemetry_Tid"] {
            assert_eq!(read(&[(good, "tid-1")]), Ok(Envelope::default()));
        }
        for bad in
            [&[][..], &[("x-telemetry-tid", "")], &[("x-telemetry-tid", "tid-2")], &[("x-tid", "tid-1")]]
        {
            let message = read(bad).expect_err("a foreign id passed");
            assert!(message.starts_with("X-Telemetry-TID is not right"), "{message}");
            assert!(!message.contains("tid-1"), "the id is not given away: {message}");
        }
    }

    #[test]
    fn a_header_in_two_spellings_is_refused() {
        let message = read(&[("x-telemetry-tid", "tid-1"), ("x_telemetry_tid", "tid-1")]).unwrap_err();
        assert!(message.starts_with("X-Telemetry-TID is given twice"), "{message}");
    }

    #[test]
    fn external_is_true_or_not() {
        for (value, external) in
            [("true", true), ("True", false), ("false", false), ("1", false), ("", false)]
        {
            let got = read(&[("x-telemetry-tid", "tid-1"), ("X-CLR-External", value)]).unwrap();
            assert_eq!(got.external, external, "{value:?}");
        }
    }

    #[test]
    fn a_key_is_taken_whole_or_refused() {
        let read_key = |value: &str| read(&[("x-telemetry-tid", "tid-1"), ("idempotency_key", value)]);
        assert_eq!(read_key("c0ffee").unwrap().key, IdempotencyKey::new("c0ffee"));
        let message = read_key("a b").unwrap_err();
        assert!(message.starts_with("Idempotency-Key is \"a b\"; allowed: 1 to 128"), "{message}");
    }
}
