//! Forms in which several lines are an entry: JSON, and what journalctl writes with all fields.

use super::lines::PROGRAMS_FROM;
use crate::log::Caller;
use crate::log::limits::ENTRY_BYTES;
use serde_json::Value;

/// A message of the kernel's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) text: String,
    pub(super) stamp_us: Option<u64>,
    pub(super) caller: Option<Caller>,
    is_of_kernel: bool,
    has_text: bool,
}

/// Puts lines together to entries.
#[derive(Clone, Debug)]
pub(super) enum Entries {
    Json(Object),
    /// Whether the keys are indented, as with verbose.
    Fields(Fields),
}

/// A JSON object whose end has not come.
#[derive(Clone, Debug, Default)]
pub(super) struct Object {
    text: String,
    is_open: bool,
    is_in_string: bool,
    is_escaped: bool,
}

/// Fields of an entry.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields {
    is_verbose: bool,
    entry: Entry,
    /// A field whose length and bytes follow.
    binary: Option<(String, Vec<u8>)>,
}

impl Entries {
    pub(super) fn json() -> Self {
        Self::Json(Object::default())
    }

    pub(super) fn export() -> Self {
        Self::Fields(Fields::default())
    }

    pub(super) fn verbose() -> Self {
        Self::Fields(Fields { is_verbose: true, ..Fields::default() })
    }

    /// Whether a line looks like one of `dmesg -J`.
    pub(super) fn fits_dmesg(line: &str) -> bool {
        let text = line.trim_start();
        ["\"dmesg\": [", "\"pri\":", "\"time\":", "\"msg\":", "\"caller\":", "},{"]
            .iter()
            .any(|head| text.starts_with(head))
    }

    /// Whether a line looks like one of journalctl's JSON.
    pub(super) fn fits_json(line: &str) -> bool {
        let text = line.strip_prefix("data: ").unwrap_or(line).trim_start_matches('\u{1e}').trim_start();
        let key = text.strip_prefix('{').unwrap_or(text).trim_start().strip_prefix('"');
        let key = key.and_then(|key| key.split_once('"'));
        key.is_some_and(|(key, rest)| is_key(key) && rest.trim_start().starts_with(':'))
    }

    pub(super) fn fits_export(line: &str) -> bool {
        line.split_once('=').is_some_and(|(key, _)| is_key(key))
    }

    pub(super) fn fits_verbose(line: &str) -> bool {
        line.strip_prefix("    ").is_some_and(Self::fits_export)
    }

    /// Takes a line, without its newline; `length` is what it had in the log.
    pub(super) fn push(&mut self, line: &[u8], length: usize) -> Option<Entry> {
        match self {
            Self::Json(object) => object.push(&String::from_utf8_lossy(line)),
            Self::Fields(fields) => fields.push(line, length),
        }
    }

    /// What the last lines were.
    pub(super) fn finish(&mut self) -> Option<Entry> {
        match self {
            Self::Json(_) => None,
            Self::Fields(fields) => fields.take(),
        }
    }
}

/// A field of the journal: `MESSAGE`, `__CURSOR`.
fn is_key(key: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    (2..=64).contains(&key.len()) && key.bytes().all(is_part)
}

impl Object {
    /// An object begins with the last `{` and ends with the next `}`: neither program nests them.
    fn push(&mut self, line: &str) -> Option<Entry> {
        let mut found = None;
        for c in line.chars() {
            if self.is_in_string {
                self.is_in_string = c != '"' || self.is_escaped;
                self.is_escaped = c == '\\' && !self.is_escaped;
            } else if c == '{' {
                (self.is_open, self.is_escaped) = (true, false);
                self.text.clear();
            } else {
                self.is_in_string = c == '"';
            }
            if self.is_open && self.text.len() < ENTRY_BYTES {
                self.text.push(c);
            }
            if c == '}' && !self.is_in_string && self.is_open {
                self.is_open = false;
                found = serde_json::from_str(&self.text).ok().and_then(|object| of_object(&object)).or(found);
            }
        }
        // Strings do not go on in the next line.
        self.is_in_string = false;
        if self.is_open && self.text.len() < ENTRY_BYTES {
            self.text.push('\n');
        }
        found
    }
}

fn of_object(object: &Value) -> Option<Entry> {
    let text = |key: &str| object.get(key).and_then(Value::as_str);
    let number = |key: &str| text(key).and_then(|digits| digits.parse().ok());
    if let Some(message) = text("msg") {
        let is_of_kernel = object.get("pri").and_then(Value::as_u64).is_none_or(|pri| pri < PROGRAMS_FROM);
        let stamp_us = object.get("time").and_then(Value::as_f64).map(to_us);
        let caller = text("caller").and_then(Caller::parse);
        return Some(Entry { text: message.to_owned(), stamp_us, caller, is_of_kernel, has_text: true })
            .filter(|e| e.is_of_kernel);
    }
    let is_of_kernel = text("_TRANSPORT").or_else(|| text("SYSLOG_IDENTIFIER")) == Some("kernel");
    let message = match object.get("MESSAGE")? {
        Value::String(message) => message.clone(),
        // Of a message with control characters the bytes are there.
        Value::Array(bytes) => {
            let bytes: Vec<_> = bytes.iter().filter_map(|byte| u8::try_from(byte.as_u64()?).ok()).collect();
            String::from_utf8_lossy(&bytes).into_owned()
        }
        _ => return None,
    };
    let stamp_us = number("_SOURCE_MONOTONIC_TIMESTAMP").or_else(|| number("__MONOTONIC_TIMESTAMP"));
    is_of_kernel.then_some(Entry { text: message, stamp_us, caller: None, is_of_kernel, has_text: true })
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a time out of range is 0 or the largest"
)]
fn to_us(secs: f64) -> u64 {
    (secs * 1e6).round() as u64
}

