//! The objects in their order, from what is published at a moment: a function of values. The tree is TELEMETRICS-MIB's.

use super::oid::Oid;
use super::published::Published;
use std::fmt;
use std::time::Instant;
use telemetry_record::harmless;
use telemetry_store::check_states::{CheckState, State};
use telemetry_store::counters::Counter;
use telemetry_store::delivery_status::DeliveryStatus;

/// A time that there was never, and a number that is not known: the largest Gauge32.
const NEVER: u64 = u32::MAX as u64;

/// Longest text of an object, in bytes: that of a DisplayString.
const TEXT_BYTES: usize = 255;

/// The counters, in the order of their numbers.
const COUNTERS: [Counter; 9] = [
    Counter::Accepted,
    Counter::Refused,
    Counter::Delivered,
    Counter::Retried,
    Counter::Rejected,
    Counter::Expired,
    Counter::Dropped,
    Counter::SetAside,
    Counter::RateLimited,
];

/// A value, by its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Integer(i32),
    Gauge(u64),
    Counter64(u64),
    Text(String),
}

/// An object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) name: Oid,
    pub(super) value: Value,
}

/// All objects at a moment.
#[derive(Debug)]
pub(super) struct Table(Vec<Object>);

impl Value {
    /// snmpd's word for the type.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Value::Integer(_) => "integer",
            Value::Gauge(_) => "gauge",
            Value::Counter64(_) => "counter64",
            Value::Text(_) => "string",
        }
    }

    /// One line, however it came, of the bytes that there is room for.
    fn text(text: &str) -> Self {
        let mut text = harmless::word(text).into_owned();
        while text.len() > TEXT_BYTES {
            text.pop();
        }
        Value::Text(text)
    }

    fn secs(secs: Option<u64>) -> Self {
        Value::Gauge(secs.map_or(NEVER, |secs| secs.min(NEVER - 1)))
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Integer(number) => write!(f, "{number}"),
            Value::Gauge(number) => write!(f, "{}", number.min(&NEVER)),
            Value::Counter64(number) => write!(f, "{number}"),
            Value::Text(text) => f.write_str(text),
        }
    }
}

impl Table {
    /// What is published, below this name, at this moment of two clocks.
    pub(super) fn new(base: &Oid, published: &Published, now: Instant, unix_secs: u64) -> Self {
        let mut objects = Vec::new();
        let mut add = |parts: &[u32], value| objects.push(Object { name: base.with(parts), value });
        add(&[1, 1, 0], Value::Integer(if published.is_opted_in { 1 } else { 2 }));
        add(&[1, 2, 0], Value::text(env!("CARGO_PKG_VERSION")));
        add(&[1, 3, 0], Value::secs(published.age_secs(now)));
        for (number, value) in (1..).zip(delivery(published, unix_secs)) {
            add(&[2, number, 0], value);
        }
        for (number, counter) in (1..).zip(COUNTERS) {
            let total = published.counts(counter.program()).map_or(0, |counts| counts.total(counter));
            add(&[3, number, 0], Value::Counter64(total));
        }
        let checks = published.checks().map(|states| &states.checks);
        let worst =
            checks.into_iter().flat_map(|checks| checks.values()).map(state_number).max_by_key(badness);
        add(&[4, 1, 0], Value::Gauge(checks.map_or(0, |checks| checks.len() as u64)));
        add(&[4, 2, 0], Value::Integer(worst.unwrap_or(OK)));
        for column in 2..=5 {
            for (name, check) in checks.into_iter().flatten() {
                let index: Vec<u32> =
                    [4, 3, 1, column].into_iter().chain(name.bytes().map(u32::from)).collect();
                add(&index, cell(column, check, unix_secs));
            }
        }
        // Names of checks are in the order of texts, which is not that of lengths; this is.
        objects.sort_by(|a, b| a.name.cmp(&b.name));
        Self(objects)
    }

    /// The object of this name.
    pub(super) fn get(&self, name: &Oid) -> Option<&Object> {
        self.0.binary_search_by(|object| object.name.cmp(name)).ok().and_then(|at| self.0.get(at))
    }

    /// The first one behind it.
    pub(super) fn next(&self, name: &Oid) -> Option<&Object> {
        self.0.get(self.0.partition_point(|object| object.name <= *name))
    }
}

