//! The third form of the collector's interface: a JSON object with the headers of the record and its
//! payload, every value a string.

use super::Post;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::borrow::Cow;
use telemetry_record::header::Header;
use telemetry_record::message::Message;

struct RecordObject<'a>(&'a Message);

impl Serialize for RecordObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(Header::ALL.len() + 1))?;
        for header in Header::ALL {
            object.serialize_entry(header.name(), self.0.headers.value(header))?;
        }
        object.serialize_entry("payload", &self.0.payload)?;
        object.end()
    }
}

/// Builds the request, without what all forms have in common.
///
/// # Errors
/// None for a record: text always becomes JSON.
pub(super) fn post(message: &Message) -> Result<Post<'_>, serde_json::Error> {
    let body = serde_json::to_string(&RecordObject(message))?;
    let headers = vec![("Content-Type", Cow::Borrowed("application/json"))];
    Ok(Post { headers, body: Cow::Owned(body) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry_record::header::HeaderBlock;

    #[test]
    fn every_value_is_a_string_with_its_blanks() {
        let values = Header::ALL.map(|header| match header {
            Header::CpuModel => "Intel(R) \"Core\" \\ é".to_owned(),
            Header::BoardName => String::new(),
            _ => "4".to_owned(),
        });
        let message = Message {
            config: None,
            headers: HeaderBlock::from_values(values),
            payload: "one\n\ttwo\n".to_owned(),
        };
        let post = post(&message).unwrap();
        assert_eq!(post.headers, [("Content-Type", Cow::Borrowed("application/json"))]);
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&post.body).unwrap();
        assert_eq!(object.len(), 16);
        assert!(object.values().all(serde_json::Value::is_string));
        assert_eq!(object["cpu_model"], "Intel(R) \"Core\" \\ é");
        assert_eq!(object["board_name"], "");
        assert_eq!(object["record_format_version"], "4");
        assert_eq!(object["payload"], "one\n\ttwo\n");
    }
}