impl Fields {
    fn push(&mut self, line: &[u8], length: usize) -> Option<Entry> {
        if let Some((key, mut bytes)) = self.binary.take() {
            bytes.extend(line.iter().take(ENTRY_BYTES.saturating_sub(bytes.len())));
            bytes.resize(
                bytes.len() + length.saturating_sub(line.len()).min(ENTRY_BYTES.saturating_sub(bytes.len())),
                b'?',
            );
            bytes.push(b'\n');
            self.binary(key, bytes);
            return None;
        }
        let text = String::from_utf8_lossy(line);
        let field = if self.is_verbose { text.strip_prefix("    ") } else { Some(text.as_ref()) };
        match field {
            Some(field) if !field.is_empty() => {
                if let Some((key, value)) = field.split_once('=') {
                    self.field(key, value);
                } else if !self.is_verbose && is_key(field) {
                    self.binary = Some((field.to_owned(), Vec::new()));
                }
                None
            }
            _ => self.take(),
        }
    }

    /// A length of eight bytes, so many bytes and a newline.
    fn binary(&mut self, key: String, bytes: Vec<u8>) {
        let Some((head, data)) = bytes.split_first_chunk::<8>() else {
            self.binary = Some((key, bytes));
            return;
        };
        let length = usize::try_from(u64::from_le_bytes(*head)).unwrap_or(usize::MAX);
        if length > ENTRY_BYTES {
            return;
        }
        match data.get(..length) {
            Some(value) if data.len() > length => self.field(&key, &String::from_utf8_lossy(value)),
            _ => self.binary = Some((key, bytes)),
        }
    }

    fn field(&mut self, key: &str, value: &str) {
        match key {
            "_TRANSPORT" => self.entry.is_of_kernel = value == "kernel",
            "MESSAGE" => {
                value.clone_into(&mut self.entry.text);
                self.entry.has_text = true;
            }
            "_SOURCE_MONOTONIC_TIMESTAMP" => self.entry.stamp_us = value.parse().ok(),
            "__MONOTONIC_TIMESTAMP" if self.entry.stamp_us.is_none() => {
                self.entry.stamp_us = value.parse().ok()
            }
            _ => {}
        }
    }

    fn take(&mut self) -> Option<Entry> {
        let entry = std::mem::take(&mut self.entry);
        (entry.has_text && entry.is_of_kernel).then_some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(mut entries: Entries, log: &[u8]) -> Vec<(String, Option<u64>)> {
        let lines: Vec<_> = log.split(|byte| *byte == b'\n').collect();
        let mut found: Vec<_> = lines.iter().filter_map(|line| entries.push(line, line.len())).collect();
        found.extend(entries.finish());
        found.into_iter().map(|entry| (entry.text, entry.stamp_us)).collect()
    }

    #[test]
    fn json_of_all_kinds() {
        let pretty = b"{\n\t\"_TRANSPORT\" : \"kernel\",\n\t\"MESSAGE\" : [\n\t\t27,\n\t\t65\n\t]\n}\n{\n\t\"_TRANSPORT\" : \"syslog\",\n\t\"MESSAGE\" : \"x\"\n}\n";
        assert_eq!(texts(Entries::json(), pretty), [("\u{1b}A".to_owned(), None)]);
        let sse = b"data: {\"_TRANSPORT\":\"kernel\",\"MESSAGE\":\"a } \\\" {\",\"__MONOTONIC_TIMESTAMP\":\"7\"}\n\n";
        assert_eq!(texts(Entries::json(), sse), [("a } \" {".to_owned(), Some(7))]);
        let seq = b"\x1e{\"SYSLOG_IDENTIFIER\":\"kernel\",\"MESSAGE\":\"a\"}";
        assert_eq!(texts(Entries::json(), seq), [("a".to_owned(), None)]);
        let dmesg = b"{\n \"dmesg\": [\n {\n \"pri\": 4,\n \"time\": 1.5,\n \"msg\": \"a\"\n },{\n \"pri\": 12,\n \"msg\": \"b\"\n }\n ]\n}";
        assert_eq!(texts(Entries::json(), dmesg), [("a".to_owned(), Some(1_500_000))]);
    }

    #[test]
    fn fields_may_be_binary() {
        let mut log = b"_TRANSPORT=kernel\nMESSAGE\n\x03\0\0\0\0\0\0\0a\nb\n__MONOTONIC_TIMESTAMP=5\n\n_TRANSPORT=stdout\nMESSAGE=x\n\n".to_vec();
        assert_eq!(texts(Entries::export(), &log), [("a\nb".to_owned(), Some(5))]);
        // A length of 10 is a newline itself.
        log = b"_TRANSPORT=kernel\nMESSAGE\n\x0a\0\0\0\0\0\0\x00123456789\n\n_TRANSPORT=kernel\nMESSAGE=y\n"
            .to_vec();
        assert_eq!(texts(Entries::export(), &log).last().unwrap().0, "y");
        let verbose = b"Sat 2025 [s=1]\n    MESSAGE=a=b\n    _TRANSPORT=kernel\nSat 2025 [s=2]\n    MESSAGE=c\n    _TRANSPORT=audit\n";
        assert_eq!(texts(Entries::verbose(), verbose), [("a=b".to_owned(), None)]);
    }

    #[test]
    fn noise_is_nothing() {
        for noise in
            [&b"{"[..], b"}", b"{\"", b"\"\\", b"{}}{{", b"MESSAGE\n\xff\xff\xff\xff\xff\xff\xff\xff\n"]
        {
            assert_eq!(texts(Entries::json(), noise), []);
            assert_eq!(texts(Entries::export(), noise), []);
        }
    }
}
