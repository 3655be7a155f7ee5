//! The second form: one JSON object holds the record headers and the payload.

use axum::http::HeaderMap;
use serde_json::{Map, Value};

use super::{Posting, envelope::Envelope};
use crate::limits::MAX_PAYLOAD_BYTES;
use crate::record::{Field, Fields, Record, Refusal, validate};

const PAYLOAD: &str = "payload";

/// Reads and judges a record in the form of `/v3/collector`. Every value is a string; whole numbers are
/// taken for their digits. Keys that are none of a record's are left alone.
///
/// # Errors
/// The first [`Refusal`] that is met.
pub fn from_json(headers: &HeaderMap, body: &[u8], tid: &str) -> Result<Posting, Refusal> {
    let envelope = Envelope::read(headers, tid)?;
    let object: Map<String, Value> =
        serde_json::from_slice(body).map_err(|error| Refusal::NotAnObject(place_of(&error)))?;
    let record = from_object(object, envelope.external)?;
    Ok(Posting { record, key: envelope.key })
}

/// Reads and judges a record that is a JSON object.
///
/// # Errors
/// The first [`Refusal`] that is met.
pub fn from_object(object: Map<String, Value>, external: bool) -> Result<Record, Refusal> {
    let mut fields = Fields::default();
    let mut payload = None;
    for (key, value) in object {
        if key == PAYLOAD {
            payload = Some(into_text(PAYLOAD, value)?);
        } else if let Some(field) = Field::named(&key) {
            fields.insert(field, &into_text(field.header(), value)?)?;
        }
    }
    let payload =
        payload.ok_or(Refusal::Wrong { name: PAYLOAD, given: "missing".into(), allowed: STRING })?;
    if payload.len() > MAX_PAYLOAD_BYTES {
        return Err(Refusal::PayloadTooLong);
    }
    validate(fields, payload, external)
}

/// A record as that object.
#[must_use]
pub fn to_object(record: &Record) -> Map<String, Value> {
    let mut object = Map::new();
    for field in Field::ALL {
        if let Some(value) = record.text_of(field) {
            object.insert(field.name(), value.into());
        }
    }
    object.insert(PAYLOAD.to_owned(), record.payload.as_str().into());
    object
}

const STRING: &str = "a string";

/// Where the body goes wrong. The parser's own message may repeat the whole body, so it is not passed on.
fn place_of(error: &serde_json::Error) -> String {
    format!("line {}, column {}", error.line(), error.column())
}

fn into_text(name: &'static str, value: Value) -> Result<String, Refusal> {
    match value {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        other => {
            let given = match other {
                Value::Null => "null".into(),
                Value::Bool(value) => value.to_string(),
                Value::Array(_) => "an array".into(),
                _ => "an object".into(),
            };
            Err(Refusal::Wrong { name, given, allowed: STRING })
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use serde_json::json;

    use super::*;

    fn headers() -> HeaderMap {
        [("x-telemetry-tid".parse().unwrap(), HeaderValue::from_static("tid"))].into_iter().collect()
    }

    fn object() -> Value {
        json!({
            "record_format_version": "1", "classification": "a/b/c", "severity": "2", "machine_id": "f00",
            "creation_timestamp": "1443573575", "arch": "x86_64", "host_type": "a|b c|d", "build": "12",
            "kernel_version": "6.1.0-18", "payload": "caf\u{e9} <\n>", "unknown": [1]
        })
    }

    fn read(body: &Value) -> Result<Posting, String> {
        from_json(&headers(), body.to_string().as_bytes(), "tid").map_err(|refusal| refusal.to_string())
    }

    fn with(key: &str, value: Value) -> Value {
        let mut object = object();
        object[key] = value;
        object
    }

    #[test]
    fn a_record_is_the_same_after_it_was_an_object() {
        for version in 1..=4 {
            let mut object = object();
            object["record_format_version"] = version.to_string().into();
            for (name, value) in [
                ("payload_format_version", "7"),
                ("system_name", "\"debian\""),
                ("board_name", "b|v"),
                ("cpu_model", "c"),
                ("bios_version", "1"),
                ("event_id", "0123456789abcdef0123456789abcdef"),
            ] {
                object[name] = value.into();
            }
            let record = read(&object).unwrap().record;
            assert_eq!(from_object(to_object(&record), false), Ok(record));
        }
    }

    #[test]
    fn strings_and_numbers_are_taken_whole() {
        let strings = read(&object()).unwrap();
        assert_eq!(strings.record.payload, "café <\n>");
        assert_eq!(strings.record.host_type, "a|b c|d");
        assert_eq!(read(&with("severity", json!(2))), Ok(strings));
    }

    #[test]
    fn other_values_are_refused_by_name() {
        for (key, value, start) in [
            ("severity", json!(2.5), "Severity is \"2.5\""),
            ("severity", json!(-2), "Severity is \"-2\""),
            ("severity", json!(true), "Severity is true; allowed: a string"),
            ("severity", json!(null), "Severity is null; allowed: a string"),
            ("arch", json!(["x86_64"]), "Arch is an array; allowed: a string"),
            ("payload", json!({}), "payload is an object; allowed: a string"),
            ("Host-Type", json!("x"), "Host-Type is given twice"),
        ] {
            let message = read(&with(key, value)).expect_err("a wrong value passed");
            assert!(message.starts_with(start), "{message}");
        }
    }

    #[test]
    fn the_payload_must_be_there_and_fit() {
        let mut without = object();
        without.as_object_mut().unwrap().remove("payload");
        assert!(read(&without).unwrap_err().starts_with("payload is missing"));
        let longest = "\u{1}".repeat(MAX_PAYLOAD_BYTES);
        assert_eq!(read(&with("payload", json!(longest))).unwrap().record.payload, longest);
        assert!(read(&with("payload", json!(longest + "x"))).unwrap_err().starts_with("payload is too long"));
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for body in ["", "{", "[]", "\"a\"", "{\"a\": \"\\ud800\"}", "{} {}"] {
            let message = from_json(&headers(), body.as_bytes(), "tid").unwrap_err().to_string();
            assert!(message.starts_with("body is not right ("), "{body}: {message}");
        }
    }

    #[test]
    fn the_tid_is_a_header_here_too() {
        let body = with("X-Telemetry-TID", json!("tid")).to_string();
        assert_eq!(from_json(&HeaderMap::new(), body.as_bytes(), "tid"), Err(Refusal::ForeignTid));
    }
}
