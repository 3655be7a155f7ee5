//! What a parser makes of a record, and the bounds of that.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;

use crate::storage::values::{Parsed, Unparsed};

/// Values of a record, their names and their lengths.
const VALUES: usize = 32;
const NAME_BYTES: usize = 64;
const VALUE_BYTES: usize = 1024;

/// Bytes of a payload in another form.
const FORM_BYTES: usize = 256 * 1024;

/// Adds a value.
///
/// # Errors
/// If there are too many, or it is too long.
pub(super) fn add(parsed: &mut Parsed, name: &str, value: &str) -> Result<(), String> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if name.is_empty() || name.len() > NAME_BYTES || !name.bytes().all(is_name) {
        return Err(format!("a value's name has 1 to {NAME_BYTES} letters, digits and _"));
    }
    if value.len() > VALUE_BYTES || value.contains('\0') {
        return Err(format!("the value {name} has more than {VALUE_BYTES} bytes, or a NUL"));
    }
    parsed.values.insert(name.to_owned(), value.to_owned());
    if parsed.values.len() > VALUES { Err(format!("a record has more than {VALUES} values")) } else { Ok(()) }
}

/// Sets the other form.
pub(super) fn set_form(parsed: &mut Parsed, form: &str) -> Result<(), String> {
    if form.len() > FORM_BYTES || form.contains('\0') {
        return Err(format!("the other form has more than {FORM_BYTES} bytes, or a NUL"));
    }
    parsed.form = Some(form.to_owned());
    Ok(())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: i64,
    #[serde(default)]
    values: BTreeMap<String, Json>,
    payload: Option<String>,
}

/// Reads what a program answered about these records.
///
/// # Errors
/// On a line that is no answer about one of them.
pub(super) fn read(output: &[u8], records: &[Unparsed]) -> Result<Vec<Parsed>, String> {
    let text = std::str::from_utf8(output).map_err(|_| "it answered what is no UTF-8".to_owned())?;
    let mut all: BTreeMap<i64, Parsed> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let line: Line =
            serde_json::from_str(line).map_err(|error| format!("a line is not as agreed: {error}"))?;
        if !records.iter().any(|record| record.id == line.id) {
            return Err(format!("it answered about record {}, which it was not asked about", line.id));
        }
        let parsed = all.entry(line.id).or_insert_with(|| Parsed { id: line.id, ..Parsed::default() });
        for (name, value) in &line.values {
            match value {
                Json::String(text) => add(parsed, name, text)?,
                Json::Number(_) | Json::Bool(_) => add(parsed, name, &value.to_string())?,
                Json::Null => {}
                _ => return Err(format!("the value {name} is no text and no number")),
            }
        }
        if let Some(form) = &line.payload {
            set_form(parsed, form)?;
        }
    }
    Ok(all.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_within_their_bounds() {
        let records = [Unparsed { id: 7, classification: "a/b/c".into(), payload: String::new() }];
        let read = |text: &str| super::read(text.as_bytes(), &records);
        let good = read("{\"id\":7,\"values\":{\"a\":\"x\",\"n\":5},\"payload\":\"p\"}\n\n{\"id\":7,\"values\":{\"b\":true}}").unwrap();
        assert_eq!((good.len(), good[0].values.len(), good[0].form.as_deref()), (1, 3, Some("p")));
        assert_eq!(read(""), Ok(vec![]));
        let many: String = (0..33).map(|n| format!("{{\"id\":7,\"values\":{{\"v{n}\":1}}}}\n")).collect();
        for bad in [
            "nonsense",
            "{\"id\":8}",
            "{\"id\":7,\"more\":1}",
            "{\"id\":7,\"values\":{\"a b\":1}}",
            "{\"id\":7,\"values\":{\"a\":[1]}}",
            "{\"id\":7,\"payload\":\"\\u0000\"}",
            &format!("{{\"id\":7,\"values\":{{\"a\":\"{}\"}}}}", "x".repeat(1025)),
            &many,
        ] {
            assert!(read(bad).is_err(), "{bad:.60}");
        }
        assert!(super::read(b"\xff", &records).is_err());
    }
}
