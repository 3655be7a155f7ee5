//! The first form: each record header is an HTTP header, and the body is the payload.

use axum::http::HeaderMap;

use super::{Posting, envelope::Envelope, text};
use crate::limits::MAX_PAYLOAD_BYTES;
use crate::record::{Field, Fields, Refusal, validate};

/// Reads and judges a record in the form of `/` and `/v2/collector`. Headers that are none of a record's are
/// left alone.
///
/// # Errors
/// The first [`Refusal`] that is met.
pub fn from_headers(headers: &HeaderMap, body: &[u8], tid: &str) -> Result<Posting, Refusal> {
    if body.len() > MAX_PAYLOAD_BYTES {
        return Err(Refusal::PayloadTooLong);
    }
    let envelope = Envelope::read(headers, tid)?;
    let mut fields = Fields::default();
    for (name, value) in headers {
        if let Some(field) = Field::named(name.as_str()) {
            fields.insert(field, &text::decode(value.as_bytes()))?;
        }
    }
    let record = validate(fields, text::decode(body), envelope.external)?;
    Ok(Posting { record, key: envelope.key })
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    const TID: &str = "6907c830-eed9-4ce9-81ae-76daf8d88f0f";

    fn headers(spell: fn(&str) -> String) -> HeaderMap {
        [
            ("Record-Format-Version", "1"),
            ("Classification", "a/b/c"),
            ("Severity", "2"),
            ("Machine-Id", "f00"),
            ("Creation-Timestamp", "1443573575"),
            ("Arch", "x86_64"),
            ("Host-Type", "a|b|c"),
            ("Build", "12"),
            ("Kernel-Version", "6.1.0-18"),
            ("X-Telemetry-TID", TID),
        ]
        .into_iter()
        .map(|(name, value)| (spell(name).parse::<HeaderName>().unwrap(), HeaderValue::from_static(value)))
        .collect()
    }

    #[test]
    fn both_spellings_are_one_record() {
        let hyphens = from_headers(&headers(str::to_owned), b"caf\xe9", TID).unwrap();
        let underscores = from_headers(&headers(|name| name.replace('-', "_")), b"caf\xe9", TID).unwrap();
        assert_eq!(hyphens, underscores);
        assert_eq!(hyphens.record.payload, "café");
        assert_eq!((hyphens.record.severity, hyphens.record.host_type.as_str()), (2, "a|b|c"));
    }

    #[test]
    fn a_header_in_two_spellings_is_refused() {
        let mut map = headers(str::to_owned);
        map.insert(HeaderName::from_static("machine_id"), HeaderValue::from_static("f00"));
        assert_eq!(from_headers(&map, b"", TID), Err(Refusal::Twice { name: "Machine-Id" }));
    }

    #[test]
    fn header_bytes_that_are_no_utf8_are_latin1() {
        let mut map = headers(str::to_owned);
        map.insert("host-type", HeaderValue::from_bytes(b"\xae").unwrap());
        assert_eq!(from_headers(&map, b"", TID).unwrap().record.host_type, "®");
    }

    #[test]
    fn the_payload_is_bounded() {
        let map = headers(str::to_owned);
        let longest = vec![b'\xe9'; MAX_PAYLOAD_BYTES];
        assert_eq!(
            from_headers(&map, &longest, TID).unwrap().record.payload.chars().count(),
            MAX_PAYLOAD_BYTES
        );
        assert_eq!(from_headers(&map, &[longest, vec![b'x']].concat(), TID), Err(Refusal::PayloadTooLong));
    }
}
