//! A filter as SQL that both engines understand.
//!
//! Foreign text is only ever among the values, which the text names as `$1`, `$2` and so on, in their order.

use super::sql::{Value, list};
use crate::filter::{Filter, HEARTBEAT, PageFilter};
use crate::groups::guilty::GUILTY_CLASSES;
use crate::record::ClassPattern;

/// The columns of a record, in the order in which both engines write and read them, after `id`. They have the names of
/// the API, since other programs may read the table.
pub(super) const COLUMNS: &str = "ts_reception, ts_capture, record_format_version, severity, classification, \
     machine_id, arch, machine_type, build, kernel_version, payload_format_version, system_name, board_name, \
     cpu_model, bios_version, event_id, external, payload";

/// What an engine calls a column in a condition that an index had better not serve: one who is asked for the newest
/// records and takes the index of a wide condition sorts a large part of the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names {
    pub(super) class_range: &'static str,
    pub(super) reception: &'static str,
}

/// Conditions that all hold.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    texts: Vec<String>,
    pub(super) values: Vec<Value>,
}

impl Conditions {
    /// Those of a filter. Its patterns for payloads are not among them.
    pub(super) fn new(filter: &Filter, now_secs: i64, names: Names) -> Self {
        let mut all = Self::default();
        all.add_some("severity =", filter.severity.map(i64::from));
        match &filter.classification {
            Some(ClassPattern::Whole(class)) => all.add("classification =", class.clone()),
            // Classifications are ASCII, so this end is past all of them.
            Some(ClassPattern::Start(start)) if !start.is_empty() => {
                all.add(&format!("{} >=", names.class_range), start.clone());
                all.add(&format!("{} <", names.class_range), format!("{start}{}", char::MAX));
            }
            _ => {}
        }
        all.add_some("build =", filter.build.clone());
        all.add_some("machine_id =", filter.machine_id.clone());
        all.add_some("id >=", filter.from_id);
        all.add_some("id <", filter.before_id);
        all.add_some("group_id =", filter.group_id);
        all.add_some("guilty =", filter.guilty_id);
        if filter.may_have_guilty {
            let classes = GUILTY_CLASSES.map(|class| format!("'{class}'")).join(", ");
            all.add_fixed(format!("{} IN ({classes})", names.class_range));
        }
        if let Some(meant) = &filter.groups {
            // The `+` hides the index, which would have all of many groups read and sorted.
            let column = if meant.are_few { "group_id" } else { "+group_id" };
            all.add_fixed(format!("{column} IN ({})", list(meant.ids.iter().copied())));
        }
        if let Some(version) = &filter.page.failure.version {
            all.values.push(version.as_str().into());
            let at = all.values.len();
            all.add_fixed(format!("version IN (SELECT id FROM versions WHERE text = ${at})"));
        }
        if filter.event_id.is_some() {
            // What the index is for.
            all.add_fixed("group_id IS NOT NULL".to_owned());
        }
        all.add_some("event_id =", filter.event_id.clone());
        all.add_some("ts_capture >", filter.captured_after_secs);
        all.add_some(&format!("{} >=", names.reception), filter.received_since_secs(now_secs));
        all.add_page(&filter.page);
        all
    }

    fn add_page(&mut self, filter: &PageFilter) {
        self.add_some("severity >=", filter.min_severity.map(i64::from));
        self.add_some("system_name =", filter.system_name.clone());
        self.add_some("machine_type =", filter.host_type.clone());
        self.add_some("cpu_model =", filter.cpu_model.clone());
        self.add_some("kernel_version =", filter.kernel_version.clone());
        self.add_some("ts_capture >=", filter.captured_from_secs);
        self.add_some("ts_capture <", filter.captured_before_secs);
        match filter.external {
            Some(true) => self.add_fixed("external".to_owned()),
            Some(false) => self.add_fixed("NOT external".to_owned()),
            None => {}
        }
        if filter.without_heartbeats {
            self.add("classification <>", HEARTBEAT.to_owned());
        }
    }

    fn add(&mut self, condition: &str, value: impl Into<Value>) {
        self.values.push(value.into());
        self.texts.push(format!("{condition} ${}", self.values.len()));
    }

    /// Adds a condition without a value.
    pub(super) fn add_fixed(&mut self, condition: String) {
        self.texts.push(condition);
    }

    fn add_some(&mut self, condition: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.add(condition, value);
        }
    }

    /// The query for the records that match, newest id first, up to `limit` of them.
    pub(super) fn query(&self, columns: &str, limit: u32) -> String {
        let conditions = if self.texts.is_empty() { "true".to_owned() } else { self.texts.join(" AND ") };
        format!("SELECT {columns} FROM records WHERE {conditions} ORDER BY id DESC LIMIT {limit}")
    }

    /// The query for how many of the newest `limit` there are, and the last id among them.
    pub(super) fn count_query(&self, limit: u32) -> String {
        format!("SELECT count(*), min(id) FROM ({}) AS found", self.query("id", limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_named_in_their_order() {
        let filter = Filter {
            classification: Some(ClassPattern::Start("a/".into())),
            received_within_secs: Some(60),
            ..Filter::all(5)
        };
        let names = Names { class_range: "classification", reception: "+ts_reception" };
        let conditions = Conditions::new(&filter, 100, names);
        assert_eq!(
            conditions.query("id", 5),
            "SELECT id FROM records WHERE classification >= $1 AND classification < $2 AND +ts_reception >= $3 \
             ORDER BY id DESC LIMIT 5"
        );
        let last = format!("a/{}", char::MAX);
        assert_eq!(conditions.values, [Value::Text("a/".into()), Value::Text(last), Value::Int(40)]);
        assert!(Conditions::new(&Filter::all(1), 0, names).query("id", 1).contains("WHERE true ORDER"));
    }
}