/// A reason without addresses of servers, which may hold passwords, and are nobody's who asks by SNMP.
fn without_urls(reason: &str) -> String {
    let word = |word: &str| if word.contains("://") { "(URL)".to_owned() } else { word.to_owned() };
    reason.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn delivery(published: &Published, unix_secs: u64) -> [Value; 7] {
    let status = published.delivery();
    let since = |moment: Option<u64>| Value::secs(moment.map(|moment| unix_secs.saturating_sub(moment)));
    let error = status.and_then(|status| status.last_error.as_ref());
    let waiting = status.filter(|status| status.waiting_records.is_some());
    let next_try = status.and_then(|status| status.next_try_unix_secs);
    let age = |status: &DeliveryStatus| {
        status.oldest_waiting_unix_secs.map_or(0, |oldest| unix_secs.saturating_sub(oldest))
    };
    [
        Value::Gauge(waiting.and_then(|status| status.waiting_records).unwrap_or(NEVER)),
        Value::Gauge(
            waiting.and_then(|status| status.waiting_bytes).map_or(NEVER, |bytes| bytes.div_ceil(1024)),
        ),
        Value::secs(waiting.map(age)),
        since(status.and_then(|status| status.last_delivered_unix_secs)),
        since(error.map(|error| error.unix_secs)),
        Value::text(&error.map_or_else(String::new, |error| without_urls(&error.reason))),
        Value::secs(next_try.map(|next| next.saturating_sub(unix_secs))),
    ]
}

fn cell(column: u32, check: &CheckState, unix_secs: u64) -> Value {
    match column {
        2 => Value::Integer(state_number(check)),
        3 => Value::secs(check.state.map(|_| unix_secs.saturating_sub(check.since_unix_secs))),
        4 => Value::Gauge(u64::from(check.attempts)),
        _ => Value::text(&check.value.map_or_else(String::new, |value| value.to_string())),
    }
}

const OK: i32 = 2;

/// unknown(1), ok(2), warning(3), critical(4), pending(5)
fn state_number(check: &CheckState) -> i32 {
    match check.state {
        Some(State::Unknown) => 1,
        Some(State::Ok) => OK,
        Some(State::Warning) => 3,
        Some(State::Critical) => 4,
        None => 5,
    }
}

/// Which of two states is worse.
fn badness(number: &i32) -> u8 {
    match number {
        4 => 4,
        1 => 3,
        3 => 2,
        5 => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::fs;
    use std::time::Duration;
    use telemetry_store::check_states::CheckStates;
    use telemetry_store::delivery_status::DeliveryFault;

    const NOW: u64 = 1_800_000_000;

    fn full() -> Table {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("opt-in"), "").unwrap();
        fs::create_dir(dir.path().join("checks")).unwrap();
        let fault = DeliveryFault {
            unix_secs: NOW - 7,
            server: "https://me:secret@h.example/".to_owned(),
            reason: "https://h.example/v2 answered\n500".to_owned(),
        };
        let status = DeliveryStatus {
            updated_unix_secs: NOW,
            last_error: Some(fault),
            next_try_unix_secs: Some(NOW + 30),
            waiting_records: Some(3),
            waiting_bytes: Some(4097),
            oldest_waiting_unix_secs: Some(NOW - 90),
            ..DeliveryStatus::default()
        };
        status.write(dir.path()).unwrap();
        fs::write(dir.path().join("telemprobd.counters.json"), "{\"accepted\": {\"\": 9000000000}}").unwrap();
        let check = |state| CheckState { state, since_unix_secs: NOW - 60, ..CheckState::default() };
        let checks = BTreeMap::from([
            ("b".to_owned(), CheckState { value: Some(1.5), attempts: 2, ..check(Some(State::Critical)) }),
            ("aa".to_owned(), check(Some(State::Unknown))),
            ("c".to_owned(), check(None)),
        ]);
        CheckStates { updated_unix_secs: NOW, checks }.write(dir.path()).unwrap();
        let mut published = Published::new(dir.path(), dir.path());
        let now = Instant::now();
        published.refresh(now);
        Table::new(&".1.9".parse().unwrap(), &published, now + Duration::from_secs(2), NOW)
    }

    #[test]
    fn every_object_has_its_place_type_and_value() {
        let table = full();
        let lines: Vec<_> =
            table.0.iter().map(|Object { name, value }| format!("{name} {} {value}", value.kind())).collect();
        let version = format!(".1.9.1.2.0 string {}", env!("CARGO_PKG_VERSION"));
        let expected = [
            ".1.9.1.1.0 integer 1",
            &version,
            ".1.9.1.3.0 gauge 2",
            ".1.9.2.1.0 gauge 3",
            ".1.9.2.2.0 gauge 5",
            ".1.9.2.3.0 gauge 90",
            ".1.9.2.4.0 gauge 4294967295",
            ".1.9.2.5.0 gauge 7",
            ".1.9.2.6.0 string (URL) answered\\u{a}500",
            ".1.9.2.7.0 gauge 30",
            ".1.9.3.1.0 counter64 9000000000",
            ".1.9.3.2.0 counter64 0",
            ".1.9.3.3.0 counter64 0",
            ".1.9.3.4.0 counter64 0",
            ".1.9.3.5.0 counter64 0",
            ".1.9.3.6.0 counter64 0",
            ".1.9.3.7.0 counter64 0",
            ".1.9.3.8.0 counter64 0",
            ".1.9.3.9.0 counter64 0",
            ".1.9.4.1.0 gauge 3",
            ".1.9.4.2.0 integer 4",
            ".1.9.4.3.1.2.97.97 integer 1",
            ".1.9.4.3.1.2.98 integer 4",
            ".1.9.4.3.1.2.99 integer 5",
            ".1.9.4.3.1.3.97.97 gauge 60",
            ".1.9.4.3.1.3.98 gauge 60",
            ".1.9.4.3.1.3.99 gauge 4294967295",
            ".1.9.4.3.1.4.97.97 gauge 0",
            ".1.9.4.3.1.4.98 gauge 2",
            ".1.9.4.3.1.4.99 gauge 0",
            ".1.9.4.3.1.5.97.97 string ",
            ".1.9.4.3.1.5.98 string 1.5",
            ".1.9.4.3.1.5.99 string ",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_walk_gives_every_object_and_ends() {
        let table = full();
        let name = |text: &str| text.parse::<Oid>().unwrap();
        let mut walked = Vec::new();
        let mut at = name(".1.9");
        while let Some(object) = table.next(&at) {
            at = object.name.clone();
            assert_eq!(table.get(&at), Some(object));
            walked.push(object.clone());
        }
        assert_eq!(walked, table.0);
        assert_eq!(table.next(&name(".1.2")), table.0.first());
        assert_eq!(table.next(&name(".1.9.1.1")), table.0.first());
        assert_eq!(table.next(&name(".1.9.4.3.1.2.97")).unwrap().name, name(".1.9.4.3.1.2.97.97"));
        assert_eq!(table.next(&name(".1.10")), None);
        for none in [".1.9", ".1.9.1.1", ".1.9.4.3.1.2.100", ".1.8"] {
            assert_eq!(table.get(&name(none)), None, "{none}");
        }
    }

    #[test]
    fn what_was_never_published_is_unknown() {
        let dir = tempfile::tempdir().unwrap();
        let published = Published::new(dir.path(), dir.path());
        let table = Table::new(&".1".parse().unwrap(), &published, Instant::now(), NOW);
        assert_eq!(table.0.len(), 21);
        let value = |name: &str| table.get(&name.parse().unwrap()).unwrap().value.to_string();
        assert_eq!(value(".1.1.1.0"), "2");
        for unknown in [".1.1.3.0", ".1.2.1.0", ".1.2.2.0", ".1.2.3.0", ".1.2.4.0", ".1.2.5.0", ".1.2.7.0"] {
            assert_eq!(value(unknown), "4294967295", "{unknown}");
        }
        assert_eq!((value(".1.2.6.0").as_str(), value(".1.4.2.0").as_str()), ("", "2"));
    }

    #[test]
    fn texts_are_one_line_and_short() {
        let Value::Text(text) = Value::text(&"ä\n".repeat(500)) else { panic!() };
        assert!(text.len() <= TEXT_BYTES && !text.contains('\n'), "{text}");
    }
}
