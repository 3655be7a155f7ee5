//! A good record, to be sent as it is or with one thing wrong.

use serde_json::{Map, Value};

pub(crate) const TID: (&str, &str) = ("X-Telemetry-TID", "6907c830-eed9-4ce9-81ae-76daf8d88f0f");

/// The headers of version 4, and the version that began to require each of them.
pub(crate) const HEADERS: [(&str, &str, u8); 15] = [
    ("Record-Format-Version", "4", 1),
    ("Classification", "org.clearlinux/hello/world", 1),
    ("Severity", "1", 1),
    ("Machine-Id", "66c196ce4222dd761470da5e7e35f6f1", 1),
    ("Creation-Timestamp", "1443573575", 1),
    ("Arch", "x86_64", 1),
    ("Host-Type", "blank|blank|blank", 1),
    ("Build", "\"2980\"", 1),
    ("Kernel-Version", "4.2.0-120", 1),
    ("Payload-Format-Version", "1", 2),
    ("System-Name", "clear-linux-os", 2),
    ("Board-Name", "board|vendor", 3),
    ("Cpu-Model", "Intel(R) Core(TM) i7-6500U", 3),
    ("Bios-Version", "1.2.3", 3),
    ("Event-Id", "0123456789abcdef0123456789abcdef", 4),
];

pub(crate) fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// A good record as HTTP headers, the TID among them, with `changes` instead of good values.
pub(crate) fn headers(changes: &[(&str, &str)]) -> Vec<(String, String)> {
    let all = HEADERS.iter().map(|(name, value, _)| (*name, *value)).chain([TID]);
    let changed = |name: &str| changes.iter().find(|(changed, _)| *changed == name).map(|(_, value)| *value);
    let added =
        changes.iter().filter(|(name, _)| *name != TID.0 && HEADERS.iter().all(|(known, ..)| known != name));
    all.map(|(name, value)| owned((name, changed(name).unwrap_or(value))))
        .chain(added.map(|pair| owned(*pair)))
        .collect()
}

/// A good record as JSON, with `changes` instead of good values.
pub(crate) fn json(payload: &str, changes: &[(&str, Value)]) -> String {
    let mut object = Map::new();
    for (name, value, _) in HEADERS {
        object.insert(name.to_lowercase().replace('-', "_"), value.into());
    }
    object.insert("payload".into(), payload.into());
    for (name, value) in changes {
        object.insert((*name).into(), value.clone());
    }
    Value::Object(object).to_string()
}
