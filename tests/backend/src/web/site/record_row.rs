//! A record for the templates, and as a row of lists.

use minijinja::{Value, context};
use serde_json::Value as Json;

use super::super::Problem;
use crate::record::StoredRecord;
use crate::storage::answers::GroupOfRecord;

/// Characters of a payload's first line that stand in the table.
const PREVIEW_CHARS: usize = 100;

/// Lines of a payload among which it is searched.
const PREVIEW_LINES: usize = 100;

/// The names of a row in lists: those of the API, two that it does not have, and what the record turned out to be.
pub(super) const LIST_COLUMNS: &[&str] = &[
    "id",
    "ts_reception",
    "ts_capture",
    "severity",
    "classification",
    "system_name",
    "build",
    "kernel_version",
    "arch",
    "machine_id",
    "machine_type",
    "board_name",
    "cpu_model",
    "bios_version",
    "event_id",
    "external",
    "record_format_version",
    "payload_format_version",
    "group",
    "kind",
    "version",
    "payload",
];

/// As in the API, with what the API leaves out.
pub(super) fn json(stored: &StoredRecord) -> Result<Json, Problem> {
    let mut json = serde_json::to_value(stored).map_err(Problem::internal)?;
    if let Json::Object(map) = &mut json {
        map.insert("system_name".to_owned(), stored.record.system_name.clone().into());
        map.insert("payload_format_version".to_owned(), stored.record.payload_format_version.into());
    }
    Ok(json)
}

/// The same, with its group, if it is in one.
pub(super) fn json_in_group(stored: &StoredRecord, group: Option<&GroupOfRecord>) -> Result<Json, Problem> {
    let mut json = json(stored)?;
    if let Json::Object(map) = &mut json {
        map.insert("group".to_owned(), group.map(|group| group.id).into());
        map.insert("kind".to_owned(), group.map(|group| group.kind.name()).into());
        map.insert("version".to_owned(), group.and_then(|group| group.version.clone()).into());
    }
    Ok(json)
}

/// For the templates, with its group, if it is in one.
pub(super) fn value_in_group(stored: &StoredRecord, group: Option<&GroupOfRecord>) -> Value {
    let group = group.map(|group| {
        context! {
            id => group.id, name => group.name.clone(), kind => group.kind.name(), version => group.version.clone(),
        }
    });
    context! { group, ..value(stored) }
}

pub(super) fn value(stored: &StoredRecord) -> Value {
    let record = &stored.record;
    context! {
        id => stored.id,
        received_secs => stored.received_secs,
        captured_secs => record.captured_secs,
        severity => record.severity,
        classification => record.classification.clone(),
        build => record.build.clone(),
        machine_id => record.machine_id.clone(),
        system_name => record.system_name.clone(),
        kernel_version => record.kernel_version.clone(),
        arch => record.arch.clone(),
        host_type => record.host_type.clone(),
        board_name => record.board_name.clone(),
        cpu_model => record.cpu_model.clone(),
        bios_version => record.bios_version.clone(),
        event_id => record.event_id.clone(),
        external => record.external,
        record_format_version => record.record_format_version,
        payload_format_version => record.payload_format_version,
        preview => preview(&record.payload),
        payload => record.payload.clone(),
    }
}

/// The first line that says something, shortened; a heading does not.
fn preview(payload: &str) -> String {
    let mut lines = payload.lines().take(PREVIEW_LINES).map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or("(empty)");
    let line = if first.ends_with(':') { lines.next().unwrap_or(first) } else { first };
    match line.char_indices().nth(PREVIEW_CHARS) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::groups::kind::Kind;
    use crate::storage::tests::arrival;

    #[test]
    fn a_preview_is_one_short_line() {
        for (payload, expected) in [
            ("", "(empty)"),
            ("\n \n", "(empty)"),
            ("\n  hello \nworld", "hello"),
            ("Crash Report:\nReason: x", "Reason: x"),
            ("Only:", "Only:"),
            (&"é".repeat(100), "é".repeat(100).as_str()),
            (&"é".repeat(101), &format!("{}…", "é".repeat(100))),
        ] {
            assert_eq!(preview(payload), expected);
        }
    }

    #[test]
    fn the_columns_are_the_names_in_json() {
        let stored = StoredRecord { id: 1, received_secs: 2, record: arrival("a/b/c", 1, None).record };
        let group = GroupOfRecord { id: 3, name: "g".into(), kind: Kind::Crash, version: None };
        let Json::Object(map) = json_in_group(&stored, Some(&group)).unwrap() else { panic!("no object") };
        let mut columns = LIST_COLUMNS.to_vec();
        columns.sort_unstable();
        let mut names: Vec<_> = map.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, columns);
    }
}
